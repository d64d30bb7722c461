import * as v from "valibot"
import { DESCRIPTION_LENGTH_MAX, DURATION_MS_MAX, EXPRESSION_LENGTH_MAX } from "../base/limits.ts"
import { parseDuration } from "../base/duration.ts"
import { ApplicationNameSchema, KeySchema, SettingNameSchema, TaskNameSchema } from "./names.ts"
import { RetrySchema } from "./manifest.ts"
import { RedactSchema } from "./redact.ts"

/** `10s`, `1m`, `7d`: kept as text in the document, turned into ms when the workflow is compiled. */
export const DurationSchema = v.pipe(
  v.string(),
  v.check((text) => parseDuration(text) !== null, "a duration is like 500ms, 10s, 1m, 2h30m or 7d"),
  v.check((text) => (parseDuration(text) ?? 0) <= DURATION_MS_MAX, "a duration is at most 3650d"),
)
const ExpressionSchema = v.pipe(v.string(), v.minLength(1), v.maxLength(EXPRESSION_LENGTH_MAX))
const KeyTextSchema = v.pipe(v.string(), v.minLength(1), v.maxLength(63))

const TriggerSchema = v.strictObject({
  service: KeyTextSchema,
  event: KeyTextSchema,
  where: v.optional(ExpressionSchema),
  debounce: v.optional(DurationSchema),
  throttle: v.optional(DurationSchema),
  overlap: v.optional(v.picklist(["parallel", "queue", "skip"]), "parallel"),
  /** What executions do not show of the event's data. */
  redact: v.optional(RedactSchema),
})

const WaitSchema = v.strictObject({
  service: KeyTextSchema,
  event: KeyTextSchema,
  where: v.optional(ExpressionSchema),
  timeout: v.optional(DurationSchema),
  redact: v.optional(RedactSchema),
})

const TaskSchema = v.strictObject({
  description: v.optional(v.pipe(v.string(), v.maxLength(DESCRIPTION_LENGTH_MAX))),
  /** `<service>.<task>`, or `app:<name>` for a public application used as a task. */
  run: v.pipe(v.string(), v.regex(/^(?:[^.\s]+\.[^.\s]+|app:[^.\s]+)$/, "`run` is <service>.<task> or app:<name>")),
  with: v.optional(v.unknown(), {}),
  after: v.optional(v.union([v.string(), v.array(v.string())])),
  join: v.optional(v.picklist(["all", "any"]), "all"),
  wait: v.optional(WaitSchema),
  retry: v.optional(RetrySchema),
  timeout: v.optional(DurationSchema),
  /** What executions do not show of its inputs and of the data it ends with. */
  redact: v.optional(RedactSchema),
})

const OutputSchema = v.strictObject({
  from: v.string(),
  data: v.optional(v.unknown(), {}),
  schema: v.optional(v.looseObject({})),
})

type NameSchema = v.GenericSchema<string, string>

function applicationSchema<Name extends v.GenericSchema<string, string>>(names: {
  application: Name
  setting: NameSchema
  key: NameSchema
  task: NameSchema
}) {
  const description = v.optional(v.pipe(v.string(), v.maxLength(DESCRIPTION_LENGTH_MAX)))
  return v.strictObject({
    name: names.application,
    description,
    visibility: v.optional(v.picklist(["private", "public"]), "private"),
    config: v.optional(
      v.record(names.setting, v.looseObject({ default: v.optional(v.unknown()), secret: v.optional(v.boolean()) })),
      {},
    ),
    workflows: v.record(
      names.key,
      v.strictObject({ description, trigger: TriggerSchema, tasks: v.record(names.task, TaskSchema) }),
    ),
    outputs: v.optional(v.record(names.key, OutputSchema)),
  })
}

/** `app.yml`: workflows and the logic between them. See docs/spec/application.md. */
export const ApplicationSchema = applicationSchema({
  application: ApplicationNameSchema,
  setting: SettingNameSchema,
  key: KeySchema,
  task: TaskNameSchema,
})

const ANY_NAME = v.string()
/** The same with names of any form: for what can still be said of an application that is refused. */
export const AnyNamesApplicationSchema = applicationSchema({
  application: ApplicationNameSchema,
  setting: ANY_NAME,
  key: ANY_NAME,
  task: ANY_NAME,
})

export type Application = v.InferOutput<typeof ApplicationSchema>
export type ApplicationInput = v.InferInput<typeof ApplicationSchema>
export type ApplicationWorkflow = Application["workflows"][string]
export type ApplicationTask = ApplicationWorkflow["tasks"][string]
export type ApplicationWait = NonNullable<ApplicationTask["wait"]>

/** Why an application is refused: stable codes, listed in docs/spec/application.md. */
export const RULE_CODES = [
  "R1_FIRST_TASK",
  "R2_STATUS",
  "R3_ONE_EVENT",
  "UNKNOWN_SERVICE",
  "UNKNOWN_EVENT",
  "UNKNOWN_TASK",
  "UNKNOWN_STATUS",
  "CYCLE",
  "UNREACHABLE",
  "JOIN_NEVER",
  "DUPLICATE",
  "EXPRESSION",
  "UNKNOWN_NAME",
  "NAME",
  "SECRET",
  "LIMIT",
  "SYNTAX",
  "SCHEMA",
] as const
export type RuleCode = (typeof RULE_CODES)[number]

/** One broken rule. `path` is a JSON pointer into the application; `line` and `column` (1-based) where it came from a file. */
export interface Refusal {
  readonly rule: RuleCode
  readonly path: string
  readonly message: string
  readonly remedy: string
  readonly file?: string
  readonly line?: number
  readonly column?: number
}

/** Something that works but was probably not meant: a status nobody handles. */
export interface Warning {
  readonly path: string
  readonly message: string
  readonly file?: string
  readonly line?: number
  readonly column?: number
}
