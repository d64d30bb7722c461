import assert from "node:assert/strict"
import { recordingPlugin } from "../../support/run-plugin.ts"

describe("the service log", () => {
  it("writes the line with its level and fields", async () => {
    const plugin = await recordingPlugin("log")
    assert.deepEqual(await plugin.result("write", { message: "hot", level: "warn", fields: { celsius: 71 } }), [
      "written",
      {},
    ])
    assert.deepEqual(await plugin.result("write", { message: "plain" }), ["written", {}])
    assert.deepEqual(plugin.bridge.lines, [
      { level: "warn", message: "hot", fields: { celsius: 71 } },
      { level: "info", message: "plain", fields: {} },
    ])
    await plugin.stop()
  })
})
