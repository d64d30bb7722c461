import assert from "node:assert/strict"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { buildNodeRedPackage } from "../../packaging/nodered.mjs"
import { onAgent, runMesg, startAgent, type TestAgent } from "../support/agent.ts"
import { NODE_RED_VERSIONS, type NodeRedVersion } from "../support/node-red.ts"
import { CHARGER, CHARGER_CODE, eventNode, tab, taskNode } from "../support/node-red-flow.ts"
import { EDITOR_TIMEOUT_MS, openBrowser } from "../support/node-red-editor.ts"
import { npmCache } from "../support/npm-cache.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { ROOT } from "../support/sources.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

interface RunFile {
  readonly pid: number
  readonly url: string
}

const WAIT_MS = 60_000
const CANARY = "canary-of-a-node-41d7"
const SERVED = [
  { id: "in", type: "http in", z: "tab", x: 1, y: 1, url: "/hello", method: "get", upload: false, wires: [["out"]] },
  { id: "ask", type: "http request", z: "tab", x: 5, y: 9, credentials: { user: "me", password: CANARY }, wires: [] },
  { id: "out", type: "http response", z: "tab", x: 9, y: 1, statusCode: "200", headers: {}, wires: [] },
]
const FLOW = [
  tab("beside"),
  eventNode("e", "mesg:charger/finished", ["t"]),
  taskNode("t", "mesg:log.write", ["written"], {}, { with: { message: { type: "str", value: "x" } } }),
  ...SERVED,
]

for (const version of Object.keys(NODE_RED_VERSIONS) as NodeRedVersion[]) {
  describe(`a Node-RED ${version} that the agent runs`, function () {
    this.timeout(240_000)
    let agent: TestAgent
    let place: RunFile
    const sets = () => {
      const path = npmCache(NODE_RED_VERSIONS[version], [`node-red@${version}`])
      return ["nodeRed.run=true", "nodeRed.port=0", `nodeRed.path=${path}`]
    }
    const runFile = () => join(agent.home, "run/node-red.json")
    /** Where it is, once it is another one than `before`. */
    const placed = async (before?: number): Promise<RunFile> => {
      const read = () => (existsSync(runFile()) ? (JSON.parse(readFileSync(runFile(), "utf8")) as RunFile) : null)
      await until(() => (read()?.pid ?? before) !== before, WAIT_MS, "Node-RED")
      return read()!
    }
    before(async () => {
      await buildNodeRedPackage(join(ROOT, "nodered-nodes/dist"))
      agent = await startAgent({ sets: sets() })
      await agent.json("service", "add", serviceFolder(CHARGER, CHARGER_CODE))
      place = await placed()
    })
    after(async () => {
      await agent?.stop()
      agent?.clean()
    })

    const ask = (path: string, authorization: string | null, init: RequestInit = {}) =>
      fetch(new URL(path, place.url), {
        ...init,
        headers: {
          "content-type": "application/json",
          accept: "application/json",
          "node-red-api-version": "v2",
          ...(authorization === null ? {} : { authorization }),
        },
      })
    const status = async (...words: Parameters<typeof ask>) => (await ask(...words)).status
    const post = (body: object) => ({ method: "POST", body: JSON.stringify(body) })
    const bearer = (secret: string) => `Bearer ${secret}`
    const basic = (secret: string) => `Basic ${Buffer.from(`any:${secret}`).toString("base64")}`
    const makeToken = (name: string, ...words: string[]) =>
      agent.json<{ id: string; token: string }>("token", "create", "--name", name, ...words)
    const login = async (username: string, password: string) => {
      const who = { client_id: "node-red-editor", grant_type: "password", scope: "", username, password }
      const response = await ask("/auth/token", null, post(who))
      return response.ok ? ((await response.json()) as { access_token: string }).access_token : null
    }

    it("lets nobody into its editor without a token, or with a wrong one", async () => {
      const wrong = `mesg_run_${"0".repeat(64)}`
      for (const authorization of [null, bearer("x"), bearer(wrong), basic(agent.token)]) {
        assert.equal(await status("/flows", authorization), 401, String(authorization))
        assert.equal(await status("/flows", authorization, post({ flows: FLOW })), 401, String(authorization))
      }
      assert.equal(await login("owner", "wrong"), null)
      assert.equal(await login("somebody", agent.token), null)
    })

    it("lets in who has a token: `admin` changes flows, the others look, services and devices do not", async () => {
      assert.equal(await status("/flows", bearer(agent.token)), 200)
      for (const scope of ["read", "operate", "deploy"]) {
        const { token } = await makeToken(scope, "--scope", scope)
        assert.equal(await status("/flows", bearer(token)), 200, scope)
        assert.equal(await status("/flows", bearer(token), post({ flows: FLOW })), 401, scope)
      }
      const { token } = await makeToken("meter", "--service", "meter")
      assert.equal(await status("/flows", bearer(token)), 401)
    })

    it("ends a session with its token", async () => {
      const { id, token } = await makeToken("gardener", "--scope", "admin")
      assert.equal(await login("gardener", agent.token), null, "another's secret")
      const session = (await login("gardener", token))!
      assert.equal(await status("/flows", bearer(session)), 200)
      await agent.json("token", "revoke", id)
      await until(async () => (await status("/flows", bearer(session))) === 401, WAIT_MS, "the end of the session")
    })

    it("has our nodes, and deploys to this agent what is wired", async () => {
      const sets_ = (await (await ask("/nodes", bearer(agent.token))).json()) as { module: string; err?: string }[]
      assert.deepEqual(
        sets_.filter(({ module }) => module === "@mesg/node-red").map(({ err }) => err),
        [undefined],
      )
      assert.equal(await status("/flows", bearer(agent.token), post({ flows: FLOW })), 200)
      const applications = async () => (await agent.json<{ items: { name: string }[] }>("app", "list")).items
      await until(async () => (await applications()).some(({ name }) => name === "beside"), WAIT_MS, "the application")
    })

    it("shows its palette and its side panel to who has logged in, and to nobody else", async () => {
      for (const path of ["/mesg/palette", "/mesg/panel"]) assert.equal(await status(path, null), 401, path)
      const browser = await openBrowser()
      try {
        const page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
        page.setDefaultTimeout(EDITOR_TIMEOUT_MS)
        await page.goto(place.url)
        await page.locator("#node-dialog-login-username").fill("owner")
        await page.locator("#node-dialog-login-password").fill(agent.token)
        await page.keyboard.press("Enter")
        await page.locator('[data-palette-type="mesg:charger.pay"]').waitFor({ state: "attached" })
        await page.locator("#red-ui-workspace-chart").press("Control+g")
        await page.keyboard.press("a")
        await page.locator('[data-mesg-application="beside"]', { hasText: "v1" }).waitFor()
      } finally {
        await browser.close()
      }
    })

    it("asks for a token at what its flows serve", async () => {
      const { token: reads } = await makeToken("reads", "--scope", "read")
      const { token: calls } = await makeToken("calls", "--scope", "operate")
      assert.equal(await status("/hello", null), 401)
      assert.equal(await status("/hello", basic("wrong")), 401)
      assert.equal(await status("/hello", basic(reads)), 403)
      assert.equal(await status("/hello", basic(calls)), 200)
      assert.equal(await status("/hello", bearer(calls)), 200)
    })

    it("listens on loopback, and keeps its flows and secrets to its user", () => {
      assert.equal(new URL(place.url).hostname, "127.0.0.1")
      for (const file of ["flows.json", "credential-secret", "settings.js", "package.json"]) {
        assert.equal(statSync(join(agent.home, "node-red", file)).mode & 0o077, 0, file)
      }
    })

    it("comes back when it is killed, with its flows", async () => {
      process.kill(place.pid, "SIGKILL")
      place = await placed(place.pid)
      const { flows } = (await (await ask("/flows", bearer(agent.token))).json()) as { flows: { id: string }[] }
      assert.deepEqual(flows.map(({ id }) => id).sort(), FLOW.map(({ id }) => id).sort())
    })

    it("is in a backup with its flows and sealed credentials, and comes back with them elsewhere", async () => {
      const folder = tempDir("backup")
      const [words, whole, keyless] = ["words", "whole", "keyless"].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ]
      writeFileSync(words, "five words that nobody guesses")
      await agent.json("backup", whole, "--passphrase-file", words)
      await agent.json("backup", keyless)
      const secret = readFileSync(join(agent.home, "node-red/credential-secret"), "utf8")
      for (const file of [whole, keyless]) {
        const bytes = gunzipSync(readFileSync(file))
        assert.ok(bytes.includes("node-red/flows.json"))
        for (const hidden of [CANARY, secret]) assert.ok(!bytes.includes(hidden), hidden)
        assert.equal(bytes.includes("flows_cred.json"), file === whole)
      }
      const withoutKeys = join(folder, "without")
      const lost = "nodes of Node-RED whose credentials must be set again:\n  http request ask\n"
      for (const words of [
        ["restore", keyless, "--dry-run"],
        ["restore", whole, "--without-keys"],
      ]) {
        const { code, stdout } = await runMesg(withoutKeys, words)
        assert.equal(code, 0)
        assert.ok(stdout.includes(lost), stdout)
      }
      assert.equal(existsSync(join(withoutKeys, "node-red/flows.json")), true)
      for (const name of ["flows_cred.json", "credential-secret", ".sessions.json", "node_modules"]) {
        assert.equal(existsSync(join(withoutKeys, "node-red", name)), false, name)
      }
      const home = join(folder, "home")
      const done = await runMesg(home, ["restore", whole, "--passphrase-file", words])
      assert.equal(done.code, 0, done.stderr)
      assert.ok(!done.stdout.includes("must be set again"), done.stdout)
      await onAgent({ home, sets: sets() }, async (again) => {
        const file = join(home, "run/node-red.json")
        await until(() => existsSync(file), WAIT_MS, "the restored Node-RED")
        const { url } = JSON.parse(readFileSync(file, "utf8")) as RunFile
        const headers = { authorization: bearer(again.token), "node-red-api-version": "v2" }
        const get = async (path: string): Promise<unknown> => (await fetch(new URL(path, url), { headers })).json()
        const { flows } = (await get("/flows")) as { flows: { id: string }[] }
        assert.deepEqual(flows.map(({ id }) => id).sort(), FLOW.map(({ id }) => id).sort())
        assert.deepEqual(await get("/credentials/http-request/ask"), { user: "me", has_password: true })
      })
    })

    it("ends when the agent is killed; who was its owner logs in anew at the next one", async () => {
      const session = (await login("owner", agent.token))!
      assert.equal(await status("/flows", bearer(session)), 200)
      const { pid } = place
      await agent.kill()
      await until(() => !existsSync(`/proc/${pid}`), WAIT_MS, "the end of Node-RED")
      agent = await startAgent({ home: agent.home, sets: sets() })
      place = await placed()
      assert.equal(await status("/flows", bearer(session)), 401)
      assert.equal(await status("/flows", bearer(agent.token)), 200)
    })

    it("is gone when the agent has stopped", async () => {
      assert.equal(await agent.stop(), 0)
      assert.equal(existsSync(`/proc/${place.pid}`), false)
      assert.equal(existsSync(runFile()), false)
    })
  })
}

describe("an agent that is to run a Node-RED where there is none", function () {
  this.timeout(60_000)

  it("says so and what to do, and does not start", async () => {
    const nowhere = tempDir("nowhere")
    const { code, stderr } = await runMesg(tempDir("home"), ["start", "--node-red", nowhere, "--set", "mqtt.port=0"])
    assert.equal(code, 1)
    assert.match(stderr, /NODE_RED_NOT_FOUND/)
    assert.match(stderr, /npm install -g node-red@/)
    assert.ok(stderr.includes(nowhere))
  })
})
