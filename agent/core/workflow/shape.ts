import type * as v from "valibot"
import type { RuleCode } from "../../schema/application.ts"
import { LOST_NAMES } from "../../schema/names.ts"
import { membersAt, misplacedIn } from "./expected.ts"
import { type Refuse, useInstead } from "./refuse.ts"
import { pointerToken } from "./template.ts"

type Issue = v.BaseIssue<unknown>
type Keys = readonly string[]
type Said = readonly [rule: RuleCode, message: string, remedy: string]

/** Turns what breaks the application's shape into rules, so that people read the paper's words where one applies. */
export function shapeRefusals(document: unknown, issues: readonly Issue[], refuse: Refuse): void {
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    refuse(
      "SCHEMA",
      "",
      `an application is a map with \`name\` and \`workflows\`; this is ${kindOf(document)}`,
      "begin with `name: my-app` and `workflows:`; docs/spec/application.md has a whole one",
    )
    return
  }
  const { lists, unknown } = misplacedIn(document)
  for (const keys of lists) refuseList(keys, refuse)
  for (const keys of unknown) {
    const name = keys.at(-1)!
    const remedy = useInstead(name, membersAt(keys.slice(0, -1)), "leave it out")
    refuse("SCHEMA", pointerOf(keys), `\`${name}\` is not known here`, remedy)
  }
  const listed = new Set(lists.map(pointerOf))
  for (const issue of issues) {
    const keys = (issue.path ?? []).map((item) => String(item.key))
    if (isUnknown(issue) || keys.some((_, i) => listed.has(pointerOf(keys.slice(0, i + 1))))) continue
    const path = pointerOf(keys)
    const [rule, message, remedy] = ruleOf(issue, keys)
    refuse(rule, path, message, remedy)
  }
}

/** The parser tells the first unknown member of a map only. */
function isUnknown(issue: Issue): boolean {
  return issue.type === "strict_object" && issue.expected === "never"
}

function ruleOf(issue: Issue, keys: Keys): Said {
  const last = keys.at(-1) ?? ""
  const inWorkflow = keys[0] === "workflows"
  const isKey = issue.path?.at(-1)?.origin === "key"
  if (inWorkflow && keys.length === 3 && last === "trigger" && (isKey || issue.input === null)) {
    return [
      "R1_FIRST_TASK",
      "a workflow has exactly one trigger: one event of one service",
      "name one `service` and one `event`",
    ]
  }
  if (inWorkflow && keys[2] === "tasks" && keys[4] === "after") {
    return ["R2_STATUS", "a later task follows statuses", "write `after: <task>.<status>` or a list of them"]
  }
  if (issue.type === "strict_object" && isKey) return ["SCHEMA", `\`${last}\` is missing`, missingRemedy(last)]
  if (isKey) return ["NAME", `"${last}" is no name: ${issue.message}`, "rename it"]
  if (keys.length === 1 && last === "name") return ["NAME", sentenceOf(issue, last), "rename the application"]
  return ["SCHEMA", sentenceOf(issue, last), remedyOf(issue, keys)]
}

const EXAMPLES: Readonly<Record<string, string>> = {
  name: "name: my-app",
  workflows: "workflows: { main: { trigger: …, tasks: … } }",
  tasks: "tasks: { first: { run: <service>.<task> } }",
  run: "run: <service>.<task>",
  service: "service: <service>",
  event: "event: <event>",
  from: "from: <task>.<status>",
}

function missingRemedy(name: string): string {
  return Object.hasOwn(EXAMPLES, name) ? `add \`${EXAMPLES[name]}\`` : `add \`${name}\``
}

/** Valibot's words for a wrong kind of value say `Expected Object but received null`. */
function sentenceOf(issue: Issue, name: string): string {
  if (issue.kind !== "schema" || issue.expected === null) return issue.message
  const belongs = WORDS[issue.expected] ?? `one of ${issue.expected.replace(/^\(|\)$/g, "").replaceAll(" | ", ", ")}`
  return `\`${name}\` is ${kindOf(issue.input)}; it must be ${belongs}`
}

const WORDS: Readonly<Record<string, string>> = {
  Object: "a map",
  string: "a text",
  number: "a number",
  "(string | Array)": "a text or a list of texts",
}

function remedyOf(issue: Issue, keys: Keys): string {
  return issue.expected === "Object" ? mapRemedy(keys) : "docs/spec/application.md shows how it is written"
}

function mapRemedy(keys: Keys): string {
  if (keys[0] === "config" && keys.length === 2) return "write a JSON Schema: { type: string, default: … }"
  const members = membersAt(keys)
  return members.length === 0 ? "write a map: name: value" : `write a map with: ${members.join(", ")}`
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "empty"
  if (Array.isArray(value)) return "a list"
  if (typeof value === "object") return "a map"
  if (typeof value === "string") return value.length > 40 ? "a text" : `the text ${JSON.stringify(value)}`
  return `the ${typeof value} ${JSON.stringify(value)}`
}

/** A list where one map belongs. Paper, Rules 1 and 3 for events. */
function refuseList(keys: Keys, refuse: Refuse): void {
  const path = pointerOf(keys)
  const last = keys.at(-1) ?? ""
  if (keys[0] === "workflows" && keys.length === 3 && last === "trigger") {
    refuse("R1_FIRST_TASK", path, "the first task is connected to exactly one event", "keep one trigger")
  } else if (keys[0] === "workflows" && keys.length === 5 && last === "wait") {
    refuse(
      "R3_ONE_EVENT",
      path,
      "a later task waits for at most one external event",
      "keep one event; wait for the other in a task of its own",
    )
  } else {
    refuse("SCHEMA", path, `\`${last}\` is a list; it must be a map`, mapRemedy(keys))
  }
}

/** Names that JavaScript keeps for itself, which the schema's parser therefore leaves out without a word. */
export function refuseLostNames(document: unknown, refuse: Refuse): void {
  const look = (value: unknown, key: string, at: string) => {
    for (const [name] of members(value, key)) {
      if (!LOST_NAMES.includes(name)) continue
      refuse("NAME", `${at}/${key}/${name}`, `"${name}" is no name: it is reserved`, "rename it")
    }
  }
  for (const key of ["config", "workflows", "outputs"]) look(document, key, "")
  for (const [name, workflow] of members(document, "workflows")) {
    look(workflow, "tasks", `/workflows/${pointerToken(name)}`)
  }
}

function members(value: unknown, key: string): [string, unknown][] {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return []
  const inner = (value as Record<string, unknown>)[key]
  return typeof inner === "object" && inner !== null ? Object.entries(inner) : []
}

function pointerOf(keys: Keys): string {
  return keys.map((key) => `/${pointerToken(key)}`).join("")
}
