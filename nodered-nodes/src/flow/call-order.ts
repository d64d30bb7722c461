import type { ApplicationInput } from "../../../agent/schema/application.ts"
import { targetOf } from "./catalogue.ts"

interface Calling {
  /** Whose applications it can call. */
  readonly agent: string
  readonly name: string
  readonly document: Pick<ApplicationInput, "workflows">
}

/** @returns the same applications, each behind those that it calls: the agent knows these first. In a circle: as they come */
export function calledFirst<One extends Calling>(applications: readonly One[]): One[] {
  const byKey = new Map(applications.map((application) => [keyOf(application.agent, application.name), application]))
  const entered = new Set<One>()
  const ordered = new Set<One>()
  const open = applications.toReversed()
  for (let last = open.at(-1); last !== undefined; last = open.at(-1)) {
    const called = entered.has(last) ? [] : callsOf(last, byKey).filter((one) => !entered.has(one))
    entered.add(last)
    open.push(...called)
    if (called.length > 0) continue
    ordered.add(last)
    open.pop()
  }
  return [...ordered]
}

function callsOf<One extends Calling>({ agent, document }: One, byKey: ReadonlyMap<string, One>): One[] {
  return Object.values(document.workflows).flatMap(({ tasks }) =>
    Object.values(tasks).flatMap(({ run }) => {
      const target = targetOf(run)
      const called = "application" in target ? byKey.get(keyOf(agent, target.application)) : undefined
      return called === undefined ? [] : [called]
    }),
  )
}

function keyOf(agent: string, name: string): string {
  return JSON.stringify([agent, name])
}
