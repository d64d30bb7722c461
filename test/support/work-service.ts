import type { ManifestInput } from "../../agent/schema/manifest.ts"

const ANY = { data: { type: "object" } } as const

/** A service for tests of the engine that need any service: `go` triggers, `later` is waited for, `do` is done. */
export const WORK: ManifestInput = {
  id: "work",
  name: "Work",
  version: "1.0.0",
  isolation: "in-process",
  events: { go: ANY, later: ANY },
  tasks: { do: { statuses: { ok: ANY }, effect: "idempotent" } },
}

/** An application of one workflow that `go` triggers. */
export function workApplication(name: string, tasks: object = { a: { run: "work.do" } }) {
  return { name, workflows: { w: { trigger: { service: "work", event: "go" }, tasks } } }
}

/** One task, and one that waits for `later`. */
export const ONE_WAITS = {
  a: { run: "work.do" },
  b: { run: "work.do", after: "a.ok", wait: { service: "work", event: "later" } },
}
