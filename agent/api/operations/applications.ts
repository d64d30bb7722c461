import type { Operation } from "./operation.ts"
import { PAGING_OPTIONS } from "./paging.ts"

const NAME = { name: "NAME", to: "params.name", summary: "the application" } as const
const FILE = { name: "FILE", to: "local", kind: "path", summary: "the application, YAML or JSON" } as const

export const APPLICATION_OPERATIONS = [
  {
    id: "application.validate",
    summary: "Check an application against the rules and the services here, without deploying it",
    method: "POST",
    path: "/api/v1/applications:validate",
    scope: "read",
    status: 200,
    problems: [],
    commands: [
      { name: "app validate", runner: "application", arguments: [FILE], example: "mesg app validate app.yml" },
    ],
  },
  {
    id: "application.deploy",
    summary: "Deploy an application, or a new version of it",
    method: "PUT",
    path: "/api/v1/applications/{name}",
    scope: "deploy",
    status: 200,
    idempotency: "store",
    problems: ["APPLICATION_REFUSED", "NAME_MISMATCH", "APPLICATION_CONFIG_INVALID"],
    commands: [
      {
        name: "app deploy",
        runner: "application",
        arguments: [FILE],
        options: [{ flags: "--config <file>", to: "local", kind: "path", summary: "its settings, YAML or JSON" }],
        example: "mesg app deploy app.yml --config settings.yml",
      },
    ],
  },
  {
    id: "application.list",
    summary: "Deployed applications",
    method: "GET",
    path: "/api/v1/applications",
    scope: "read",
    status: 200,
    problems: [],
    commands: [{ name: "app list", options: PAGING_OPTIONS }],
  },
  {
    id: "application.show",
    summary: "One application: its workflows, version and document",
    method: "GET",
    path: "/api/v1/applications/{name}",
    scope: "read",
    status: 200,
    problems: ["APPLICATION_NOT_FOUND"],
    commands: [
      { name: "app show", arguments: [NAME] },
      { name: "app export", summary: "Print an application's document as YAML", runner: "export", arguments: [NAME] },
    ],
  },
  {
    id: "application.pause",
    summary: "Take no new triggers; running executions go on",
    method: "POST",
    path: "/api/v1/applications/{name}:pause",
    scope: "deploy",
    status: 200,
    idempotency: "store",
    problems: ["APPLICATION_NOT_FOUND"],
    commands: [{ name: "app pause", arguments: [NAME] }],
  },
  {
    id: "application.resume",
    summary: "Take triggers again",
    method: "POST",
    path: "/api/v1/applications/{name}:resume",
    scope: "deploy",
    status: 200,
    idempotency: "store",
    problems: ["APPLICATION_NOT_FOUND"],
    commands: [{ name: "app resume", arguments: [NAME] }],
  },
  {
    id: "application.remove",
    summary: "Remove an application; running executions finish",
    method: "DELETE",
    path: "/api/v1/applications/{name}",
    scope: "deploy",
    status: 204,
    idempotency: "store",
    problems: ["APPLICATION_NOT_FOUND"],
    commands: [{ name: "app remove", arguments: [NAME] }],
  },
  {
    id: "application.run",
    summary: "Start one execution by hand, as if the data were its trigger's",
    method: "POST",
    path: "/api/v1/applications/{name}:run",
    scope: "operate",
    status: 202,
    idempotency: "store",
    problems: ["APPLICATION_NOT_FOUND", "WORKFLOW_NOT_FOUND", "EVENT_DATA_INVALID", "EVENT_TOO_LARGE", "OVERLOADED"],
    commands: [
      {
        name: "app run",
        arguments: [NAME],
        options: [
          { flags: "--workflow <name>", to: "body.workflow", summary: "which one, where it has several" },
          { flags: "--data <json>", to: "body.data", kind: "json", required: true, summary: "the trigger's data" },
        ],
        example: `mesg app run ev-charging --data '{"kwh": 12}'`,
      },
    ],
  },
] as const satisfies readonly Operation[]
