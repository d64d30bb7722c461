import { createHash } from "node:crypto"

/** The state tree as the rules say it, over all names at once: slow, and shares no code with the agent. */
export function slowRoot(records: ReadonlyMap<string, Uint8Array>): string {
  const leaves = [...records].map(([name, value]) => ({ bits: bitsOf(sha(name)), key: sha(name), value: sha(value) }))
  return subtree(leaves, 0).toString("hex")
}

interface BitLeaf {
  readonly bits: string
  readonly key: Buffer
  readonly value: Buffer
}

function subtree(leaves: readonly BitLeaf[], depth: number): Buffer {
  const [first] = leaves
  if (first === undefined) return Buffer.alloc(32)
  if (leaves.length === 1) return sha(Buffer.concat([Buffer.of(0), first.key, first.value]))
  const side = (bit: string) =>
    subtree(
      leaves.filter(({ bits }) => bits[depth] === bit),
      depth + 1,
    )
  return sha(Buffer.concat([Buffer.of(1), side("0"), side("1")]))
}

function sha(data: string | Uint8Array): Buffer {
  return createHash("sha256").update(data).digest()
}

function bitsOf(hash: Buffer): string {
  return Array.from(hash, (byte) => byte.toString(2).padStart(8, "0")).join("")
}
