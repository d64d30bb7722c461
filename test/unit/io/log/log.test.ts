import assert from "node:assert/strict"
import { closeSync, fstatSync, openSync } from "node:fs"
import { createLog, type LogFormat, logFormatFor } from "../../../../agent/io/log/log.ts"
import type { Log } from "../../../../agent/ports/log.ts"

describe("the log", () => {
  const lines = (format: LogFormat, say: (log: Log) => void): string[] => {
    const written: string[] = []
    say(createLog({ level: "info", format, write: (line) => written.push(line) }))
    return written
  }

  it("writes one JSON object a line, with level, time and message", () => {
    const [line = ""] = lines("json", (log) => log.warn("a disk fills", { freeMb: 3 }))
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>
    assert.deepEqual(rest, { level: "warn", message: "a disk fills", freeMb: 3 })
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.ok(line.endsWith("}\n") && line.indexOf("\n") === line.length - 1)
  })

  it("keeps a line feed of the data inside the line", () => {
    const [line = "", ...more] = lines("json", (log) => log.info("two\nlines", { text: "a\nb" }))
    assert.equal(line.trimEnd().split("\n").length, 1)
    assert.deepEqual(more, [])
  })

  it("leaves out what is below its level", () => {
    assert.deepEqual(
      lines("json", (log) => log.debug("too much")),
      [],
    )
  })

  it("adds the fields of `with` to every line", () => {
    const [line = ""] = lines("json", (log) =>
      log.with({ service: "http" }).with({ task: "get" }).info("ran", { ms: 2 }),
    )
    const { service, task, ms } = JSON.parse(line) as Record<string, unknown>
    assert.deepEqual({ service, task, ms }, { service: "http", task: "get", ms: 2 })
  })

  it("says of an error its class, code, sentence and stack", () => {
    const error = Object.assign(new TypeError("no such port"), { code: "EPORT" })
    const [line = ""] = lines("json", (log) => log.error("could not listen", { error }))
    const shown = (JSON.parse(line) as { error: Record<string, unknown> }).error
    assert.deepEqual([shown["name"], shown["code"], shown["message"]], ["TypeError", "EPORT", "no such port"])
    assert.match(String(shown["stack"]), /log\.test\.ts/)
  })

  it("never shows a field that is named like a secret", () => {
    const [line = ""] = lines("json", (log) => log.info("in", { password: "canary", user: { token: "canary" } }))
    assert.doesNotMatch(line, /canary/)
  })

  const priorities = { warn: "<4>", error: "<3>", info: "<6>" } as const
  for (const [level, prefix] of Object.entries(priorities)) {
    it(`tells the journal ${level} as ${prefix}`, () => {
      const [line = ""] = lines("journal", (log) => log[level as keyof typeof priorities]("x"))
      assert.ok(line.startsWith(`${prefix}{`))
    })
  }

  it("writes for people the time, level, message and fields", () => {
    const [line = ""] = lines("people", (log) =>
      log.info("listening", { port: 1883, url: "mqtt://127.0.0.1", what: "two words" }),
    )
    const plain = line.replace(/\u001b\[\d+m/g, "")
    assert.match(
      plain,
      /^\d\d:\d\d:\d\d info {2}listening {2}port=1883 {2}url=mqtt:\/\/127\.0\.0\.1 {2}what="two words"\n$/,
    )
  })

  it("lets no control character of the data reach a terminal", () => {
    const [line = ""] = lines("people", (log) => log.info("from a device \u001b[2J", { text: "\u0007\u202e\u0000" }))
    const plain = line.replace(/\u001b\[(?:3\d|9\d)m/g, "").trimEnd()
    assert.doesNotMatch(plain, /[\p{Cc}\p{Cf}]/u)
  })

  it("takes the journal only where this very output is the journal's", () => {
    const fd = openSync("/dev/null", "w")
    const { dev, ino } = fstatSync(fd)
    assert.equal(logFormatFor(fd, { JOURNAL_STREAM: `${dev}:${ino}` }, false), "journal")
    assert.equal(logFormatFor(fd, { JOURNAL_STREAM: "1:2" }, false), "json")
    assert.equal(logFormatFor(fd, {}, false), "json")
    assert.equal(logFormatFor(fd, {}, true), "people")
    closeSync(fd)
  })
})
