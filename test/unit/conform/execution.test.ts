import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { answer, stop } from "../../conform/execution.ts"
import { ROOT } from "../../support/sources.ts"

interface Step {
  readonly start: readonly string[]
  readonly status: string | null
  readonly branches?: readonly { path: readonly string[]; status: string }[]
}

/** `refused`: true where any rule will do, else the rules. `branches` counts only where it is given. */
interface GoldenCase {
  readonly name: string
  readonly line: object
  readonly expect?: readonly Step[]
  readonly refused?: true | readonly { rule: string; path: string }[]
}

const casesOf = (file: string) =>
  readFileSync(join(ROOT, "test/golden", file), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as GoldenCase)

async function check({ line, expect, refused }: GoldenCase): Promise<void> {
  const said = JSON.parse(await answer(JSON.stringify(line))) as { refused: unknown[] } | Step[]
  if (refused !== undefined) {
    assert.ok(!Array.isArray(said), "it is accepted")
    if (refused === true) assert.ok(said.refused.length > 0)
    else assert.deepEqual(said.refused, refused)
    return
  }
  assert.ok(Array.isArray(said), JSON.stringify(said))
  assert.equal(said.length, expect!.length)
  expect!.forEach((wanted, i) => {
    const { branches, ...rest } = said[i]!
    assert.ok(branches !== undefined)
    assert.deepEqual(wanted.branches === undefined ? rest : { ...rest, branches }, wanted, `input ${i + 1}`)
  })
}

describe("the golden cases of executions", () => {
  after(stop)
  for (const [file, least] of [
    ["execution-cases.jsonl", 33],
    ["execution-more.jsonl", 60],
  ] as const) {
    const cases = casesOf(file)
    it(`${file} has at least ${least} cases`, () => assert.ok(cases.length >= least))
    for (const one of cases) it(one.name, () => check(one))
  }
})

describe("the conformance entry points", function () {
  this.timeout(60_000)
  const conform = (args: readonly string[], input: string) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, "test/conform/main.ts"), ...args], {
      input,
      encoding: "utf8",
    })
    return { status, stdout, stderr }
  }
  const [first, second] = casesOf("execution-cases.jsonl")

  it("print one line of JSON for each line, and end by themselves", () => {
    const { status, stdout } = conform(
      ["execution"],
      `${JSON.stringify(first!.line)}\n${JSON.stringify(second!.line)}\n`,
    )
    assert.equal(status, 0)
    const answers = stdout.trimEnd().split("\n")
    assert.deepEqual(
      answers.map((text) => (JSON.parse(text) as unknown[]).length),
      [first!.expect!.length, second!.expect!.length],
    )
  })

  const malformed: { name: string; input: string; says: RegExp }[] = [
    { name: "that is no JSON", input: "{", says: /line 2: .*JSON/ },
    { name: "without services", input: '{"app":{},"inputs":[]}', says: /line 2: services/ },
    { name: "without an application", input: '{"services":[],"inputs":[]}', says: /line 2: app/ },
    { name: "without inputs", input: '{"services":[],"app":{}}', says: /line 2: inputs/ },
    {
      name: "with an unknown input",
      input: '{"services":[],"app":{},"inputs":[{"tock":1}]}',
      says: /line 2: inputs\.0/,
    },
    {
      name: "with time that runs back",
      input: '{"services":[],"app":{},"inputs":[{"tick":-1}]}',
      says: /line 2: inputs\.0/,
    },
  ]
  for (const { name, input, says } of malformed) {
    it(`refuse a line ${name}: which one and why, exit code 1`, () => {
      const { status, stdout, stderr } = conform(["execution"], `${JSON.stringify(first!.line)}\n${input}\n`)
      assert.equal(status, 1)
      assert.match(stderr, says)
      assert.equal(stdout.trimEnd().split("\n").length, 1, "the lines before it are answered")
    })
  }

  it("name each other where one is not there", () => {
    for (const args of [[], ["main"], ["nothing"], ["../main"]]) {
      const { status, stderr } = conform(args, "")
      assert.equal(status, 2)
      assert.match(stderr, /NAME is one of cbor, .*execution/)
    }
  })
})
