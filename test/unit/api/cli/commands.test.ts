import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { localActions } from "../../../../agent/local.ts"
import { COMMANDS } from "../../../../agent/api/cli/command-list.ts"
import { readRunFiles, writeRunFiles } from "../../../../agent/api/run-files.ts"
import { type ApiServer, startApiServer } from "../../../support/api-server.ts"
import { mesg, objectOf } from "../../../support/cli.ts"
import { APPLICATION, commandsUnderTest } from "../../../support/commands.ts"
import { FAKE_TIME_MS, refusal } from "../../../support/fake-core.ts"
import { assertGolden } from "../../../support/golden.ts"
import { tempDir } from "../../../support/temp-dir.ts"

describe("commands", () => {
  const tested = commandsUnderTest()
  const { run, file } = tested

  it("show a person what they always showed, and a program one JSON value each", async () => {
    const completed = tested.server.core.startExecution("completed")
    const failed = tested.server.core.startExecution("failed", completed.id)
    const running = tested.server.core.startExecution("running")
    const refused = {
      service: "ocpp",
      event: "x",
      id: "e",
      timeMs: FAKE_TIME_MS,
      code: "EVENT_DATA_INVALID",
      reason: "no",
    }
    tested.server.core.refusedEvents.push(refused)
    tested.server.deps.log.warn("a line", { service: "ocpp" })
    const app = file("app.yml", APPLICATION)
    const commands: string[][] = [
      ["status"],
      ["doctor"],
      ["doctor", "--security"],
      ["logs"],
      ["config", "show"],
      ["config", "set", "mqtt.port", "1884"],
      ["config", "unset", "mqtt.port", "listen"],
      ["service", "list"],
      ["service", "show", "ocpp"],
      ["service", "add", "/srv/thermometer", "--trust"],
      ["service", "configure", "ocpp", "--config", '{"url":"ws://x"}'],
      ["service", "call", "ocpp", "set-standby", "--inputs", "{}", "--wait", "5"],
      ["service", "call", "ocpp", "set-standby"],
      ["event", "emit", "ocpp", "transaction-stopped", "--data", '{"kwh":12}', "--id", "e1"],
      ["event", "emit", "ocpp", "transaction-stopped", "--data", '{"kwh":12}', "--id", "e1"],
      ["event", "refused"],
      ["app", "validate", app],
      ["app", "deploy", app],
      ["app", "list"],
      ["app", "show", "ev-charging"],
      ["app", "export", "ev-charging"],
      ["app", "pause", "ev-charging"],
      ["app", "resume", "ev-charging"],
      ["app", "run", "ev-charging", "--data", "{}"],
      ["app", "dry-run", app, "--data", '{"kwh":12}', "--outcomes", '{"pay":{"status":"sent"}}'],
      ["app", "remove", "ev-charging"],
      ["execution", "list", "--limit", "2"],
      ["execution", "show", completed.id],
      ["execution", "show", failed.id],
      ["execution", "cancel", running.id],
      ["execution", "retry", completed.id],
      ["token", "create", "--service", "ocpp", "--name", "charger"],
      ["token", "list"],
      ["service", "remove", "added"],
    ]
    let text = ""
    for (const words of commands) {
      const shown = await run(words)
      text += `$ mesg ${words.join(" ")}\n${shown.out}${shown.err}${shown.exitCode === 0 ? "" : `(${shown.exitCode})\n`}\n`
    }
    assertGolden("cli/outputs.txt", withoutPlaces(text, tested.server))
    for (const words of commands.filter((one) => !["cancel", "remove"].includes(one[1]!) && one[0] !== "app")) {
      const { out, err } = await run([...words, "--json"])
      assert.equal(err, "", words.join(" "))
      assert.equal(out.trimEnd().includes("\n"), false, words.join(" "))
      assert.doesNotThrow(() => JSON.parse(out), words.join(" "))
    }
  })

  it("print the promised status", async () => {
    const { out } = await run(["status", "--json"])
    assert.deepEqual(JSON.parse(out), {
      version: "0.1.0",
      node: "a".repeat(64),
      uptimeMs: 90_000,
      addresses: { mqtt: "mqtt://127.0.0.1:1883", http: tested.server.url, p2p: [] },
      events: { accepted: 0, duplicates: 0 },
      executions: { running: 0, waiting: 0, completed: 0, failed: 0 },
      alarm: null,
    })
  })

  it("take --home and --json before the noun too", async () => {
    const { exitCode, out } = await mesg(["--home", tested.server.home, "--json", "service", "list"])
    assert.deepEqual([exitCode, (objectOf(out)["items"] as unknown[]).length], [0, 1])
  })

  it("send exactly what was typed", async () => {
    await run(["service", "add", "./x", "--trust", "--network-any", "--config", '{"a":1}'])
    const data = file("data.json", '{"kwh": 7}')
    await run(["event", "emit", "ocpp", "transaction-stopped", "--data", `@${data}`])
    await run(["execution", "list", "--app", "a", "--status", "failed", "--since", "2023-11-14", "--limit", "3"])
    await run(["app", "run", "none", "--workflow", "w", "--data", "[1]"])
    assert.deepEqual(tested.server.core.asked, [
      {
        what: "services.add",
        input: { source: join(process.cwd(), "x"), options: { trust: true, networkAny: true, config: { a: 1 } } },
      },
      { what: "events.accept", input: { service: "ocpp", event: "transaction-stopped", data: { kwh: 7 }, id: null } },
      {
        what: "executions.list",
        input: { limit: 3, app: "a", status: "failed", sinceMs: Date.UTC(2023, 10, 14) },
      },
      { what: "applications.run", input: { name: "none", workflow: "w", data: [1] } },
    ])
  })

  it("say where no agent runs, where something is refused, and where it may not be done", async () => {
    const none = await mesg(["status"], { home: "/nowhere" })
    assert.equal(none.exitCode, 3)
    assert.match(none.err, /no agent is running at \/nowhere \(NO_AGENT\)\n {2}start one with/)
    const unknown = await run(["execution", "show", "ex_00000000000000000000000000"])
    assert.equal(unknown.exitCode, 1)
    assert.match(unknown.err, /there is no execution ex_0+ \(EXECUTION_NOT_FOUND\)/)
    const { secret } = await tested.server.tokens.create({ scope: "read", services: [], topics: [] })
    const forbidden = await mesg(["stop"], { env: { MESG_URL: tested.server.url, MESG_TOKEN: secret } })
    assert.equal(forbidden.exitCode, 4)
    assert.match(forbidden.err, /needs admin \(FORBIDDEN\)/)
    const wrong = await mesg(["status"], { env: { MESG_URL: tested.server.url, MESG_TOKEN: "wrong" } })
    assert.equal(wrong.exitCode, 4)
    await tested.server.stop()
    assert.equal((await run(["status"])).exitCode, 3)
  })

  const wrong: [words: string[], says: string, remedy: string][] = [
    [["execution", "show", "7"], "ID: an execution id is ex_", "mesg execution show --help"],
    [["service", "show", "OCPP"], "SERVICE: a service id must match", "mesg service show --help"],
    [["event", "emit", "ocpp", "e", "--data", "1", "--id", "a/b"], "--id: an event id has", "mesg event emit --help"],
    [
      ["service", "configure", "ocpp", "--config", '{"a b":1}'],
      "--config a b: a setting",
      "mesg service configure --help",
    ],
    [["execution", "list", "--limit", "0"], "--limit: a limit is a number", "mesg execution list --help"],
  ]
  for (const [words, says, remedy] of wrong) {
    it(`say what is wrong with what was typed: mesg ${words.join(" ")}`, async () => {
      const { exitCode, err } = await run(words)
      assert.equal(exitCode, 2)
      assert.ok(err.startsWith(`mesg: ${says}`), err)
      assert.ok(err.includes(`(INPUT_INVALID)\n  see ${remedy}`), err)
    })
  }

  it("take the id of a called task for that of its execution", async () => {
    const execution = tested.server.core.startExecution("completed")
    const { exitCode, out } = await run(["execution", "show", `${execution.id}.call`, "--json"])
    assert.deepEqual([exitCode, objectOf(out)["id"]], [0, execution.id])
  })

  it("print a refusal as the one JSON value too", async () => {
    const { exitCode, out } = await mesg(["status", "--json"])
    assert.deepEqual([exitCode, objectOf(out)["code"]], [3, "NO_AGENT"])
  })

  it("let no text of a device steer the terminal", async () => {
    tested.server.core.nextError = refusal("OVERLOADED", "red \u001b[31m alert \u202e\n done")
    const { err } = await run(["app", "run", "x", "--data", "{}"])
    assert.match(err, /red \\u001b\[31m alert \\u202e\\u000a done/)
  })

  it("use colours only where they may", async () => {
    const plain = await run(["service", "list"])
    const coloured = await run(["service", "list"], { colours: true })
    assert.ok(!plain.out.includes("\u001b") && coloured.out.includes("\u001b[32mrunning\u001b[0m"))
    assert.equal(coloured.out.replace(/\u001b\[\d+m/g, ""), plain.out)
  })

  it("write a backup that nobody else can read, and never over a file", async () => {
    const path = join(tested.server.home, "copy.mesg")
    const first = await run(["backup", path, "--json"])
    assert.deepEqual([first.exitCode, JSON.parse(first.out)], [0, { file: path, bytes: 14, keys: false }])
    assert.equal(readFileSync(path, "utf8"), "the whole home")
    assert.equal(statSync(path).mode & 0o777, 0o600)
    const second = await run(["backup", path])
    assert.deepEqual([second.exitCode, /FILE_EXISTS/.test(second.err)], [1, true])
    const nowhere = join(tested.server.home, "nowhere/copy.mesg")
    const third = await run(["backup", nowhere])
    assert.deepEqual([third.exitCode, /FILE_UNWRITABLE/.test(third.err), /partial/.test(third.err)], [1, true, false])
    const gateway = join(tested.server.home, "gateway.mesg")
    assert.equal((await run(["backup", gateway, "--on-gateway"])).exitCode, 0)
    assert.ok(existsSync(gateway))
  })

  const asked: { name: string; answers: string[]; env?: Record<string, string>; written: string | null }[] = [
    {
      name: "typed twice",
      answers: ["one two three four", "one two three four"],
      written: "the whole home and its keys",
    },
    { name: "not given by the person", answers: [""], written: "the whole home" },
    { name: "typed differently the second time", answers: ["one two three four", "one two"], written: null },
    {
      name: "in the environment, without a question",
      answers: [],
      env: { MESG_BACKUP_PASSPHRASE: "one two three four" },
      written: "the whole home and its keys",
    },
  ]
  for (const [i, { name, answers, env, written }] of asked.entries()) {
    it(`seal the keys of a backup under a passphrase that is ${name}`, async () => {
      const path = join(tested.server.home, `asked-${i}.mesg`)
      const left = [...answers]
      const askHidden = async () => left.shift() ?? assert.fail("asked once more")
      const { exitCode } = await run(["backup", path], { askHidden, ...(env === undefined ? {} : { env }) })
      assert.deepEqual(left, [])
      assert.equal(exitCode, written === null ? 2 : 0)
      if (written !== null) assert.equal(readFileSync(path, "utf8"), written)
    })
  }

  it("take the passphrase from the first line of a file, and say where there is none", async () => {
    const words = join(tested.server.home, "words")
    writeFileSync(words, "one two three four\r\nmore\n")
    const path = join(tested.server.home, "words.mesg")
    assert.equal((await run(["backup", path, "--passphrase-file", words])).exitCode, 0)
    assert.equal(readFileSync(path, "utf8"), "the whole home and its keys")
    writeFileSync(words, "\n")
    const empty = await run(["backup", join(tested.server.home, "none.mesg"), "--passphrase-file", words])
    assert.deepEqual([empty.exitCode, /no passphrase in its first line/.test(empty.err)], [2, true])
  })

  it("that need no agent are done by main, with absolute paths and every value", async () => {
    const test = await run(["service", "test", "./x", "--json"])
    assert.deepEqual(JSON.parse(test.out), { home: tested.server.home, values: { folder: join(process.cwd(), "x") } })
    const restore = await run(["restore", "/b", "--dry-run", "--json"])
    assert.deepEqual(objectOf(restore.out)["values"], { file: "/b", dryRun: true })
    const upgrade = await run(["upgrade", "--from", "r", "--allow-older", "--json"])
    assert.deepEqual(objectOf(upgrade.out)["values"], { from: join(process.cwd(), "r"), allowOlder: true })
    const uninstall = await run(["uninstall", "--purge", "--json"])
    assert.deepEqual(objectOf(uninstall.out)["values"], { purge: true })
    let started: unknown
    const start = async (options: unknown) => {
      started = options
      return 7
    }
    const { exitCode } = await run(["start", "--set", "mqtt.port=0", "--set", "http.hosts=a,b"], { local: { start } })
    assert.deepEqual(
      [exitCode, started],
      [7, { home: tested.server.home, sets: ["mqtt.port=0", "http.hosts=a,b"], safe: false }],
    )
  })

  it("show and set the configuration without an agent too", async () => {
    const { exitCode, out } = await mesg(["config", "set", "mqtt.port", "1884", "--json"], { home: "/nowhere" })
    assert.deepEqual([exitCode, objectOf(out)["values"]], [0, { values: { "mqtt.port": "1884" } }])
    const unset = await mesg(["config", "unset", "mqtt.port", "name", "--json"], { home: "/nowhere" })
    assert.deepEqual(objectOf(unset.out)["values"], { values: { "mqtt.port": null, name: null } })
  })

  it("fail where what was waited for did not come to a good end, and only then", async () => {
    const call = ["service", "call", "ocpp", "set-standby", "--wait", "5"]
    const ends: [status: string | null, exitCode: number][] = [
      ["ok", 0],
      ["failed-status", 0],
      ["error", 1],
      ["timed-out", 1],
      ["cancelled", 1],
      // It still runs.
      [null, 0],
    ]
    const before = tested.server.core.callEnds
    for (const [status, exitCode] of ends) {
      tested.server.core.callEnds = status === null ? null : { status, data: {} }
      assert.equal((await run(call)).exitCode, exitCode, String(status))
    }
    tested.server.core.callEnds = before
    const view = tested.server.core.serviceViews.findIndex(({ id }) => id === "ocpp")
    const [well] = tested.server.core.serviceViews.splice(view, 1, {
      ...tested.server.core.serviceViews[view]!,
      state: "failed",
    })
    assert.equal((await run(["service", "configure", "ocpp", "--config", "{}"])).exitCode, 1)
    assert.equal((await run(["service", "show", "ocpp"])).exitCode, 0)
    tested.server.core.serviceViews.splice(view, 1, well!)
  })

  it("set several settings together, and say which one has no value or is given twice", async () => {
    const pairs = ["mqtt.tls.cert", "/c.pem", "mqtt.tls.key", "/k.pem"]
    const { exitCode, out } = await run(["config", "set", ...pairs])
    assert.equal(exitCode, 0)
    assert.match(out, /^mqtt\.tls\.cert = \/c\.pem\nmqtt\.tls\.key = \/k\.pem\n/)
    const odd = await run(["config", "set", ...pairs.slice(0, 3)])
    assert.deepEqual([odd.exitCode, /mqtt\.tls\.key has no value/.test(odd.err)], [2, true])
    const twice = await run(["config", "set", "name", "a", "name", "b"])
    assert.deepEqual([twice.exitCode, /name is given twice/.test(twice.err)], [2, true])
  })

  it("show the configuration in the same form, whether an agent runs or not", async () => {
    const alone = await mesg(["config", "show"], { home: tempDir("config"), local: localActions("0.1.0") })
    const asked = await run(["config", "show"])
    const head = (out: string) => out.split("\n", 1)[0]!.trim().split(/ +/)
    assert.deepEqual(head(alone.out), ["KEY", "VALUE", "FROM"])
    assert.deepEqual(head(asked.out), head(alone.out))
    assert.match(alone.out, /^mqtt\.port +1883 +default/m)
    const set = await mesg(["config", "set", "mqtt.port", "1884"], {
      home: tempDir("config"),
      local: localActions("0.1.0"),
    })
    assert.equal(set.out, "mqtt.port = 1884\n")
  })

  it("stop the agent, and say so only once its process is gone", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"])
    const gone = once(child, "exit")
    const own = await startApiServer({ change: (deps) => ({ ...deps, requestStop: () => void child.kill() }) })
    const found = readRunFiles(own.home)!
    writeRunFiles(own.home, { ...found.agent, pid: child.pid! }, found.token)
    const { exitCode, out } = await mesg(["stop"], { home: own.home })
    assert.deepEqual([exitCode, out], [0, "stopped\n"])
    await gone
    await own.stop()
  })

  it("revoke a token, once", async () => {
    const { token } = await tested.server.tokens.create({ services: [], topics: [] })
    const revoke = () => run(["token", "revoke", token.id, "--json"])
    assert.deepEqual(await revoke(), { exitCode: 0, out: '{"ok":true}\n', err: "" })
    assert.equal((await revoke()).exitCode, 1)
  })

  it("are all run here", () => {
    const files = readdirSync(import.meta.dirname).filter((name) => /^commands.*\.test\.ts$/.test(name))
    const source = files.map((name) => readFileSync(join(import.meta.dirname, name), "utf8")).join("\n")
    const elsewhere = ["init", "service new", "service validate", "completion", "man"]
    for (const { command } of COMMANDS) {
      const words = command.name
        .split(" ")
        .map((word) => `"${word}"`)
        .join(", ")
      assert.ok(source.includes(`[${words}`) || elsewhere.includes(command.name), command.name)
    }
  })
})

/** What differs from run to run: the free port and the temporary home, and the secret. */
function withoutPlaces(text: string, server: ApiServer): string {
  return text
    .replaceAll(server.url, "http://127.0.0.1:6374")
    .replaceAll(server.home, "/home")
    .replace(/_[0-9a-f]{64}/g, "_…")
}
