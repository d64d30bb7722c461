import fc from "fast-check"
import type { Application, ApplicationInput } from "../../agent/schema/application.ts"
import { asKept } from "./flows.ts"

type Workflow = ApplicationInput["workflows"][string]
type Task = Workflow["tasks"][string]

const key = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/)
const taskName = fc.stringMatching(/^[a-z][A-Za-z0-9_]{0,12}$/).filter((name) => name !== "constructor")
const setting = fc.stringMatching(/^[a-zA-Z][A-Za-z0-9_-]{0,8}$/).filter((name) => name !== "constructor")
const duration = fc.constantFrom("500ms", "10s", "2h30m", "7d")
const pointers = fc.array(fc.constantFrom("/a", "/rows/*/b"), { minLength: 1, maxLength: 2 })
const text = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "{{ trigger.data.n }}",
    "{{trigger.data.n}}",
    "{{ a }} and {{ b }}",
    '{{ {"a": "}}"} }}',
    "{{  spaced  }}",
    "{{ }}",
    "{{ x",
    "{{ /}}/ }}",
    "$.a",
    "",
  ),
)
// -0 is no JSON, and a property of this name is lost in many places before it comes here.
const json = fc
  .jsonValue({ maxDepth: 2 })
  .map((value) => JSON.parse(JSON.stringify(value).replaceAll("__proto__", "proto")) as unknown)
const value = fc.oneof(
  text,
  json,
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
  fc.boolean(),
)
const fields = fc.dictionary(
  fc.string().filter((name) => name !== "__proto__"),
  value,
  { maxKeys: 4, noNullPrototype: true },
)
const status = fc.constantFrom("ok", "no", "done", "part", "error", "timed-out", "cancelled", "gone")
const maybe = <Value>(some: fc.Arbitrary<Value>) => fc.option(some, { nil: undefined, freq: 3 })
const where = fc.constantFrom("data.n > 0", "data.id = trigger.data.id", "$contains(data.a, /x/)")
const wait = fc.record(
  { service: fc.constant("s"), event: key, where, timeout: duration, redact: pointers },
  { requiredKeys: ["service", "event"] },
)

const draft = fc.record({
  run: fc.constantFrom("s.t", "s.u", "s.strict", "other.thing", "app:pay"),
  parents: fc.uniqueArray(fc.record({ at: fc.nat(), status }), {
    minLength: 1,
    maxLength: 3,
    selector: ({ at, status: one }) => `${at} ${one}`,
  }),
  listed: fc.boolean(),
  join: maybe(fc.constantFrom<"all" | "any">("all", "any")),
  with: maybe(fc.oneof(fields, value)),
  wait: maybe(wait),
  retry: maybe(fc.record({ attempts: fc.integer({ min: 1, max: 5 }) }, { requiredKeys: [] })),
  timeout: maybe(duration),
  redact: maybe(pointers),
  description: maybe(fc.string({ minLength: 1 })),
})

const workflow: fc.Arbitrary<Workflow> = fc
  .record({
    description: maybe(fc.string({ minLength: 1 })),
    trigger: fc.record(
      {
        service: fc.constantFrom("s", "other"),
        event: key,
        where,
        debounce: duration,
        throttle: duration,
        overlap: fc.constantFrom<"parallel" | "queue" | "skip">("parallel", "queue", "skip"),
        redact: pointers,
      },
      { requiredKeys: ["service", "event"] },
    ),
    names: fc.uniqueArray(taskName, { minLength: 1, maxLength: 9 }),
    drafts: fc.array(draft, { minLength: 9, maxLength: 9 }),
    // The first task need not stand first.
    reversed: fc.boolean(),
  })
  .map(({ description, trigger, names, drafts, reversed }) => {
    const entries = names.map((name, i): [string, Task] => {
      const { parents, listed, wait: event, ...others } = drafts[i]!
      const said = Object.fromEntries(Object.entries(others).filter(([, one]) => one !== undefined)) as unknown as Task
      if (i === 0) return [name, listed ? { ...said, after: [] } : said]
      const after = [...new Set(parents.map(({ at, status: one }) => `${names[at % i]!}.${one}`))]
      const follows = after.length > 1 || listed ? after : after[0]!
      return [name, { ...said, after: follows, ...(event === undefined ? {} : { wait: event }) }]
    })
    const tasks = Object.fromEntries(reversed ? entries.reverse() : entries)
    return { ...(description === undefined ? {} : { description }), trigger, tasks }
  })

/** Applications of every shape that a file can have, as the agent keeps them; what they run need not be there. */
export const anyApplication: fc.Arbitrary<Application> = fc
  .record({
    name: key.filter((name) => name !== "called"),
    description: maybe(fc.string({ minLength: 1 })),
    visibility: fc.constantFrom<"private" | "public">("private", "public"),
    config: fc.dictionary(
      setting,
      fc.record(
        { type: fc.constant("string"), default: fc.string(), secret: fc.boolean() },
        { requiredKeys: ["type"] },
      ),
      { maxKeys: 3, noNullPrototype: true },
    ),
    keys: fc.uniqueArray(key, { minLength: 1, maxLength: 3 }),
    workflows: fc.array(workflow, { minLength: 3, maxLength: 3 }),
    outputs: fc.uniqueArray(
      fc.record({
        name: key,
        at: fc.nat(),
        status,
        data: maybe(fc.oneof(fields, value)),
        schema: maybe(fc.constant({ type: "object" })),
      }),
      { maxLength: 3, selector: ({ name }) => name },
    ),
  })
  .map(({ name, description, visibility, config, keys, workflows, outputs }) => {
    const chosen = keys.map((one, i) => [one, workflows[i]!] as const)
    const tasks = Object.keys(chosen[0]![1].tasks)
    const results = outputs.map(({ name: one, at, status: on, data, schema }) => [
      one,
      {
        from: `${tasks[at % tasks.length]!}.${on}`,
        ...(data === undefined ? {} : { data }),
        ...(schema === undefined ? {} : { schema }),
      },
    ])
    return asKept({
      name,
      ...(description === undefined ? {} : { description }),
      visibility,
      config,
      workflows: Object.fromEntries(chosen),
      ...(results.length === 0 ? {} : { outputs: Object.fromEntries(results) as object }),
    })
  })
