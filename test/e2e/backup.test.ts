import assert from "node:assert/strict"
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { gunzipSync } from "node:zlib"
import { create } from "tar"
import type { ExecutionView } from "../../agent/schema/execution.ts"
import type { ManifestInput } from "../../agent/sdk.ts"
import { emitted, MAIN, onAgent, runMesg, startAgent, type TestAgent } from "../support/agent.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const WORDS = "five words that nobody guesses"
const OF_SERVICE = "canary-of-the-service-5c1e"
const OF_APPLICATION = "canary-of-the-application-c44d"
/** A sign-state, a log, a key: what a validator signed is true of one disk, at one time. */
const OF_CONSENSUS = "canary-of-consensus-77b0"

const ANY = { data: { type: "object" } } as const
const METER: Partial<ManifestInput> = {
  id: "meter",
  isolation: "in-process",
  config: { key: { type: "string", secret: true, required: true }, extra: { type: "string", secret: true } },
  events: { read: ANY },
  tasks: { mark: { statuses: { marked: ANY }, effect: "idempotent" } },
}
const METER_CODE = `import { length } from "./lib/length.ts"
export default { tasks: { mark: (inputs, ctx) => ({ status: "marked", data: { own: length(ctx.config.key), given: length(inputs.key) } }) } }`
const APP = {
  name: "marking",
  config: { key: { type: "string", secret: true } },
  workflows: {
    w: {
      trigger: { service: "meter", event: "read" },
      tasks: { mark: { run: "meter.mark", with: { key: "{{ config.key }}" } } },
    },
  },
}
const MARKED = { own: OF_SERVICE.length, given: OF_APPLICATION.length }

/** The newest execution, once it has ended. */
async function ended(agent: TestAgent, count: number): Promise<ExecutionView> {
  let items: ExecutionView[] = []
  const look = async () => {
    items = (await agent.json<{ items: ExecutionView[] }>("execution", "list")).items
    return items.length === count && items.every(({ finished }) => finished !== null)
  }
  await until(look, 10_000, `${count} executions have ended`)
  return items[0]!
}

function words(text: string): string {
  const file = join(tempDir("words"), "words.txt")
  writeFileSync(file, `${text}\nnot this line\n`)
  return file
}

const newPlace = () => join(tempDir("place"), "home")
const restore = (home: string, ...more: readonly string[]) => runMesg(home, ["restore", ...more])
const codeOf = ({ stdout }: { stdout: string }) => (JSON.parse(stdout) as { code: string }).code

describe("a backup", () => {
  let agent: TestAgent
  let node: string
  const folder = tempDir("backups")
  const whole = join(folder, "whole.mesg")
  const keyless = join(folder, "keyless.mesg")

  before(async () => {
    agent = await startAgent()
    const source = serviceFolder(METER, METER_CODE, {
      "lib/length.ts": "export const length = (t: string) => t.length",
    })
    await agent.json(
      "service",
      "add",
      source,
      "--trust",
      "--config",
      JSON.stringify({ key: OF_SERVICE, extra: "more" }),
    )
    const deployed = { application: APP, config: { key: OF_APPLICATION } }
    assert.equal((await agent.api("PUT", "/applications/marking", deployed)).status, 200)
    await agent.json("config", "set", "executions.keepDays", "77")
    await emitted(agent, "meter", "read", {}, "once")
    assert.deepEqual((await ended(agent, 1)).tasks["mark"]!.data, MARKED)
    node = (await agent.json<{ node: string }>("status")).node
    for (const name of ["key", "signed", "log"]) {
      mkdirSync(join(agent.home, "consensus"), { recursive: true, mode: 0o700 })
      writeFileSync(join(agent.home, "consensus", name), OF_CONSENSUS)
    }
    const made = await agent.json<{ keys: boolean }>("backup", whole, "--passphrase-file", words(WORDS))
    assert.equal(made.keys, true)
    const { stdout } = await agent.cli("backup", keyless)
    assert.match(stdout, /The keys are left out, as no passphrase was given/)
  })

  after(async () => {
    await agent?.stop()
    agent?.clean()
  })

  it("holds no key and no secret in clear, and is for its owner alone", () => {
    assert.equal(statSync(whole).mode & 0o777, 0o600)
    const keys = ["node.key", "seal.key"].map((name) => readFileSync(join(agent.home, "keys", name), "latin1").trim())
    for (const file of [whole, keyless]) {
      const bytes = gunzipSync(readFileSync(file))
      assert.ok(bytes.includes("data/store.mdb") && bytes.includes("keepDays: 77"))
      assert.ok(!bytes.includes("consensus/"), "what a validator signed is not in it")
      for (const secret of [OF_SERVICE, OF_APPLICATION, OF_CONSENSUS, WORDS, ...keys])
        assert.ok(!bytes.includes(secret), file)
      for (const key of keys) assert.ok(!bytes.includes(Buffer.from(key, "hex")), file)
    }
    assert.deepEqual(
      readdirSync(join(agent.home, "run")).filter((name) => name.startsWith("backup")),
      [],
    )
  })

  it("makes the same gateway at another place: node, settings, services, secrets, executions", async () => {
    const home = newPlace()
    const done = await restore(home, whole, "--passphrase-file", words(WORDS))
    assert.equal(done.code, 0, done.stderr)
    assert.match(done.stdout, /must run nowhere else/)
    assert.deepEqual(readdirSync(home).sort(), ["config.yml", "data", "keys", "plugins"])
    await onAgent({ home }, async (again) => {
      assert.equal((await again.json<{ node: string }>("status")).node, node)
      const { items } = await again.json<{ items: { key: string; value: unknown }[] }>("config", "show")
      assert.equal(items.find(({ key }) => key === "executions.keepDays")?.value, 77)
      assert.equal((await ended(again, 1)).status, "completed")
      assert.equal((await emitted(again, "meter", "read", {}, "once")).duplicate, true)
      await emitted(again, "meter", "read")
      assert.deepEqual((await ended(again, 2)).tasks["mark"]!.data, MARKED)
    })
  })

  it("without keys makes a new node, and says which secrets must be set again", async () => {
    const home = newPlace()
    const done = await restore(home, keyless)
    assert.equal(done.code, 0, done.stderr)
    assert.match(
      done.stdout,
      /holds no keys: this is a new node\nsecrets to be set again:\n +service meter: key\n +service meter: extra\n +application marking: key/,
    )
    await onAgent({ home }, async (again) => {
      assert.notEqual((await again.json<{ node: string }>("status")).node, node)
      const shown = () =>
        again.json<{ state: string; config: unknown; lostSecrets: string[] }>("service", "show", "meter")
      const { state, config, lostSecrets } = await shown()
      assert.deepEqual([state, config], ["needs-configuration", { key: "(lost)", extra: "(lost)" }])
      assert.deepEqual(lostSecrets, ["key", "extra"])
      assert.match((await again.cli("app", "show", "marking")).stdout, /^lost +key: /m)
      const doctor = await again.cli("doctor")
      assert.match(doctor.stdout, /✘ Secrets: .*service meter: key, service meter: extra, application marking: key$/m)
      await again.json("service", "configure", "meter", "--config", JSON.stringify({ key: OF_SERVICE }))
      const half = await shown()
      assert.deepEqual([half.state, half.config], ["running", { key: "(secret)", extra: "(lost)" }])
      await again.json("service", "configure", "meter", "--config", JSON.stringify({ extra: null }))
      await emitted(again, "meter", "read")
      assert.equal(((await ended(again, 2)).tasks["mark"]!.data as { code: string }).code, "SECRET_LOST")
      const deployed = { application: APP, config: { key: OF_APPLICATION } }
      assert.equal((await again.api("PUT", "/applications/marking", deployed)).status, 200)
      await emitted(again, "meter", "read")
      assert.deepEqual((await ended(again, 3)).tasks["mark"]!.data, MARKED)
      assert.match((await again.cli("doctor")).stdout, /✔ Secrets: none is lost$/m)
    })
  })

  it("is checked by --dry-run, which makes nothing", async () => {
    const home = newPlace()
    for (const file of [whole, keyless]) {
      const done = await restore(home, file, "--dry-run", "--json")
      assert.equal(done.code, 0, done.stderr)
      const { head, secrets } = JSON.parse(done.stdout) as { head: { node: string }; secrets: string[] }
      assert.equal(head.node, node)
      assert.deepEqual(secrets, ["service meter: key", "service meter: extra", "application marking: key"])
    }
    assert.deepEqual(readdirSync(dirname(home)), [])
  })

  const refused: { name: string; words: readonly string[]; code: string }[] = [
    { name: "without the passphrase", words: [], code: "PASSPHRASE_MISSING" },
    { name: "with another one", words: ["--passphrase-file", words("another passphrase")], code: "PASSPHRASE_WRONG" },
  ]
  for (const { name, words, code } of refused) {
    it(`is not restored ${name}: ${code}, and nothing is there`, async () => {
      const home = newPlace()
      const done = await restore(home, whole, "--json", ...words)
      assert.equal(done.code, 1)
      assert.equal(codeOf(done), code)
      assert.deepEqual(readdirSync(dirname(home)), [])
    })
  }

  it("can leave its keys out when it is restored", async () => {
    const home = newPlace()
    assert.equal((await restore(home, whole, "--without-keys")).code, 0)
    assert.equal(existsSync(join(home, "keys")), false)
  })

  it("is not made under a passphrase that is short", async () => {
    const done = await agent.cli("backup", join(folder, "short.mesg"), "--passphrase-file", words("short"), "--json")
    assert.equal(codeOf(done), "PASSPHRASE_SHORT")
    assert.equal(existsSync(join(folder, "short.mesg")), false)
  })

  it("takes no home that is used, and with --force keeps it beside", async () => {
    const home = newPlace()
    assert.equal((await runMesg(home, ["init"])).code, 0)
    const key = readFileSync(join(home, "keys", "node.key"), "latin1")
    const no = await restore(home, whole, "--passphrase-file", words(WORDS), "--json")
    assert.equal(codeOf(no), "HOME_USED")
    assert.equal(readFileSync(join(home, "keys", "node.key"), "latin1"), key)
    const done = await restore(home, whole, "--passphrase-file", words(WORDS), "--force", "--json")
    const { before } = JSON.parse(done.stdout) as { before: string }
    assert.equal(readFileSync(join(before, "keys", "node.key"), "latin1"), key)
    assert.notEqual(readFileSync(join(home, "keys", "node.key"), "latin1"), key)
    assert.deepEqual(readdirSync(dirname(home)).length, 2)
  })

  it("does not move a home away under an agent that runs", async () => {
    const done = await restore(agent.home, whole, "--passphrase-file", words(WORDS), "--force", "--json")
    assert.equal(codeOf(done), "STORE_IN_USE")
    assert.equal((await agent.json<{ node: string }>("status")).node, node)
  })

  it("is not restored to a full disk, and is not blamed for it", async () => {
    const disk = tempDir("small-disk")
    const mounted = 'mount -t tmpfs -o size=8k none "$0" && exec "$@"'
    const command = ["unshare", "-rm", "sh", "-c", mounted, disk, process.execPath, MAIN]
    const { code, stdout } = await runMesg(join(disk, "home"), ["restore", whole, "--without-keys", "--json"], command)
    assert.equal(code, 1)
    const said = JSON.parse(stdout) as { code: string; message: string; remedy: string }
    assert.deepEqual(
      [said.code, said.message],
      ["RESTORE_FAILED", `${join(disk, "home")} was not restored: its disk is full`],
    )
    assert.match(said.remedy, /free disk space/)
  })

  it("is refused where it is cut, changed or of something else, and leaves nothing", async () => {
    const bytes = readFileSync(whole)
    const file = (name: string, content: Uint8Array) => {
      const path = join(tempDir("bad"), name)
      writeFileSync(path, content)
      return path
    }
    const cut = file("cut.mesg", bytes)
    truncateSync(cut, Math.floor(bytes.length / 2))
    const changed = Buffer.from(bytes)
    changed[Math.floor(bytes.length / 2)]! ^= 0x40
    const strange = tempDir("strange")
    for (const name of ["backup.json", "run/token", "data/store.mdb"]) {
      mkdirSync(dirname(join(strange, name)), { recursive: true })
      writeFileSync(join(strange, name), "{}")
    }
    const foreign = join(tempDir("bad"), "foreign.mesg")
    await create({ file: foreign, cwd: strange, gzip: true }, ["backup.json", "data", "run"])
    mkdirSync(join(strange, "consensus"))
    writeFileSync(join(strange, "consensus", "signed"), OF_CONSENSUS)
    const signed = join(tempDir("bad"), "signed.mesg")
    await create({ file: signed, cwd: strange, gzip: true }, ["backup.json", "data", "consensus"])
    const outside = join(tempDir("bad"), "outside.mesg")
    const inner = join(strange, "plugins", "x")
    mkdirSync(inner, { recursive: true })
    await create({ file: outside, cwd: inner, gzip: true, preservePaths: true }, ["../../backup.json"])
    for (const bad of [
      cut,
      file("changed.mesg", changed),
      foreign,
      signed,
      outside,
      file("text", Buffer.from("PK")),
      "/nowhere",
    ]) {
      const home = newPlace()
      const done = await restore(home, bad, "--json", "--without-keys")
      assert.equal(done.code, 1, bad)
      const { code, remedy } = JSON.parse(done.stdout) as { code: string; remedy: string }
      assert.equal(code, "BACKUP_INVALID", `${bad}: ${done.stdout}`)
      assert.match(remedy, /mesg backup/)
      assert.deepEqual(readdirSync(dirname(home)), [], bad)
    }
  })
})
