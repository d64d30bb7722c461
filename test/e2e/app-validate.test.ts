import assert from "node:assert/strict"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import mqtt from "mqtt"
import { APPLICATION_BYTES_MAX } from "../../agent/base/limits.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { ROOT } from "../support/sources.ts"
import { SERVICE_S } from "../support/workflow.ts"

const RULES = join(ROOT, "test/golden/rules")

describe("mesg app validate and deploy", function () {
  this.timeout(60_000)
  let agent: TestAgent
  before(async () => {
    agent = await startAgent()
    // The service that the golden applications stand on: registered by its manifest alone.
    const client = await mqtt.connectAsync(agent.mqtt.url)
    const verdict = Promise.withResolvers<string>()
    client.on("message", (_, payload) => verdict.resolve(payload.toString("utf8")))
    await client.publishAsync("mesg/v1/s/manifest", JSON.stringify(SERVICE_S), { qos: 1, retain: true })
    await client.subscribeAsync("mesg/v1/s/status", { qos: 1 })
    assert.equal(await verdict.promise, "ok")
    await client.endAsync()
  })
  after(async () => {
    await agent.stop()
    agent.clean()
  })

  it("refuse what is too large whoever sends it", async () => {
    const tasks = { a: { run: "s.t", with: { text: "x".repeat(APPLICATION_BYTES_MAX) } } }
    const application = { name: "large", workflows: { w: { trigger: { service: "s", event: "e" }, tasks } } }
    const answer = await agent.api("PUT", "/applications/large", { application })
    const { code, refusals } = (await answer.json()) as { code: string; refusals: { rule: string; remedy: string }[] }
    assert.deepEqual([answer.status, code, refusals.map(({ rule }) => rule)], [422, "APPLICATION_REFUSED", ["LIMIT"]])
    assert.match(refusals[0]!.remedy, /split it into several applications/)
  })

  // One file of each kind; test/unit/core/workflow/rules.test.ts holds all of them against the rules.
  const files = readdirSync(RULES).filter((name) =>
    /^(?:several-at-once|r1-no-trigger|r3-two-events|name-of-a-task-reserved|syntax-no-yaml|syntax-and-rules|duplicate-same-task|schema-empty-file|schema-a-list|schema-a-text|schema-hides-nothing|limit-seventy-levels|limit-aliases-unfold-for-ever|syntax-not-utf8|unknown-name-in-outputs)\.yml$/.test(
      name,
    ),
  )

  for (const name of files) {
    const file = join(RULES, name)
    const marks = readFileSync(file, "utf8")
      .split("\n")
      .flatMap((line, i) => [...line.matchAll(/ # ! ([A-Z0-9_]+) /g)].map(([, rule]) => ({ line: i + 1, rule: rule! })))
    for (const verb of ["validate", "deploy"]) {
      it(`${verb} ${name}: names file, line, rule and remedy of each mistake, exit code 1`, async () => {
        const { code, stderr } = await agent.cli("app", verb, file)
        assert.equal(code, 1)
        for (const { line, rule } of marks) {
          assert.match(stderr, new RegExp(`${name}:${line}:\\d+: ${rule}: .+\\n {2}.+\\n`), `line ${line}`)
        }
        const said = stderr.trimEnd().split("\n")
        assert.equal(said.length, 2 * marks.length, "a sentence and a remedy for each")
        const lines = said.filter((_, i) => i % 2 === 0).map((text) => Number(/\.yml:(\d+):/.exec(text)?.[1]))
        assert.deepEqual(
          lines,
          lines.toSorted((a, b) => a - b),
          "in the order of the lines",
        )
      })
    }
  }

  it("says the same to programs", async () => {
    const { code, stdout } = await agent.cli("app", "validate", join(RULES, "unknown-status.yml"), "--json")
    assert.equal(code, 1)
    const { ok, refusals } = JSON.parse(stdout) as { ok: boolean; refusals: Record<string, unknown>[] }
    assert.equal(ok, false)
    const [{ rule, path, line, column, file } = {}] = refusals
    assert.deepEqual(
      { rule, path, line, column },
      { rule: "UNKNOWN_STATUS", path: "/workflows/w/tasks/z/after", line: 7, column: 22 },
    )
    assert.match(String(file), /unknown-status\.yml$/)
  })

  it("says what is wrong with the settings in their own file, line and column", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mesg-settings-"))
    const app = join(folder, "app.yml")
    const settings = join(folder, "settings.yml")
    const text = readFileSync(join(RULES, "valid-one-task.yml"), "utf8")
    writeFileSync(app, `config: { limit: { type: number }, name: { type: string } }\n${text}`)
    writeFileSync(settings, "# ours\nlimit: many\nnmae: x\n")
    const { code, stderr } = await agent.cli("app", "deploy", app, "--config", settings)
    assert.equal(code, 1)
    const said = stderr.replaceAll(settings, "settings.yml").split("\n")
    assert.deepEqual(
      said.filter((line) => line.startsWith("settings.yml")),
      [
        'settings.yml:2:1: SCHEMA: setting "limit" must be number',
        'settings.yml:2:1: SCHEMA: setting "name" is missing',
        'settings.yml:3:1: SCHEMA: there is no setting "nmae"; did you mean "name"? There are: limit, name',
      ],
    )
    rmSync(folder, { recursive: true })
  })

  it("takes what keeps every rule", async () => {
    const file = join(RULES, "valid-tree.yml")
    assert.equal((await agent.cli("app", "validate", file)).code, 0)
    assert.equal((await agent.cli("app", "deploy", file)).code, 0)
    const { items } = await agent.json<{ items: { name: string }[] }>("app", "list")
    assert.deepEqual(
      items.map(({ name }) => name),
      ["golden"],
    )
  })
})
