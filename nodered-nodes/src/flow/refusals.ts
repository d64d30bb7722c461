import type { Refusal, Warning } from "../../../agent/schema/application.ts"
import type { CompiledApplication } from "./compile.ts"
import type { Fault } from "./fault.ts"
import type { Place } from "./scopes.ts"

/** @returns where the part of the document that a JSON pointer names is drawn: that part, or the nearest one around it */
export function placeOf(places: ReadonlyMap<string, Place>, pointer: string): Place {
  for (let at = pointer; ; at = at.slice(0, at.lastIndexOf("/"))) {
    const place = places.get(at)
    if (place !== undefined) return place
    if (at === "") return { node: "", instances: [] }
  }
}

/**
 * Puts the agent's refusals on the nodes that they are about, behind what the drawing itself cannot say. What both say of
 * one node by the same code is said once.
 * @param refusals of `application.document`, as the agent's check gives them
 */
export function placeRefusals(application: CompiledApplication, refusals: readonly Refusal[]): Fault[] {
  const { places, faults } = application
  const said = new Set(faults.map(({ node, instances, code }) => JSON.stringify([node, instances, code])))
  const placed = refusals.map(({ rule, path, message, remedy }) => {
    return { ...placeOf(places, seenAt(rule, path, places)), code: rule, message, remedy }
  })
  return [
    ...faults,
    ...placed.filter(({ node, instances, code }) => !said.has(JSON.stringify([node, instances, code]))),
  ]
}

/** Puts the agent's warnings on the nodes that they are about. */
export function placeWarnings(
  application: CompiledApplication,
  warnings: readonly Warning[],
): (Place & { readonly message: string })[] {
  return warnings.map(({ path, message }) => ({ ...placeOf(application.places, path), message }))
}

/**
 * An entry of `after` is drawn where its wire begins, and so is what is wrong with the status. What is wrong with how the
 * statuses come together is to be mended where they do: in the task, or in the wait node in front of it.
 */
function seenAt(rule: string, path: string, places: ReadonlyMap<string, Place>): string {
  if (rule === "JOIN_NEVER" || rule === "DUPLICATE") return path.replace(/\/after(\/\d+)?$/, "/join")
  if (rule === "R2_STATUS" && places.has(`${path}/wait`)) return `${path}/wait`
  return path
}
