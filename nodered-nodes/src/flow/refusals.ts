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

/** Rules of who follows whom, and the faults of wires that they would only repeat in other words. */
const CONNECTION_CODES: readonly string[] = [
  "R1_FIRST_TASK",
  "R2_STATUS",
  "R3_ONE_EVENT",
  "UNREACHABLE",
  "UNKNOWN_TASK",
]
/** What is said of a name that is not there. */
const CHOICE_CODES: readonly string[] = ["SCHEMA", "UNKNOWN_SERVICE", "UNKNOWN_EVENT", "UNKNOWN_TASK"]
const WIRE_CODES: readonly string[] = [
  ...CONNECTION_CODES,
  "OUTPUT_STATUS",
  "WAIT_BESIDE",
  "WAIT_TIMED_OUT",
  "WAIT_WITHOUT_TASK",
]

/**
 * Puts the agent's refusals on the nodes that they are about, behind what the drawing itself cannot say. Where wires of a
 * node cannot be said, nothing is added that only follows from that.
 * @param refusals of `application.document`, as the agent's check gives them
 */
export function placeRefusals(application: CompiledApplication, refusals: readonly Refusal[]): Fault[] {
  const { places, faults } = application
  const said = new Set(faults.map(keyOf))
  const misdrawn = new Set(faults.filter(({ code }) => WIRE_CODES.includes(code)).map(spotOf))
  const unchosen = new Set(faults.filter(({ code }) => code === "NOTHING_CHOSEN").map(spotOf))
  const placed = refusals.map(({ rule, path, message, remedy }): Fault => {
    return { ...placeOf(places, seenAt(rule, path, places)), code: rule, message, remedy }
  })
  return [
    ...faults,
    ...placed.filter((fault) => {
      if (CHOICE_CODES.includes(fault.code) && unchosen.has(spotOf(fault))) return false
      if (CONNECTION_CODES.includes(fault.code) && misdrawn.has(spotOf(fault))) return false
      // The same words twice, where one node stands for several parts of the document.
      const key = keyOf(fault)
      return !said.has(key) && said.add(key)
    }),
  ]
}

function spotOf({ node, instances }: Place): string {
  return JSON.stringify([...instances, node])
}

function keyOf(fault: Fault): string {
  return JSON.stringify([spotOf(fault), fault.code, fault.message])
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
