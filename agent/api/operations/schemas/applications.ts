import * as v from "valibot"
import { RULE_CODES } from "../../../schema/application.ts"
import { ExecutionViewSchema, TASK_STATES } from "../../../schema/execution.ts"
import { ApplicationNameSchema, KeySchema, TaskNameSchema } from "../../../schema/names.ts"
import { JsonObjectSchema, JsonSchema, type OperationSchemas, pagingBy, pageOf, TimeSchema } from "./common.ts"

const WarningSchema = v.object({ path: v.string(), message: v.string() })
export const RefusalSchema = v.object({
  rule: v.picklist(RULE_CODES),
  /** JSON pointer into the application. */
  path: v.string(),
  message: v.string(),
  remedy: v.string(),
})

const VerdictSchema = v.object({
  ok: v.boolean(),
  refusals: v.array(RefusalSchema),
  warnings: v.array(WarningSchema),
})

const OutcomeSchema = v.strictObject({ status: KeySchema, data: v.optional(JsonSchema) })

/** What would become of one event; `status` is null where nothing starts. */
const DryExecutionSchema = v.object({
  workflow: v.string(),
  trigger: v.object({ service: v.string(), event: v.string(), data: JsonSchema, passes: v.boolean() }),
  status: v.nullable(ExecutionViewSchema.entries.status),
  branches: ExecutionViewSchema.entries.branches,
  tasks: v.record(
    v.string(),
    v.object({
      run: v.string(),
      state: v.picklist(TASK_STATES),
      status: v.nullable(v.string()),
      data: JsonSchema,
      inputs: JsonSchema,
      assumed: v.nullable(v.picklist(["given", "example", "schema"])),
      waits: v.nullable(v.object({ service: v.string(), event: v.string() })),
    }),
  ),
})

const ApplicationViewSchema = v.object({
  name: v.string(),
  description: v.nullable(v.string()),
  visibility: v.picklist(["private", "public"]),
  version: v.number(),
  paused: v.boolean(),
  deployed: TimeSchema,
  /** Secret settings that must be given again: they were sealed under the key of another home. */
  lostSecrets: v.array(v.string()),
  /** What it uses and is not here: ids of services, and `app:<name>`. */
  missing: v.array(v.string()),
  workflows: v.array(
    v.object({
      name: v.string(),
      trigger: v.object({ service: v.string(), event: v.string() }),
      tasks: v.array(v.string()),
    }),
  ),
})

/** The application itself, or `{application, config}` with its settings. What it may be is the rules' to say. */
const DeploymentSchema = v.union([
  v.strictObject({ application: JsonSchema, config: v.optional(JsonObjectSchema, {}) }),
  v.pipe(
    JsonObjectSchema,
    v.check((document) => !("application" in document), "an application, or {application, config}"),
    v.transform((application) => ({ application, config: {} })),
  ),
])

const Params = v.strictObject({ name: ApplicationNameSchema })

export const APPLICATION_SCHEMAS = {
  "application.validate": {
    body: DeploymentSchema,
    output: VerdictSchema,
  },
  "application.dryRun": {
    body: v.strictObject({
      application: JsonSchema,
      config: v.optional(JsonObjectSchema, {}),
      workflow: v.optional(KeySchema),
      /** Made up from the event's schema where it is left out. */
      data: v.optional(JsonSchema),
      outcomes: v.optional(v.record(TaskNameSchema, OutcomeSchema), {}),
    }),
    output: v.object({ ...VerdictSchema.entries, run: v.nullable(DryExecutionSchema) }),
  },
  "application.deploy": {
    params: Params,
    body: DeploymentSchema,
    output: v.object({ ...ApplicationViewSchema.entries, warnings: v.array(WarningSchema) }),
  },
  "application.list": { query: v.strictObject(pagingBy(ApplicationNameSchema)), output: pageOf(ApplicationViewSchema) },
  "application.show": {
    params: Params,
    output: v.object({ ...ApplicationViewSchema.entries, document: JsonObjectSchema }),
  },
  "application.pause": { params: Params, output: ApplicationViewSchema },
  "application.resume": { params: Params, output: ApplicationViewSchema },
  "application.remove": { params: Params },
  "application.run": {
    params: Params,
    body: v.strictObject({ workflow: v.optional(KeySchema), data: JsonSchema }),
    output: ExecutionViewSchema,
  },
} as const satisfies Record<string, OperationSchemas>
