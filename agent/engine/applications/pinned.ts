import type { Catalogue } from "../../core/workflow/compile.ts"
import { compileWorkflow } from "../../core/workflow/compile.ts"
import type { TaskDefinition, WorkflowDefinition } from "../../core/workflow/definition.ts"
import { type ApplicationName, CALLED, type ServiceId } from "../../base/ids.ts"
import { TASK_TIMEOUT_MS_DEFAULT } from "../../base/limits.ts"
import { putSecrets, secretPlaces } from "../../core/workflow/secrets.ts"
import type { Application } from "../../schema/application.ts"
import { compileDataSchema, type DataCheck, type DataIssue } from "../../schema/data-schema.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import type { Manifest, ManifestTask } from "../../schema/manifest.ts"
import { inAllForms } from "../../schema/redact.ts"
import { secretSettings, shownSettings } from "../../schema/settings.ts"

/** A definition with the schemas of the manifests it was compiled against: both stay as they were at deployment. */
export interface PinnedWorkflow {
  readonly definition: WorkflowDefinition
  /** @returns why the data breaks the schema of the trigger's event, empty where it fits */
  checkTrigger(data: Json): readonly DataIssue[]
  /** @param task index in the definition. @returns why the inputs break the task's schema, empty where they fit */
  checkInputs(task: number, inputs: Json): readonly DataIssue[]
  /** @returns why the data breaks the schema of that status, empty where it fits or the status is not declared */
  checkResult(task: number, status: string, data: Json): readonly DataIssue[]
  /** @param output index in the definition. @returns why the data breaks the schema of that output, empty where it fits */
  checkOutput(output: number, data: Json): readonly DataIssue[]
  /** The inputs of a task as its service gets them: with the secrets in the places where HIDDEN was recorded. */
  reveal(task: number, recorded: Json): Revealed
  /** The secrets among the inputs of a task, without those that cannot be opened. */
  secrets(task: number): readonly Json[]
  /** How many executions of the task may run at once here; null leaves it to the default. */
  concurrency(task: number): number | null
}

export type Revealed =
  | { readonly ok: true; readonly inputs: Json; readonly secrets: readonly Json[] }
  /** The setting cannot be opened: it was sealed under the key of another home. */
  | { readonly ok: false; readonly setting: string }

const FITS: readonly DataIssue[] = []

/**
 * Pins one workflow of a deployed application.
 * @param config with the secrets sealed
 * @param open a secret setting in clear, undefined where it cannot be opened
 */
export function pinWorkflow(
  application: Application,
  workflow: string,
  version: number,
  config: JsonObject,
  catalogue: Catalogue,
  open: (setting: string) => Json | undefined = () => undefined,
): PinnedWorkflow {
  const definition = compileWorkflow(application, workflow, version, shownSettings(application, config), catalogue)
  const manifestOf = (task: TaskDefinition) =>
    "service" in task.run ? catalogue.manifest(task.run.service)?.tasks[task.run.task] : undefined
  const sealed = secretsOf(definition, secretSettings(application), open)
  const { service, event } = definition.trigger
  const trigger = () => checkOf(catalogue.manifest(service)?.events[event]?.data)
  return pin(definition, trigger, manifestOf, sealed, application.outputs)
}

/** Pins a task that is called outside any application: a workflow of one task, triggered by the call itself. */
export function pinCall(service: string, task: string, manifest: ManifestTask): PinnedWorkflow {
  const redact = inAllForms(manifest.redact ?? [], manifest.forms)
  const definition: WorkflowDefinition = {
    v: 1,
    app: CALLED as ApplicationName,
    workflow: `${service}.${task}`,
    version: 0,
    config: {},
    trigger: { service, event: "call", where: null, debounceMs: null, throttleMs: null, overlap: "parallel" },
    first: 0,
    tasks: [
      {
        name: "call",
        run: { service: service as ServiceId, task },
        with: "{{ trigger.data }}",
        after: [],
        join: "all",
        wait: null,
        statuses: Object.keys(manifest.statuses),
        effect: manifest.effect,
        retry: manifest.retry ?? { attempts: 1, backoffMs: 500, factor: 2 },
        timeoutMs: manifest.timeoutMs ?? TASK_TIMEOUT_MS_DEFAULT,
        behind: [],
      },
    ],
    branches: [[0]],
    outputs: [],
    ...(redact.length === 0 ? {} : { redact: { events: { [`${service}/call`]: redact }, tasks: [redact] } }),
  }
  // The inputs are the trigger's data, and checked as inputs.
  return pin(
    definition,
    () => anything,
    () => manifest,
    NO_SECRETS,
    undefined,
  )
}

function pin(
  definition: WorkflowDefinition,
  triggerCheck: () => DataCheck,
  manifestOf: (task: TaskDefinition) => ManifestTask | undefined,
  { reveal, secrets }: Secrets,
  outputs: Application["outputs"],
): PinnedWorkflow {
  const tasks = definition.tasks.map((task) => {
    const manifest = manifestOf(task)
    return {
      inputs: lazily(() => checkOf(manifest?.inputs as JsonObject | undefined)),
      results: new Map(
        Object.entries(manifest?.statuses ?? {}).map(([status, declared]) => [
          status,
          lazily(() => checkOf(declared.data as JsonObject)),
        ]),
      ),
      concurrency: manifest?.concurrency ?? null,
    }
  })
  const results = definition.outputs.map(({ status }) =>
    lazily(() => checkOf(outputs?.[status]?.schema as JsonObject | undefined)),
  )
  const trigger = lazily(triggerCheck)
  return {
    definition,
    checkTrigger: (data) => trigger()(data),
    checkInputs: (task, inputs) => tasks[task]!.inputs()(inputs),
    checkResult: (task, status, data) => tasks[task]!.results.get(status)?.()(data) ?? FITS,
    checkOutput: (output, data) => results[output]!()(data),
    reveal,
    secrets,
    concurrency: (task) => tasks[task]!.concurrency,
  }
}

type Secrets = Pick<PinnedWorkflow, "reveal" | "secrets">

const NO_SECRETS: Secrets = {
  reveal: (_, inputs) => ({ ok: true, inputs, secrets: [] }),
  secrets: () => [],
}

function secretsOf(
  { tasks }: WorkflowDefinition,
  names: readonly string[],
  open: (setting: string) => Json | undefined,
): Secrets {
  if (names.length === 0) return NO_SECRETS
  const places = tasks.map((task) => secretPlaces(task.with, names))
  const opened = (task: number) => places[task]!.map((place) => ({ ...place, value: open(place.setting) }))
  return {
    reveal(task, recorded) {
      const values = []
      for (const { value, ...place } of opened(task)) {
        if (value === undefined) return { ok: false, setting: place.setting }
        values.push({ ...place, value })
      }
      return { ok: true, inputs: putSecrets(recorded, values), secrets: values.map(({ value }) => value) }
    },
    secrets: (task) => opened(task).flatMap(({ value }) => (value === undefined ? [] : [value])),
  }
}

const anything: DataCheck = () => FITS

function checkOf(schema: JsonObject | undefined): DataCheck {
  if (schema === undefined || Object.keys(schema).length === 0) return anything
  const compiled = compileDataSchema(schema)
  return compiled.ok ? compiled.check : () => [{ path: "", message: compiled.message }]
}

function lazily<Value>(make: () => Value): () => Value {
  let value: Value | undefined
  return () => (value ??= make())
}

/** Manifests by id, as a catalogue for compiling what was deployed with them. */
export function catalogueOf(
  manifests: Readonly<Record<string, Manifest>>,
  applications: Readonly<Record<string, Application>>,
): Catalogue {
  return {
    manifest: (id) => (Object.hasOwn(manifests, id) ? manifests[id] : undefined),
    application: (name) => (Object.hasOwn(applications, name) ? applications[name] : undefined),
  }
}
