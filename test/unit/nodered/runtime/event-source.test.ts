import assert from "node:assert/strict"
import fc from "fast-check"
import { EventSourceParser } from "../../../../nodered-nodes/src/runtime/api/event-source.ts"
import { STREAM_ITEM_CHARS_MAX } from "../../../../nodered-nodes/src/runtime/limits.ts"

const TEXT = `retry: 2000

: still here

event: execution
id: ab.1
data: {"text":"a: b"}

event: service
data: one
data:two
id: ab.2

data: plain

`
const ITEMS = [
  { kind: "execution", id: "ab.1", data: '{"text":"a: b"}' },
  { kind: "service", id: "ab.2", data: "one\ntwo" },
  { kind: "message", id: "ab.2", data: "plain" },
]

describe("the agent's stream, read", () => {
  for (const [name, end] of [
    ["line feeds", "\n"],
    ["carriage returns with line feeds", "\r\n"],
  ] as const) {
    it(`gives the same items wherever it is cut, with ${name}`, () => {
      const text = TEXT.replaceAll("\n", end)
      fc.assert(
        fc.property(fc.array(fc.nat(text.length)), (cuts) => {
          const parser = new EventSourceParser()
          const places = [0, ...cuts.sort((a, b) => a - b), text.length]
          const items = places.slice(1).flatMap((to, i) => parser.take(text.slice(places[i], to)))
          assert.deepEqual(items, ITEMS)
        }),
      )
    })
  }

  it("ends a stream whose item never ends", () => {
    const parser = new EventSourceParser()
    parser.take("data: ")
    assert.throws(() => parser.take("x".repeat(STREAM_ITEM_CHARS_MAX)), { code: "AGENT_ANSWER_INVALID" })
  })
})
