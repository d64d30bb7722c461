import type { Application } from "../../agent/schema/application.ts"
import { asKept } from "./flows.ts"

/** Ten workflows of fifty tasks, with branches, joins, waits and expressions. Its services are SERVICE_S. */
export function largeApplication(): Application {
  const workflows = Array.from({ length: 10 }, (_, w) => {
    const tasks = Array.from({ length: 50 }, (_, t) => {
      const name = `task${t}`
      const inputs = { with: { text: `{{ trigger.data.n }} of ${t}`, n: t, all: "{{ trigger.data }}", deep: [{ t }] } }
      if (t === 0) return [name, { run: "s.u", ...inputs }]
      if (t < 40) return [name, { run: "s.t", after: `task${t - 1}.${t === 1 ? "done" : "ok"}`, ...inputs }]
      const wait = { service: "s", event: "x", where: "data.n = trigger.data.n", timeout: "1h" }
      return [name, { run: "s.t", after: [`task${t - 20}.ok`, `task${t - 30}.no`], join: "any", wait, ...inputs }]
    })
    return [`w${w}`, { trigger: { service: "s", event: "e" }, tasks: Object.fromEntries(tasks) as object }]
  })
  return asKept({ name: "large", workflows: Object.fromEntries(workflows) as object })
}
