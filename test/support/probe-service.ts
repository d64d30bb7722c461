import type { ExecutionView } from "../../agent/schema/execution.ts"
import type { TestAgent } from "./agent.ts"
import { serviceFolder } from "./service-folder.ts"

const MANIFEST = {
  id: "probe",
  isolation: "in-process" as const,
  events: { seen: { data: { type: "object", properties: { n: {} }, required: ["n"] } } },
  tasks: { take: { statuses: { done: {} }, effect: "idempotent" as const } },
}
const CODE = `export default { tasks: { take: (inputs) => ({ status: "done", data: inputs }) } }`

/** Adds `probe`, in the agent's process: its event `seen` has a field `n`, its task `take` gives its inputs back. */
export async function addProbe(agent: TestAgent): Promise<void> {
  await agent.json("service", "add", serviceFolder(MANIFEST, CODE), "--trust")
}

/** The newest thousand of an application. */
export async function executionsOf(agent: TestAgent, app: string): Promise<ExecutionView[]> {
  return ((await (await agent.api("GET", `/executions?app=${app}&limit=1000`)).json()) as { items: ExecutionView[] })
    .items
}
