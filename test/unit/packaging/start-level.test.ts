import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { settingsFor } from "../../../packaging/start/level.ts"
import { tempDir } from "../../support/temp-dir.ts"

describe("the log of npm start", () => {
  it("is quiet where nobody asked for a level", () => {
    assert.deepEqual(settingsFor(tempDir("start"), {}, ["mqtt.port=0"]), ["log.level=warn", "mqtt.port=0"])
  })

  it("has the level that was asked for, wherever that was", () => {
    const home = tempDir("start")
    assert.deepEqual(settingsFor(home, { MESG_LOG_LEVEL: "debug" }, []), [])
    assert.deepEqual(settingsFor(home, {}, ["log.level=info"]), ["log.level=info"])
    writeFileSync(join(home, "config.yml"), "log: { level: debug }\n")
    assert.deepEqual(settingsFor(home, {}, []), [])
  })
})
