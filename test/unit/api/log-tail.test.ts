import assert from "node:assert/strict"
import { LOG_LINE_BYTES_MAX, LOG_LINES_KEPT_MAX } from "../../../agent/base/limits.ts"
import { createLogTail } from "../../../agent/api/log-tail.ts"
import { KeptLog } from "../../support/kept-log.ts"

describe("the newest lines of the log", () => {
  const fresh = (level: "debug" | "warn" = "debug") => {
    const inner = new KeptLog()
    return { inner, ...createLogTail(inner, level, () => 1000) }
  }

  it("pass every line on, and keep those from the level on, with the fields of their log", () => {
    const { inner, log, tail } = fresh("warn")
    const bound = log.with({ service: "ocpp" })
    bound.info("quiet")
    bound.error("loud", { n: 1 })
    assert.deepEqual(
      inner.lines.map(({ message }) => message),
      ["quiet", "loud"],
    )
    assert.deepEqual(tail.recent(), [
      { timeMs: 1000, level: "error", message: "loud", fields: { service: "ocpp", n: 1 } },
    ])
  })

  it("are bounded in number and in bytes", () => {
    const { log, tail } = fresh()
    for (let i = 0; i < LOG_LINES_KEPT_MAX + 10; i++) log.info("line", { i })
    assert.equal(tail.recent().length, LOG_LINES_KEPT_MAX)
    assert.deepEqual(tail.recent()[0]!.fields, { i: 10 })
    log.info("long", { text: "x".repeat(LOG_LINE_BYTES_MAX * 4) })
    assert.ok(JSON.stringify(tail.recent().at(-1)).length < LOG_LINE_BYTES_MAX * 2)
  })

  it("show errors by their message, numbers of any size, and never a secret", () => {
    const { log, tail } = fresh()
    const circle: Record<string, unknown> = {}
    circle["self"] = circle
    log.info("fields", { error: new Error("broke"), big: 12n, deep: { password: "canary" }, token: "canary" })
    log.info("circle", { circle })
    const [first, second] = tail.recent()
    assert.deepEqual(first!.fields, { error: "broke", big: "12", deep: { password: "(secret)" }, token: "(secret)" })
    assert.match(String(second!.fields["unprintable"]), /circular/)
  })

  it("are told to who subscribes until they leave", () => {
    const { log, tail } = fresh()
    const told: string[] = []
    const leave = tail.subscribe(({ message }) => void told.push(message))
    log.info("one")
    leave()
    log.info("two")
    assert.deepEqual(told, ["one"])
  })
})
