import * as v from "valibot"
import { compileDataSchema, type DataCheck } from "./data-schema.ts"
import type { JsonObject } from "./json.ts"
import { type Manifest, ManifestSchema } from "./manifest.ts"
import { isNetworkPattern } from "./network-pattern.ts"
import { LOST_NAMES } from "./names.ts"
import { settingsSchema } from "./settings.ts"

/** One thing wrong with a manifest. `path` leads to it, member by member. */
export interface ManifestIssue {
  readonly path: readonly (string | number)[]
  readonly message: string
}

export type CheckedManifest =
  | { readonly ok: true; readonly manifest: Manifest }
  | { readonly ok: false; readonly issues: readonly ManifestIssue[] }

/**
 * Everything that can be said of a manifest without its code: its shape, that every JSON Schema in it compiles, and that
 * its examples fit those schemas. The same check serves folders, and services that register over MQTT.
 * @see docs/spec/service.md#manifest
 */
export function checkManifest(document: unknown): CheckedManifest {
  const lost = [...lostNames(document)]
  if (lost.length > 0) return { ok: false, issues: lost }
  const parsed = v.safeParse(ManifestSchema, document)
  if (!parsed.success) return { ok: false, issues: parsed.issues.map(issueOf) }
  const manifest = parsed.output
  const issues = [...schemaIssues(manifest), ...permissionIssues(manifest)]
  return issues.length === 0 ? { ok: true, manifest } : { ok: false, issues }
}

/** Names that JavaScript keeps for itself: the schema's parser would leave them out without a word. */
function* lostNames(document: unknown, path: readonly string[] = []): Generator<ManifestIssue> {
  if (typeof document !== "object" || document === null) return
  for (const [name, value] of Object.entries(document)) {
    const isNamed = ["config", "events", "tasks", "statuses"].includes(path.at(-1) ?? "")
    const at = [...path, name]
    if (isNamed && LOST_NAMES.includes(name)) yield { path: at, message: `"${name}" is no name: it is reserved` }
    if (path.length < 3) yield* lostNames(value, at)
  }
}

function issueOf(issue: v.BaseIssue<unknown>): ManifestIssue {
  const path = (issue.path ?? []).map((item) => item.key as string | number)
  const unknownKey = issue.type === "strict_object" && issue.expected === "never"
  return { path, message: unknownKey ? `\`${String(path.at(-1))}\` is no field of a manifest here` : issue.message }
}

function* schemaIssues(manifest: Manifest): Generator<ManifestIssue> {
  const settings = settingsSchema(manifest)
  for (const [name, entry] of Object.entries(settings.properties)) {
    const compiled = compileDataSchema(entry)
    if (!compiled.ok) yield { path: ["config", name], message: `is no JSON Schema: ${compiled.message}` }
  }
  for (const [name, event] of Object.entries(manifest.events)) {
    const compiled = compileDataSchema(event.data)
    if (!compiled.ok) yield { path: ["events", name, "data"], message: `is no JSON Schema: ${compiled.message}` }
  }
  for (const [name, task] of Object.entries(manifest.tasks)) {
    const at = ["tasks", name]
    const inputs = compileDataSchema(task.inputs)
    if (!inputs.ok) yield { path: [...at, "inputs"], message: `is no JSON Schema: ${inputs.message}` }
    const statuses = new Map<string, DataCheck>()
    for (const [status, { data }] of Object.entries(task.statuses)) {
      const compiled = compileDataSchema(data)
      if (compiled.ok) statuses.set(status, compiled.check)
      else yield { path: [...at, "statuses", status, "data"], message: `is no JSON Schema: ${compiled.message}` }
    }
    if (inputs.ok) yield* exampleIssues(task.examples ?? [], [...at, "examples"], inputs.check, statuses)
  }
}

function* exampleIssues(
  examples: readonly { inputs: JsonObject; status: string; data?: JsonObject | undefined }[],
  at: readonly string[],
  inputs: DataCheck,
  statuses: ReadonlyMap<string, DataCheck>,
): Generator<ManifestIssue> {
  for (const [i, example] of examples.entries()) {
    for (const { path, message } of inputs(example.inputs)) {
      yield { path: [...at, i, "inputs"], message: `do not fit the task's inputs: ${path || "they"} ${message}` }
    }
    const status = statuses.get(example.status)
    if (status === undefined) {
      yield { path: [...at, i, "status"], message: `\`${example.status}\` is no status of this task` }
    } else if (example.data !== undefined) {
      for (const { path, message } of status(example.data)) {
        yield { path: [...at, i, "data"], message: `does not fit the status: ${path || "it"} ${message}` }
      }
    }
  }
}

/** Names that would let a service change how its process is run. */
const RUNTIME_VARIABLE = /^(?:NODE_|LD_|MESG_|OPENSSL_|SSLKEYLOGFILE$)/

function* permissionIssues(manifest: Manifest): Generator<ManifestIssue> {
  for (const [i, pattern] of (manifest.permissions?.network ?? []).entries()) {
    if (!isNetworkPattern(pattern)) {
      yield {
        path: ["permissions", "network", i],
        message: `\`${pattern}\` is no network pattern; write host:port, *.example.org:443, *:443 or 192.168.1.0/24:502`,
      }
    }
  }
  for (const [i, name] of (manifest.permissions?.env ?? []).entries()) {
    if (RUNTIME_VARIABLE.test(name) || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      yield { path: ["permissions", "env", i], message: `\`${name}\` cannot be handed to a service` }
    }
  }
}
