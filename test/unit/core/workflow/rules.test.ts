import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { readDocument } from "../../../../agent/api/cli/document.ts"
import { placed, type Verdict } from "../../../../agent/api/cli/verdict.ts"
import {
  BRANCHES_PER_WORKFLOW_MAX,
  EXPRESSIONS_PER_APPLICATION_MAX,
  REFUSALS_TOLD_MAX,
  TASKS_PER_APPLICATION_MAX,
  APPLICATION_BYTES_MAX,
  APPLICATION_DEPTH_MAX,
  TASKS_PER_WORKFLOW_MAX,
  WORKFLOWS_PER_APPLICATION_MAX,
} from "../../../../agent/base/limits.ts"
import { type CheckedApplication, checkApplication } from "../../../../agent/core/workflow/rules.ts"
import { JsonataExpressions } from "../../../../agent/io/expressions/expressions.ts"
import { type Application, RULE_CODES } from "../../../../agent/schema/application.ts"
import { assertGolden } from "../../../support/golden.ts"
import { applicationOf, catalogueOf, SERVICE_S, type TaskDocument } from "../../../support/workflow.ts"

/*
 * One file per application. What must be refused is marked on the line that people are sent to:
 * `# ! RULE /json/pointer`, with `-` for a document that cannot be read at all. A file without marks is fine.
 */
const FOLDER = join(import.meta.dirname, "../../../golden/rules")
const files = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".yml"))
  .sort()

const expressions = new JsonataExpressions()
const published = (name: string, visibility: "public" | "private", run: string): Application => {
  const document = { ...applicationOf({ a: { run } }), name, visibility, outputs: { paid: { from: "a.error" } } }
  return document as unknown as Application
}
const catalogue = catalogueOf(
  [SERVICE_S],
  [
    published("pay", "public", "s.t"),
    published("secret", "private", "s.t"),
    published("loops", "public", "app:further"),
    published("further", "public", "app:golden"),
  ],
)
const check = (document: unknown): CheckedApplication => checkApplication(document, catalogue, expressions)

function marksOf(text: string): string[] {
  return text
    .split("\n")
    .flatMap((line, i) =>
      [...line.matchAll(/ # ! ([A-Z0-9_]+) (.+?)(?= # ! |\r?$)/g)].map(
        ([, rule, path]) => `${i + 1}: ${rule} ${path === "-" ? "" : path}`,
      ),
    )
}

/** All that is said of a file, as `mesg app validate` says it. */
function verdictOf(path: string): Verdict & { readonly application: Application | null } {
  const source = readDocument(path)
  const { refusals, warnings, application } =
    source.value === undefined ? { refusals: [], warnings: [], application: null } : check(source.value)
  return { ...placed({ ok: true, refusals, warnings }, source), application }
}

describe("the rules of applications", () => {
  const seen = new Set<string>()
  const said: string[] = []

  for (const name of files) {
    const path = join(FOLDER, name)
    const marks = marksOf(readFileSync(path, "utf8"))
    it(`${name.replace(".yml", "").replaceAll("-", " ")}: ${marks.length === 0 ? "is fine" : "is refused on its line"}`, () => {
      const { refusals, warnings, application } = verdictOf(path)
      for (const { rule } of refusals) seen.add(rule)
      const found = refusals.map(({ line, rule, path }) => `${line}: ${rule} ${path}`)
      assert.deepEqual(found.toSorted(), marks.toSorted())
      if (marks.length === 0) assert.ok(application !== null)
      const at = ({ line, column }: { line?: number; column?: number }) => `${name}:${line}:${column}`
      for (const one of refusals) said.push(`${at(one)}: ${one.rule}: ${one.message}\n  ${one.remedy}\n`)
      for (const one of warnings) said.push(`${at(one)}: warning: ${one.message}\n`)
    })
  }

  it("say for each refusal the file, line, column, rule, what is wrong and what to do", () => {
    assertGolden("rules/said.txt", said.join(""))
    for (const text of said.filter((one) => !one.includes(": warning: "))) {
      assert.match(text, /^[\w-]+\.yml:\d+:\d+: [A-Z0-9_]+: .{10,}\n {2}.{5,}\n$/)
    }
  })

  it("are looked at from all sides", () => {
    assert.ok(files.length >= 60, `${files.length} applications`)
    assert.ok(files.filter((name) => name.startsWith("valid")).length >= 15)
    assert.deepEqual([...seen].sort(), [...RULE_CODES].sort(), "every rule is broken by some file")
  })

  it("each have a section in the specification, and no other code has one", () => {
    const text = readFileSync(join(import.meta.dirname, "../../../../docs/spec/application.md"), "utf8")
    const sections = [...text.matchAll(/^### ([A-Z0-9_]+)$/gm)].map(([, code]) => code)
    assert.deepEqual(sections.toSorted(), [...RULE_CODES].toSorted())
  })

  describe("bound what is large", () => {
    const chain = (count: number) =>
      Object.fromEntries(
        [...Array(count).keys()].map((i): [string, TaskDocument] => [
          `t${i}`,
          i === 0 ? {} : { after: `t${i - 1}.ok` },
        ]),
      )
    const fan = (count: number) =>
      Object.fromEntries(
        [...Array(count + 1).keys()].map((i): [string, TaskDocument] => [`t${i}`, i === 0 ? {} : { after: "t0.ok" }]),
      )
    const deep = (levels: number) => {
      let value: unknown = 1
      for (let i = 0; i < levels; i++) value = [value]
      return applicationOf({ a: { with: { value } } })
    }
    const workflows = (count: number) => ({
      name: "many",
      workflows: Object.fromEntries(
        [...Array(count).keys()].map((i) => [`w${i}`, applicationOf({ a: {} }).workflows.w] as const),
      ),
    })
    const refused = (document: unknown) => check(document).refusals.map(({ rule, path }) => `${rule} ${path}`)

    it(`${TASKS_PER_WORKFLOW_MAX} tasks of a workflow, and no more`, () => {
      assert.deepEqual(refused(applicationOf(chain(TASKS_PER_WORKFLOW_MAX))), [])
      assert.deepEqual(refused(applicationOf(chain(TASKS_PER_WORKFLOW_MAX + 1))), ["LIMIT /workflows/w/tasks"])
    })

    it(`${BRANCHES_PER_WORKFLOW_MAX} branches, counted before they are listed`, () => {
      assert.deepEqual(refused(applicationOf(fan(BRANCHES_PER_WORKFLOW_MAX - 1))), [])
      const diamonds: Record<string, TaskDocument> = { d0: {} }
      for (let i = 0; i < 84; i++) {
        diamonds[`l${i}`] = { after: `d${i}.ok` }
        diamonds[`r${i}`] = { after: `d${i}.ok` }
        diamonds[`d${i + 1}`] = { after: [`l${i}.ok`, `r${i}.ok`] }
      }
      assert.deepEqual(refused(applicationOf(diamonds)), ["LIMIT /workflows/w/tasks"])
    })

    it(`${WORKFLOWS_PER_APPLICATION_MAX} workflows of an application`, () => {
      assert.deepEqual(refused(workflows(WORKFLOWS_PER_APPLICATION_MAX)), [])
      assert.deepEqual(refused(workflows(WORKFLOWS_PER_APPLICATION_MAX + 1)), ["LIMIT /workflows"])
    })

    it(`${TASKS_PER_APPLICATION_MAX} tasks of all workflows`, () => {
      const many = (count: number) => ({
        name: "many",
        workflows: Object.fromEntries(
          [...Array(Math.ceil(count / 128)).keys()].map((i) => [
            `w${i}`,
            applicationOf(chain(Math.min(128, count - 128 * i))).workflows.w,
          ]),
        ),
      })
      assert.deepEqual(refused(many(TASKS_PER_APPLICATION_MAX)), [])
      assert.deepEqual(refused(many(TASKS_PER_APPLICATION_MAX + 1)), ["LIMIT /workflows"])
    })

    it(`${EXPRESSIONS_PER_APPLICATION_MAX} expressions`, () => {
      const many = (count: number) => applicationOf({ a: { with: { list: Array(count).fill("{{ trigger.id }}") } } })
      assert.deepEqual(refused(many(EXPRESSIONS_PER_APPLICATION_MAX)), [])
      assert.deepEqual(refused(many(EXPRESSIONS_PER_APPLICATION_MAX + 1)), ["LIMIT "])
    })

    it(`${REFUSALS_TOLD_MAX} refusals, and says that there are more`, () => {
      const after = Array.from({ length: 15_000 }, (_, i) => `q${i}.ok`)
      const keys = Object.fromEntries(after.map((key) => [key, 1]))
      for (const document of [applicationOf({ a: {}, b: { after } }), applicationOf({ a: keys }), keys]) {
        const startMs = performance.now()
        const { refusals, application } = check(document)
        assert.equal(refusals.length, REFUSALS_TOLD_MAX + 1)
        assert.match(refusals.find(({ rule }) => rule === "LIMIT")!.message, /more than/)
        assert.ok(application === null || refusals.length > 0)
        assert.ok(performance.now() - startMs < 2000)
      }
    })

    it(`${APPLICATION_BYTES_MAX} bytes of JSON, of which a letter may take several`, () => {
      const padded = (text: string) => applicationOf({ t0: { with: { text } } })
      const room = APPLICATION_BYTES_MAX - JSON.stringify(padded("")).length
      assert.deepEqual(refused(padded("x".repeat(room))), [])
      for (const text of ["x".repeat(room + 1), "ä".repeat(room / 2 + 1)]) {
        const [refusal] = check(padded(text)).refusals
        assert.deepEqual([refusal?.rule, refusal?.path], ["LIMIT", ""])
        assert.match(refusal!.remedy, /split it into several applications/)
      }
    })

    it(`${APPLICATION_DEPTH_MAX} levels of a document, however deep it is`, () => {
      assert.deepEqual(refused(deep(20)), [])
      for (const levels of [APPLICATION_DEPTH_MAX, 100_000]) assert.deepEqual(refused(deep(levels)), ["LIMIT "])
    })
  })

  const nothings: unknown[] = [
    null,
    undefined,
    3,
    "text",
    [],
    {},
    [{}],
    { name: "x", workflows: [] },
    { workflows: { w: null } },
  ]
  it("refuse what is no application at all, without a throw", () => {
    for (const nothing of nothings) {
      assert.ok(check(nothing).refusals.length > 0, JSON.stringify(nothing))
    }
  })

  it("tell of every broken rule at once, in the order of their paths", () => {
    const { refusals } = check(applicationOf({ b: { run: "q.t" }, a: { run: "s.t", after: "c.ok" } }))
    const paths = refusals.map(({ path }) => path)
    assert.deepEqual(paths, [...paths].sort())
    assert.equal(refusals.length, 2)
  })

  describe("warn", () => {
    const warnings = (tasks: Record<string, TaskDocument>) => check(applicationOf(tasks)).warnings

    it("of a status that nobody handles, unless the task is the last", () => {
      const found = warnings({ a: { run: "s.u" }, b: { after: "a.done" } })
      assert.deepEqual(
        found.map(({ path }) => path),
        ["/workflows/w/tasks/a", "/workflows/w/tasks/a"],
      )
      assert.match(found[0]!.message, /"part".*"a"/)
      assert.deepEqual(warnings({ a: { run: "s.u" } }), [])
    })

    it("of inputs that can never fit, which would end the task in error", () => {
      for (const [inputs, path] of [
        [{ n: "text" }, "/n"],
        [{ n: 1, more: 2 }, ""],
        [{}, ""],
        [{ m: "{{ trigger.data.n }}" }, ""],
      ] as const) {
        const { refusals } = check(applicationOf({ a: { run: "s.strict", with: inputs } }))
        assert.deepEqual(refusals, [])
        const [found] = warnings({ a: { run: "s.strict", with: inputs } })
        assert.equal(found?.path, `/workflows/w/tasks/a/with${path}`)
      }
      assert.deepEqual(warnings({ a: { run: "s.strict", with: { n: "{{ trigger.data.n }}" } } }), [])
    })

    it("of what a called application can never be triggered with", () => {
      const called = published("close", "public", "s.t")
      const [workflow] = Object.values(called.workflows)
      Object.assign(workflow!.trigger, { event: "z" })
      const services = catalogueOf([SERVICE_S], [called])
      const warned = (inputs: Record<string, unknown>) => {
        const { refusals, warnings } = checkApplication(
          applicationOf({ a: { run: "app:close", with: inputs } }),
          services,
          expressions,
        )
        assert.deepEqual(refusals, [])
        return warnings
      }
      assert.deepEqual(warned({ m: 1 }), [
        {
          path: "/workflows/w/tasks/a/with",
          message: 'the inputs of task "a" never fit app:close: must NOT have additional properties',
        },
      ])
      assert.deepEqual(warned({ n: "text" }), [])
    })
  })
})
