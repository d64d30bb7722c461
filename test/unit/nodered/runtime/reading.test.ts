import assert from "node:assert/strict"
import { reading } from "../../../../nodered-nodes/src/runtime/palette/reading.ts"

/** A reader whose fetches end when they are told to, with whether what they found is new. */
function heldReader() {
  const life = new AbortController()
  const open = new Map<string, (found: boolean | Error) => void>()
  const log: string[] = []
  let heard = Promise.withResolvers<void>()
  const say = (text: string) => {
    log.push(text)
    heard.resolve()
    heard = Promise.withResolvers<void>()
  }
  const want = reading<boolean>({
    signal: life.signal,
    fetch: (name) => {
      const { promise, resolve, reject } = Promise.withResolvers<boolean>()
      open.set(name, (found) => (found instanceof Error ? reject(found) : resolve(found)))
      say(`fetch ${name}`)
      return promise
    },
    take: (name, found) => {
      say(`take ${name}`)
      return found
    },
    changed: () => say("changed"),
    failed: (error) => say(`failed: ${(error as Error).message}`),
  })
  return {
    life,
    want: (...names: readonly string[]) => want(names),
    end: (name: string, found: boolean | Error) => open.get(name)!(found),
    /** What happened since the last look, once all of this has. */
    async saw(...expected: readonly string[]): Promise<void> {
      while (log.length < expected.length) await heard.promise
      assert.deepEqual(log.splice(0), expected)
    },
  }
}

describe("reading what an agent says has changed", () => {
  it("fetches each of a burst once, and tells of all that is new once", async () => {
    const reader = heldReader()
    reader.want("a", "b")
    reader.want("a")
    await reader.saw("fetch a", "fetch b")
    reader.end("a", true)
    reader.end("b", true)
    await reader.saw("take a", "take b", "changed")
  })

  it("fetches a later burst behind the one before, and tells nobody of what is the same", async () => {
    const reader = heldReader()
    reader.want("a")
    await reader.saw("fetch a")
    reader.want("a")
    reader.want("b")
    reader.end("a", false)
    await reader.saw("take a", "fetch a", "fetch b")
    reader.end("a", false)
    reader.end("b", true)
    await reader.saw("take a", "take b", "changed")
  })

  it("goes on wanting what could not be fetched", async () => {
    const reader = heldReader()
    reader.want("a", "b")
    await reader.saw("fetch a", "fetch b")
    reader.end("a", true)
    reader.end("b", new Error("nobody answers"))
    await reader.saw("take a", "changed", "failed: nobody answers")
    reader.want()
    await reader.saw("fetch b")
    reader.end("b", true)
    await reader.saw("take b", "changed")
  })

  it("takes nothing once it is ended", async () => {
    const reader = heldReader()
    reader.want("a", "b")
    await reader.saw("fetch a", "fetch b")
    reader.end("a", true)
    await reader.saw("take a")
    reader.life.abort()
    reader.end("b", true)
    await reader.saw("changed")
  })
})
