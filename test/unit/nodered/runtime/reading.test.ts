import assert from "node:assert/strict"
import { reading } from "../../../../nodered-nodes/src/runtime/palette/reading.ts"

/** A reader whose reads end when they are told to. */
function heldReader() {
  const open = new Map<string, (isNew: boolean | Error) => void>()
  const log: string[] = []
  let heard = Promise.withResolvers<void>()
  const say = (text: string) => {
    log.push(text)
    heard.resolve()
    heard = Promise.withResolvers<void>()
  }
  const want = reading<string>({
    read: (item) => {
      const { promise, resolve, reject } = Promise.withResolvers<boolean>()
      open.set(item, (end) => (end instanceof Error ? reject(end) : resolve(end)))
      say(`read ${item}`)
      return promise
    },
    changed: () => say("changed"),
    failed: (error) => say(`failed: ${(error as Error).message}`),
  })
  return {
    want: (...items: readonly [string, string][]) => want(items),
    end: (item: string, how: boolean | Error) => open.get(item)!(how),
    /** What happened, once this much has. */
    async said(count: number): Promise<string[]> {
      while (log.length < count) await heard.promise
      return log
    },
  }
}

describe("reading what an agent says has changed", () => {
  it("reads each of a burst once, as it was wanted last, and tells of it once", async () => {
    const reader = heldReader()
    reader.want(["a", "a1"], ["b", "b1"])
    reader.want(["a", "a2"])
    assert.deepEqual(await reader.said(2), ["read a2", "read b1"])
    reader.end("a2", true)
    reader.end("b1", true)
    assert.deepEqual((await reader.said(3)).slice(2), ["changed"])
  })

  it("reads a later burst behind the one before, and tells nobody of what is the same", async () => {
    const reader = heldReader()
    reader.want(["a", "a1"])
    await reader.said(1)
    reader.want(["a", "a2"])
    reader.want(["b", "b1"])
    reader.end("a1", false)
    assert.deepEqual((await reader.said(3)).slice(1), ["read a2", "read b1"])
    reader.end("a2", false)
    reader.end("b1", true)
    assert.deepEqual((await reader.said(4)).slice(3), ["changed"])
  })

  it("keeps what could not be read, until it is asked again", async () => {
    const reader = heldReader()
    reader.want(["a", "a1"], ["b", "b1"])
    await reader.said(2)
    reader.end("a1", true)
    reader.end("b1", new Error("nobody answers"))
    assert.deepEqual((await reader.said(4)).slice(2), ["changed", "failed: nobody answers"])
    reader.want()
    assert.deepEqual((await reader.said(5)).slice(4), ["read b1"])
    reader.end("b1", true)
    assert.deepEqual((await reader.said(6)).slice(5), ["changed"])
  })
})
