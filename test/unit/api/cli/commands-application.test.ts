import assert from "node:assert/strict"
import { mesg, objectOf } from "../../../support/cli.ts"
import { APPLICATION, commandsUnderTest } from "../../../support/commands.ts"

describe("commands about applications", () => {
  const tested = commandsUnderTest()
  const { run, file } = tested

  it("name file, line, column, rule and remedy of every broken rule, in the order of the lines", async () => {
    tested.server.core.refusals = [
      {
        rule: "UNKNOWN_SERVICE",
        path: "/workflows/charge-finished/tasks/tell/run",
        message: "no email",
        remedy: "add it",
      },
      {
        rule: "R2_STATUS",
        path: "/workflows/charge-finished/tasks/pay/after",
        message: "no status",
        remedy: "add after",
      },
      { rule: "SCHEMA", path: "", message: "too much", remedy: "less" },
    ]
    const app = file("app.yml", APPLICATION)
    for (const verb of ["validate", "deploy"]) {
      const { exitCode, out, err } = await run(["app", verb, app])
      assert.deepEqual([exitCode, out], [1, ""])
      assert.equal(
        err.replaceAll(app, "app.yml"),
        "app.yml:2:1: SCHEMA: too much\n  less\n" +
          "app.yml:7:7: R2_STATUS: no status\n  add after\n" +
          "app.yml:10:9: UNKNOWN_SERVICE: no email\n  add it\n",
      )
    }
    const { out } = await run(["app", "validate", app, "--json"])
    const { ok, refusals } = JSON.parse(out) as {
      ok: boolean
      refusals: { file: string; line: number; rule: string }[]
    }
    assert.deepEqual([ok, ...refusals.map(({ line }) => line)], [false, 2, 7, 10])
    assert.deepEqual(new Set(refusals.map((one) => one.file)), new Set([app]))
  })

  it("show what an application uses and is not here, beside its state", async () => {
    await run(["app", "deploy", file("app.yml", APPLICATION)])
    const { applicationViews } = tested.server.core
    const view = applicationViews.get("ev-charging")!
    applicationViews.set("ev-charging", { ...view, missing: ["app:billing", "ocpp"] })
    const without = /running without app:billing, ocpp/
    assert.match((await run(["app", "list"])).out, without)
    const { out } = await run(["app", "show", "ev-charging"])
    assert.match(out, without)
    assert.match(out, /missing +bring it back, or deploy a version that does without/)
    assert.deepEqual(objectOf((await run(["app", "show", "ev-charging", "--json"])).out)["missing"], [
      "app:billing",
      "ocpp",
    ])
  })

  const broken = [
    { name: "YAML that does not parse", text: "name: x\nworkflows:\n\tcharge: 1\n", line: "3:1", rule: "SYNTAX" },
    { name: "a key twice", text: "name: x\nname: y\n", line: "2:1", rule: "DUPLICATE" },
    { name: "JSON that does not parse", text: '{\n "name": "x",\n "workflows": {\n', line: "4:1", rule: "SYNTAX" },
  ]
  for (const { name, text, line, rule } of broken) {
    it(`name the line of ${name}`, async () => {
      const path = file("app.yml", text)
      const { exitCode, err } = await run(["app", "deploy", path])
      assert.equal(exitCode, 1)
      assert.ok(err.startsWith(`${path}:${line}: ${rule}: `), err)
    })
  }

  it("say what is wrong with a text without an agent too", async () => {
    const path = file("app.yml", "name: x\nname: y\n")
    const { exitCode, err } = await mesg(["app", "validate", path])
    assert.equal(exitCode, 1)
    assert.ok(err.startsWith(`${path}:2:1: DUPLICATE: `), err)
    assert.equal((await mesg(["app", "validate", file("app.yml", "name: x\n")])).exitCode, 3)
  })

  it("refuse settings that are no map, or no YAML, in their file", async () => {
    const app = file("app.json", JSON.stringify({ name: "ev-charging", workflows: {} }))
    for (const [text, said] of [
      ["# ours\n- a\n", "2:1: SCHEMA: "],
      ["a: 1\na: 2\n", "2:1: DUPLICATE: "],
      ["a: [\n", "2:1: SYNTAX: "],
    ] as const) {
      const settings = file("settings.yml", text)
      const { exitCode, err } = await run(["app", "deploy", app, "--config", settings])
      assert.equal(exitCode, 1)
      assert.ok(err.startsWith(`${settings}:${said}`), err)
    }
    assert.equal((await run(["app", "deploy", app, "--config", file("settings.yml", "")])).exitCode, 0)
  })

  it("read applications in JSON, with their settings from a file", async () => {
    const app = file("app.json", JSON.stringify({ name: "ev-charging", workflows: {} }))
    const settings = file("settings.yml", "supplier: '0xabc'\n")
    assert.equal((await run(["app", "deploy", app, "--config", settings])).exitCode, 0)
    assert.deepEqual(tested.server.core.asked, [
      {
        what: "applications.deploy",
        input: { document: { name: "ev-charging", workflows: {} }, config: { supplier: "0xabc" } },
      },
    ])
    assert.match((await run(["app", "deploy", "/none.yml"])).err, /\/none\.yml cannot be read.*FILE_UNREADABLE/)
  })

  it("are judged by the rules where an application has no name", async () => {
    tested.server.core.refusals = [{ rule: "NAME", path: "/name", message: "no name", remedy: "add one" }]
    const { exitCode, err } = await run(["app", "deploy", file("app.yml", "workflows: {}\n")])
    assert.equal(exitCode, 1)
    assert.match(err, /:1:1: NAME: no name/)
    assert.deepEqual(
      tested.server.core.asked.map(({ what }) => what),
      ["applications.validate"],
    )
  })
})
