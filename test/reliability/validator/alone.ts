import { randomBytes } from "node:crypto"
import { writeSync } from "node:fs"
import { join } from "node:path"
import { fromUtf8, toHex, utf8 } from "../../../agent/base/bytes.ts"
import { drive } from "../../../agent/core/consensus/driver/driver.ts"
import { proposalBytes, type SignedMessage, voteBytes } from "../../../agent/core/consensus/message.ts"
import { genesisValidators } from "../../../agent/core/consensus/rotation.ts"
import type { Address, ValueId } from "../../../agent/core/consensus/terms.ts"
import { Consensus } from "../../../agent/engine/ledger/consensus/consensus.ts"
import { openSigner } from "../../../agent/engine/ledger/consensus/signer.ts"
import { Wal } from "../../../agent/engine/ledger/consensus/wal.ts"
import { SystemClock } from "../../../agent/io/clock/clock.ts"
import { durableFile } from "../../../agent/io/disk/durable-file.ts"
import { openConsensusKey } from "../../../agent/io/keys/consensus-key.ts"

/*
 * The only validator of a chain, on the real disk, in a process that its parent kills whenever it likes. A line for each
 * thing that leaves it: `signed SLOT BYTES SIGNATURE`, `decided HEIGHT VALUE`.
 */
const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error("usage: alone FOLDER")

const chainId = new Uint8Array(32).fill(9)
const key = openConsensusKey(folder)
const blocks = durableFile(join(folder, "blocks"))
const log = (line: string) => writeSync(1, `${line}\n`)

interface Block {
  readonly height: number
  readonly timeMs: number
}

function last(): Block {
  const text = fromUtf8(blocks.read() ?? utf8(JSON.stringify({ height: -1, timeMs: 0 })))
  return JSON.parse(text!) as Block
}

function told(message: SignedMessage): string {
  if (message.kind === "vote") {
    const { height, round, type, signature } = message.vote
    return `signed ${height}/${round}/${type} ${toHex(voteBytes(chainId, message.vote))} ${toHex(signature)}`
  }
  const { height, round, signature } = message.proposal
  return `signed ${height}/${round}/proposal ${toHex(proposalBytes(chainId, message.proposal))} ${toHex(signature)}`
}

const validators = genesisValidators([{ address: key.address as string as Address, power: 1n }])
const consensus = new Consensus({
  signer: openSigner({ key, chain: chainId, file: durableFile(join(folder, "signed")) }),
  wal: new Wal(durableFile(join(folder, "log")), chainId),
  clock: new SystemClock({ notBeforeMs: 0 }),
  chainId,
  me: key.address,
  timeoutMs: () => 1000,
  drive,
  chain: {
    next: () => {
      const { height, timeMs } = last()
      return { height: height + 1, validators, lastTimeMs: timeMs }
    },
    // Another value in every life: a log that forgets what was asked for would sign two of them.
    wanted: (height, round) =>
      setImmediate(() => consensus.propose(height, round, randomBytes(32).toString("hex") as ValueId)),
    decided: ({ height, value, commit }) => {
      blocks.replace(utf8(JSON.stringify({ height, timeMs: commit[0]!.timeMs } satisfies Block)))
      log(`decided ${height} ${value}`)
      consensus.advance()
      setImmediate(() => consensus.begin())
    },
  },
  gossip: { say: (message) => log(told(message)), recall: () => {} },
  notices: {
    evidence: ({ first }) => log(`evidence against ${first.voter}`),
    unsigned: ({ height, round, step, code }) => log(`unsigned ${height}/${round}/${step} ${code}`),
    dead: (why) => log(`dead ${why}`),
    halted: (error) => log(`halted ${error.message}`),
  },
})
consensus.start()
consensus.begin()
