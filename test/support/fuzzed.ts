import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { getHeapStatistics } from "node:v8"
import { MesgError } from "../../agent/base/errors.ts"
import { seededRandom } from "../../agent/base/random.ts"
import { Mutator } from "./mutator.ts"
import { scaled } from "./scale.ts"

/** How many inputs each decoder and each kind of message gets. */
export const INPUTS = scaled(3_000, 1_000_000)
/**
 * What one input may take of memory, whatever it announces: so much for each of its bytes, and what the runtime takes at
 * once where it counts, a page at a time.
 */
const ALLOCATED_MAX = 8 * 2 ** 20
const ALLOCATED_PER_BYTE = 512

export interface Fuzzed {
  readonly name: string
  /** What a real encoder wrote. */
  readonly seeds: readonly Uint8Array[]
  /** @returns null for what is refused @throws MesgError with one of `codes`, and nothing else */
  read(bytes: Uint8Array): unknown
  /** What is read, written again: the same bytes. Not given where what is read is no value. */
  write?(value: never): Uint8Array
  readonly codes?: readonly string[]
}

interface Tally {
  accepted: number
  refused: number
  /** Bytes that one input took, at most. */
  allocatedMax: number
}

/** @throws AssertionError with the input in hex and how to come by it again */
export async function fuzz(of: Fuzzed, inputs = INPUTS): Promise<Tally> {
  for (const seed of of.seeds) {
    assert.notEqual(await of.read(seed), null, `${of.name}: a seed is refused: ${hexOf(seed)}`)
  }
  const seed = createHash("sha256").update(of.name).digest().readUInt32BE()
  const mutator = new Mutator(of.seeds, seededRandom(seed))
  const tally = { accepted: 0, refused: 0, allocatedMax: 0 }
  for (let i = 0; i < inputs; i++) {
    const bytes = mutator.next()
    const said = () => `${of.name}, input ${i}: ${hexOf(bytes)}`
    const before = getHeapStatistics().total_allocated_bytes
    const outcome = outcomeOf(of, bytes, said)
    const value: unknown = outcome instanceof Promise ? await outcome : outcome
    const allocated = getHeapStatistics().total_allocated_bytes - before
    // Of the first ones the compiler takes its part.
    if (i > 1000) tally.allocatedMax = Math.max(tally.allocatedMax, allocated)
    if (allocated > ALLOCATED_MAX + ALLOCATED_PER_BYTE * bytes.length) assert.fail(`${allocated} bytes for ${said()}`)
    if (value === null) tally.refused++
    else tally.accepted++
    if (value === null || of.write === undefined) continue
    if (Buffer.compare(of.write(value as never), bytes) !== 0) assert.fail(`other bytes are taken: ${said()}`)
  }
  return tally
}

/** Synchronous where what it reads with is: a million promises are dear. */
function outcomeOf(of: Fuzzed, bytes: Uint8Array, said: () => string): unknown {
  const judge = (error: unknown) => {
    const isTyped = error instanceof MesgError && of.codes?.includes((error as { code: string }).code)
    if (!isTyped) throw new Error(`${said()}: ${String(error)}`, { cause: error })
    return null
  }
  try {
    const value = of.read(bytes)
    return value instanceof Promise ? value.catch(judge) : value
  } catch (error) {
    return judge(error)
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 2000)).toString("hex")
}
