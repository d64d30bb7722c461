import type { Operation } from "./operation.ts"
import { PAGING_OPTIONS } from "./paging.ts"

const ID = { name: "ID", to: "params.id", summary: "the execution" } as const

export const EXECUTION_OPERATIONS = [
  {
    id: "execution.list",
    summary: "Executions, newest first",
    method: "GET",
    path: "/api/v1/executions",
    scope: "read",
    status: 200,
    problems: [],
    commands: [
      {
        name: "execution list",
        options: [
          { flags: "--app <name>", to: "query.app", summary: "only those of one application" },
          {
            flags: "--status <status>",
            to: "query.status",
            choices: ["created", "running", "waiting", "completed", "failed", "cancelled"],
            summary: "only those that stand so",
          },
          {
            flags: "--since <time>",
            to: "query.since",
            kind: "since",
            summary: "only those started since a time, or in the last 10m, 2h, 7d",
          },
          ...PAGING_OPTIONS,
        ],
      },
    ],
  },
  {
    id: "execution.show",
    summary: "One execution: state, branches, tasks and transitions",
    method: "GET",
    path: "/api/v1/executions/{id}",
    scope: "read",
    status: 200,
    problems: ["EXECUTION_NOT_FOUND"],
    commands: [{ name: "execution show", arguments: [ID] }],
  },
  {
    id: "execution.cancel",
    summary: "Cancel an execution; tasks that follow `cancelled` still run",
    method: "POST",
    path: "/api/v1/executions/{id}:cancel",
    scope: "operate",
    status: 202,
    idempotency: "store",
    problems: ["EXECUTION_NOT_FOUND", "EXECUTION_ENDED"],
    commands: [{ name: "execution cancel", arguments: [ID] }],
  },
  {
    id: "execution.retry",
    summary: "Start a new execution of the same trigger and version, linked to the old one",
    method: "POST",
    path: "/api/v1/executions/{id}:retry",
    scope: "operate",
    status: 202,
    idempotency: "store",
    problems: ["EXECUTION_NOT_FOUND", "EXECUTION_NOT_ENDED", "OVERLOADED"],
    commands: [{ name: "execution retry", arguments: [ID] }],
  },
] as const satisfies readonly Operation[]
