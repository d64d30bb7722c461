import * as v from "valibot"
import { AnyNamesApplicationSchema, type Application } from "../../schema/application.ts"
import { copyJson } from "../../schema/plain-json.ts"
import type { Json } from "../../schema/json.ts"
import { misplacedIn } from "./expected.ts"
import { pointerToken } from "./template.ts"

/** What was put right or left out of an application whose shape is refused. All are JSON pointers. */
export interface Unsound {
  /** Parts that do not say what was written: nothing more is said of them. */
  readonly paths: ReadonlySet<string>
  /** Tasks that are written and not there any more. */
  readonly lost: ReadonlySet<string>
  /** Workflows in which it is not known who follows whom. */
  readonly graphs: ReadonlySet<string>
}

export const ALL_SOUND: Unsound = { paths: new Set(), lost: new Set(), graphs: new Set() }

/** Whether the part says what was written. */
export function isSound(path: string, { paths }: Unsound): boolean {
  for (let part = path; part !== ""; part = part.slice(0, part.lastIndexOf("/"))) if (paths.has(part)) return false
  return true
}

export interface SoundPart {
  readonly application: Application
  readonly unsound: Unsound
}

type Keys = readonly string[]

interface Repair {
  /** `*` is any key. */
  readonly at: Keys
  /** The fault may lie deeper. */
  readonly below?: boolean
  /** What stands there instead; nothing where it is left out. */
  readonly put?: Json
  /** It was not known any more who follows whom. */
  readonly breaksGraph?: boolean
}

const EVENT: Json = { service: "?", event: "?" }
const TASK: Keys = ["workflows", "*", "tasks", "*"]

/** How faults are put right so that the rest can be read; anything else is left out where the fault is. */
const REPAIRS: readonly Repair[] = [
  { at: ["name"], put: "unnamed" },
  { at: ["config"], put: {} },
  { at: ["config", "*"], put: {} },
  { at: ["workflows"], put: {} },
  { at: ["workflows", "*"], put: { trigger: EVENT, tasks: {} }, breaksGraph: true },
  { at: ["workflows", "*", "trigger"], put: EVENT },
  { at: ["workflows", "*", "trigger", "service"], put: "?" },
  { at: ["workflows", "*", "trigger", "event"], put: "?" },
  { at: ["workflows", "*", "tasks"], put: {}, breaksGraph: true },
  { at: TASK, put: { run: "?.?" }, breaksGraph: true },
  { at: [...TASK, "run"], put: "?.?" },
  { at: [...TASK, "after"], below: true, breaksGraph: true },
  { at: [...TASK, "join"], put: "any" },
  { at: [...TASK, "wait"], put: EVENT },
  { at: [...TASK, "wait", "service"], put: "?" },
  { at: [...TASK, "wait", "event"], put: "?" },
  { at: ["outputs", "*"] },
  { at: ["outputs", "*", "from"], put: "?.?" },
]

/** Each pass puts right all that the schema finds; a part put right shows nothing new twice. */
const PASSES_MAX = 4

/**
 * What can still be judged of an application whose shape is refused: faulty parts are replaced or left out.
 * @returns null where nothing is left
 */
export function soundPart(document: unknown): SoundPart | null {
  if (typeof document !== "object" || document === null || Array.isArray(document)) return null
  const whole = copyJson(document as Json) as Record<string, Json>
  const paths = new Set<string>()
  const graphs = new Set<string>()
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const { lists, unknown } = misplacedIn(whole)
    for (const keys of [...lists, ...unknown]) mend(whole, keys, paths, graphs)
    const parsed = v.safeParse(AnyNamesApplicationSchema, whole)
    if (parsed.success) {
      const lost = lostTasks(document as Json, parsed.output)
      for (const task of lost) graphs.add(task.slice(0, task.indexOf("/", "/workflows/".length)))
      return { application: parsed.output, unsound: { paths, graphs, lost } }
    }
    for (const { path } of parsed.issues) {
      const keys = (path ?? []).map(({ key }) => String(key))
      mend(whole, keys, paths, graphs)
    }
  }
  return null
}

function mend(whole: Json, keys: Keys, paths: Set<string>, graphs: Set<string>): void {
  const repair = REPAIRS.find(({ at, below = false }) => matches(at, keys, below))
  const place = repair === undefined ? keys : keys.slice(0, repair.at.length)
  if (!set(whole, place, repair?.put)) return
  paths.add(pointer(place))
  if (repair?.breaksGraph === true) graphs.add(pointer(place.slice(0, 2)))
}

function matches(pattern: Keys, keys: Keys, below: boolean): boolean {
  if (below ? keys.length < pattern.length : keys.length !== pattern.length) return false
  return pattern.every((key, i) => key === "*" || key === keys[i])
}

/** Puts a value there, or takes out what is there. @returns whether there is such a place */
function set(whole: Json, keys: Keys, value: Json | undefined): boolean {
  let parent: unknown = whole
  for (const key of keys.slice(0, -1)) parent = memberOf(parent, key)
  const last = keys.at(-1)
  if (last === undefined || typeof parent !== "object" || parent === null) return false
  if (value === undefined) return Reflect.deleteProperty(parent, last)
  return Reflect.defineProperty(parent, last, {
    value: copyJson(value),
    enumerable: true,
    writable: true,
    configurable: true,
  })
}

function lostTasks(document: Json, { workflows }: Application): Set<string> {
  const lost = new Set<string>()
  for (const [name, workflow] of entriesOf(memberOf(document, "workflows"))) {
    const kept = Object.hasOwn(workflows, name) ? workflows[name]!.tasks : {}
    for (const [task] of entriesOf(memberOf(workflow, "tasks"))) {
      if (!Object.hasOwn(kept, task)) lost.add(pointer(["workflows", name, "tasks", task]))
    }
  }
  return lost
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : []
}

function pointer(keys: Keys): string {
  return keys.map((key) => `/${pointerToken(key)}`).join("")
}
