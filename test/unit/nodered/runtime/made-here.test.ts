import assert from "node:assert/strict"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { isDrawn, MadeHere, type Owner } from "../../../../nodered-nodes/src/runtime/made-here.ts"
import type { AgentConnection } from "../../../../nodered-nodes/src/runtime/agent/connection.ts"
import type { Red } from "../../../../nodered-nodes/src/runtime/red.ts"
import { tempDir } from "../../../support/temp-dir.ts"

const FILE = "mesg-applications.json"
const LAMP: Owner = { core: "core-1", agent: "here", name: "lamp" }

describe("what a Node-RED has put into agents", () => {
  let userDir: string
  let said: string[]
  beforeEach(() => {
    userDir = tempDir("made-here")
    said = []
  })
  const open = () => {
    const say = (text: string) => said.push(text)
    return new MadeHere<Owner>({ settings: { userDir }, log: { warn: say, error: say } } as unknown as Red, FILE)
  }

  it("is known at the next start, by the agent that it is in", () => {
    open().set(LAMP)
    const made = open()
    assert.deepEqual(made.get("core-1", "lamp"), LAMP)
    assert.equal(made.get("core-2", "lamp"), undefined)
    made.set({ ...LAMP, agent: "there" })
    assert.deepEqual(open().all(), [{ ...LAMP, agent: "there" }])
    made.forget(LAMP)
    assert.deepEqual(open().all(), [])
    assert.deepEqual(said, [])
  })

  it("is whole in its file or as it was: nothing partial stays beside it, and it is its user's alone", () => {
    open().set(LAMP)
    assert.deepEqual(readdirSync(userDir), [FILE])
    assert.deepEqual(JSON.parse(readFileSync(join(userDir, FILE), "utf8")), { v: 2, items: [LAMP] })
  })

  it("begins anew behind a file that a hand has broken, and says so", () => {
    writeFileSync(join(userDir, FILE), '{"v":2,"items":[')
    assert.deepEqual(open().all(), [])
    assert.match(said.join(), /JSON/)
  })

  it("goes on, and says so, where the folder cannot be written", () => {
    mkdirSync(join(userDir, `${FILE}.partial`))
    const made = open()
    made.set(LAMP)
    assert.deepEqual(made.get("core-1", "lamp"), LAMP)
    assert.match(said.join(), /cannot be kept/)
  })

  it("is still drawn under another node of its agent, or of one that may be it, and under none of another agent", async () => {
    const { signal } = new AbortController()
    const at = (core: string | null) => () =>
      ({ problem: core === null ? "away" : null, core: () => Promise.resolve(core) }) as unknown as AgentConnection
    const moved = [{ agent: "moved", name: "lamp" }]
    assert.equal(await isDrawn(LAMP, moved, at("core-1"), signal), true)
    assert.equal(await isDrawn(LAMP, moved, at("core-2"), signal), false)
    assert.equal(await isDrawn(LAMP, moved, at(null), signal), true)
    assert.equal(await isDrawn(LAMP, [LAMP], at("core-2"), signal), true)
    assert.equal(await isDrawn(LAMP, [{ agent: "here", name: "other" }], at("core-1"), signal), false)
  })
})
