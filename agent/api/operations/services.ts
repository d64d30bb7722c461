import type { Operation } from "./operation.ts"
import { PAGING_OPTIONS } from "./paging.ts"

const SERVICE = { name: "SERVICE", to: "params.id", summary: "the service's id" } as const

export const SERVICE_OPERATIONS = [
  {
    id: "service.list",
    summary: "Installed services and how they stand",
    method: "GET",
    path: "/api/v1/services",
    scope: "read",
    status: 200,
    problems: [],
    commands: [{ name: "service list", options: PAGING_OPTIONS }],
  },
  {
    id: "service.show",
    summary: "One service: its manifest, its settings without secrets, its state",
    method: "GET",
    path: "/api/v1/services/{id}",
    scope: "read",
    status: 200,
    problems: ["SERVICE_NOT_FOUND"],
    commands: [{ name: "service show", arguments: [SERVICE] }],
  },
  {
    id: "service.add",
    summary: "Add or upgrade a service from a folder on the gateway",
    method: "POST",
    path: "/api/v1/services",
    scope: "admin",
    status: 201,
    idempotency: "store",
    problems: ["MANIFEST_MISSING", "MANIFEST_INVALID", "SOURCE_INVALID", "SERVICE_BUILT_IN", "SERVICE_ID_TAKEN"],
    commands: [
      {
        name: "service add",
        arguments: [{ name: "DIR", to: "body.folder", kind: "path", summary: "folder with service.yml" }],
        options: [
          {
            flags: "--trust",
            to: "body.trust",
            kind: "flag",
            summary: "run it inside the agent, with all its rights, where its manifest asks for that",
          },
          {
            flags: "--network-any",
            to: "body.networkAny",
            kind: "flag",
            summary: "let it reach any host, not only those it declares",
          },
          { flags: "--config <json>", to: "body.config", kind: "json", summary: "its settings" },
        ],
        example: "mesg service add ./thermometer",
      },
    ],
  },
  {
    id: "service.remove",
    summary: "Stop and remove a service",
    method: "DELETE",
    path: "/api/v1/services/{id}",
    scope: "admin",
    status: 204,
    idempotency: "store",
    problems: ["SERVICE_NOT_FOUND", "SERVICE_REMOTE", "SERVICE_BUILT_IN"],
    commands: [{ name: "service remove", arguments: [SERVICE] }],
  },
  {
    id: "service.configure",
    summary: "Merge settings into a service's and restart it with them",
    method: "PATCH",
    path: "/api/v1/services/{id}/config",
    scope: "deploy",
    status: 200,
    idempotency: "store",
    problems: ["SERVICE_NOT_FOUND", "SERVICE_REMOTE", "SERVICE_SETTING_UNKNOWN", "SETTINGS_INVALID"],
    commands: [
      {
        name: "service configure",
        arguments: [SERVICE],
        options: [
          { flags: "--config <json>", to: "body", kind: "json", required: true, summary: "the settings to change" },
        ],
        example: `mesg service configure http --config '{"port": 8080}'`,
      },
    ],
  },
  {
    id: "service.call",
    summary: "Call a task outside any workflow, durably",
    method: "POST",
    path: "/api/v1/services/{id}/tasks/{task}",
    scope: "operate",
    status: 202,
    alternative: { status: 200, when: "the request said `Prefer: wait=<seconds>` and the task ended in that time" },
    idempotency: "store",
    problems: ["SERVICE_NOT_FOUND", "SERVICE_TASK_NOT_FOUND", "OVERLOADED"],
    commands: [
      {
        name: "service call",
        arguments: [SERVICE, { name: "TASK", to: "params.task", summary: "one of its tasks" }],
        options: [
          { flags: "--inputs <json>", to: "body.inputs", kind: "json", summary: "what the task is given" },
          { flags: "--wait <seconds>", to: "headers.prefer-wait", kind: "number", summary: "how long to wait for it" },
        ],
        example: `mesg service call log write --inputs '{"message": "hello"}' --wait 10`,
      },
    ],
  },
  {
    id: "event.emit",
    summary: "Send an event in a service's name; durable when this answers",
    method: "POST",
    path: "/api/v1/services/{id}/events/{event}",
    scope: "operate",
    status: 202,
    idempotency: "event",
    serviceParam: "id",
    problems: [
      "UNKNOWN_SERVICE",
      "UNKNOWN_EVENT",
      "EVENT_DATA_INVALID",
      "EVENT_TOO_LARGE",
      "EVENT_ID_INVALID",
      "IDEMPOTENCY_KEY_REUSED",
      "OVERLOADED",
    ],
    commands: [
      {
        name: "event emit",
        arguments: [SERVICE, { name: "EVENT", to: "params.event", summary: "one of its events" }],
        options: [
          { flags: "--data <json>", to: "body.data", kind: "json", required: true, summary: "the event's data" },
          { flags: "--id <id>", to: "body.id", summary: "its id: a repeat with the same one is recognised" },
        ],
        example: `mesg event emit ocpp transaction-stopped --data '{"id": "car-1", "kwh": 12}'`,
      },
    ],
  },
  {
    id: "event.refused",
    summary: "Events that were refused, newest first, with the reason",
    method: "GET",
    path: "/api/v1/events/refused",
    scope: "read",
    status: 200,
    problems: [],
    commands: [{ name: "event refused", options: PAGING_OPTIONS }],
  },
] as const satisfies readonly Operation[]
