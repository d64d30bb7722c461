import * as v from "valibot"
import {
  BACKUP_PASSPHRASE_LENGTH_MAX,
  CONFIG_KEYS_MAX,
  TOKEN_LENGTH_MAX,
  TOKEN_SERVICES_MAX,
  TOKEN_TOPICS_MAX,
} from "../../../base/limits.ts"
import { ExecutionReferenceSchema, ServiceIdSchema } from "../../../schema/names.ts"
import { TOKEN_SCOPES } from "../operation.ts"
import {
  JsonObjectSchema,
  JsonSchema,
  LimitSchema,
  listOf,
  type OperationSchemas,
  pagingBy,
  pageOf,
  TimeSchema,
} from "./common.ts"

const Count = v.pipe(v.number(), v.integer(), v.minValue(0))

export const StatusSchema = v.object({
  version: v.string(),
  /** The node's public key, 64 hex digits. */
  node: v.string(),
  uptimeMs: v.number(),
  addresses: v.object({ mqtt: v.nullable(v.string()), http: v.nullable(v.string()), p2p: v.array(v.string()) }),
  events: v.object({ accepted: Count, duplicates: Count }),
  executions: v.object({ running: Count, waiting: Count, completed: Count, failed: Count }),
  /** What was lost, until the owner has acknowledged it. */
  alarm: v.nullable(v.string()),
})

export const DoctorSchema = v.object({
  ok: v.boolean(),
  checks: v.array(
    v.object({
      id: v.string(),
      ok: v.boolean(),
      title: v.string(),
      detail: v.string(),
      /** What to do, where something is wrong. */
      remedy: v.nullable(v.string()),
      /** Provisions of standards that it looks after, in a report on security. */
      standards: v.array(v.string()),
    }),
  ),
})

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const
export const LogLineSchema = v.object({
  time: TimeSchema,
  level: v.picklist(LOG_LEVELS),
  message: v.string(),
  fields: v.record(v.string(), v.unknown()),
})

export const ConfigEntrySchema = v.object({
  key: v.string(),
  value: JsonSchema,
  source: v.picklist(["default", "file", "environment", "command line"]),
  /** `config.yml:3`, `MESG_MQTT_PORT` or `--set`; empty for a default. */
  place: v.string(),
  description: v.string(),
})

export const STREAM_KINDS = ["event", "refused", "execution", "service", "application", "log"] as const
export type StreamKind = (typeof STREAM_KINDS)[number]

export const TokenSchema = v.object({
  id: v.string(),
  name: v.nullable(v.string()),
  scope: v.picklist(TOKEN_SCOPES),
  services: v.array(v.string()),
  topics: v.array(v.string()),
  created: TimeSchema,
})

const ConfigKeySchema = v.pipe(v.string(), v.regex(/^[a-zA-Z]+(?:\.[a-zA-Z]+)*$/, "a key is like mqtt.port"))
const TokenIdSchema = v.pipe(v.string(), v.regex(/^[0-9a-z]{10}$/, "is no token's id: `mesg token list` shows them"))
const FilePathSchema = v.pipe(
  v.string(),
  v.maxLength(4096),
  v.regex(/^\/[^\0]+$/, "an absolute path on the gateway, such as /var/backups/gateway.mesg"),
)

export const SYSTEM_SCHEMAS = {
  "system.welcome": {
    output: v.object({
      name: v.string(),
      about: v.string(),
      api: v.string(),
      openapi: v.string(),
      login: v.string(),
      docs: v.string(),
    }),
  },
  "system.health": { output: v.object({ status: v.literal("ok") }) },
  "system.ready": { output: v.object({ status: v.literal("ready") }) },
  "system.metrics": {},
  "system.openapi": { output: v.looseObject({ openapi: v.string() }) },
  "system.status": { output: StatusSchema },
  "system.stop": { output: v.object({ stopping: v.literal(true) }) },
  "system.doctor": {
    query: v.strictObject({ about: v.optional(v.picklist(["health", "security"])) }),
    output: DoctorSchema,
  },
  "system.logs": {
    query: v.strictObject({ limit: v.optional(LimitSchema), level: v.optional(v.picklist(LOG_LEVELS)) }),
    output: pageOf(LogLineSchema),
  },
  "system.backup": {
    body: v.optional(
      v.strictObject({
        file: v.optional(FilePathSchema),
        /** Under which the keys are sealed; without one they are left out. */
        passphrase: v.optional(v.pipe(v.string(), v.maxLength(BACKUP_PASSPHRASE_LENGTH_MAX))),
      }),
    ),
    output: v.object({ file: v.string(), bytes: v.number() }),
  },
  "config.show": { output: pageOf(ConfigEntrySchema) },
  "config.set": {
    params: v.strictObject({ key: ConfigKeySchema }),
    body: v.strictObject({ value: JsonSchema }),
    output: v.object({
      key: v.string(),
      value: JsonSchema,
      /** Whether the agent must be started again before it counts. */
      restart: v.boolean(),
    }),
  },
  "config.change": {
    body: v.strictObject({
      values: v.pipe(v.record(ConfigKeySchema, JsonSchema), v.minEntries(1), v.maxEntries(CONFIG_KEYS_MAX)),
    }),
    output: v.object({
      values: JsonObjectSchema,
      /** Whether the agent must be started again before they count. */
      restart: v.boolean(),
    }),
  },
  "stream.follow": {
    query: v.strictObject({
      kinds: v.optional(listOf(STREAM_KINDS)),
      service: v.optional(ServiceIdSchema),
      execution: v.optional(ExecutionReferenceSchema),
      app: v.optional(v.pipe(v.string(), v.maxLength(63))),
      /** For clients that cannot set Last-Event-ID. */
      after: v.optional(v.pipe(v.string(), v.maxLength(64))),
    }),
  },
  "token.list": { query: v.strictObject(pagingBy(TokenIdSchema)), output: pageOf(TokenSchema) },
  "token.create": {
    body: v.strictObject({
      name: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(100))),
      scope: v.optional(v.picklist(TOKEN_SCOPES)),
      services: v.optional(v.pipe(v.array(ServiceIdSchema), v.maxLength(TOKEN_SERVICES_MAX)), []),
      topics: v.optional(v.pipe(v.array(v.string()), v.maxLength(TOKEN_TOPICS_MAX)), []),
    }),
    /** `token` is the secret. */
    output: v.object({ ...TokenSchema.entries, token: v.string() }),
  },
  "token.verify": {
    body: v.strictObject({ token: v.pipe(v.string(), v.maxLength(TOKEN_LENGTH_MAX)) }),
    /** That of `run/token` has the id `run`. */
    output: TokenSchema,
  },
  "token.revoke": { params: v.strictObject({ id: TokenIdSchema }) },
} as const satisfies Record<string, OperationSchemas>
