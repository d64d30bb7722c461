import { fromHex, toHex } from "../../../agent/base/bytes.ts"
import { encodeBlock, readBlock } from "../../../agent/core/chain/block.ts"
import { applicationOf, headerAfter } from "../../../agent/core/chain/check.ts"
import { commitOf } from "../../../agent/core/chain/commit.ts"
import type { LightBlock } from "../../../agent/core/chain/light.ts"
import { genesisTip, type Tip, tipAfter } from "../../../agent/core/chain/tip.ts"
import { voteBytes } from "../../../agent/core/consensus/message.ts"
import type { ValueId } from "../../../agent/core/consensus/terms.ts"
import { consensusAddress } from "../../../agent/core/ledger/apply/committee.ts"
import type { Genesis } from "../../../agent/core/ledger/genesis.ts"
import type { CommitteeMember } from "../../../agent/core/ledger/state/records.ts"
import type { PublicKey, Signature } from "../../../agent/core/ledger/terms.ts"
import { possessionMessage } from "../../../agent/core/ledger/transaction/signatures.ts"
import { Chain } from "./chain.ts"
import { accountAddress, realKey, signedTransaction } from "./signed.ts"

/** A chain whose commits are really signed, by whoever holds a key in the committee. */
export class SignedBlocks {
  readonly ledger: Chain
  /** By height, from 1 on. */
  readonly light: LightBlock[] = []
  tip: Tip
  readonly #signers = new Map<string, (bytes: Uint8Array) => Uint8Array>()
  readonly #nonces = new Map<string, number>()

  /** @param keys names of the consensus keys of the genesis */
  constructor(genesis: Genesis, keys: readonly string[]) {
    this.ledger = new Chain(genesis)
    this.tip = genesisTip(genesis).tip
    for (const key of keys) this.hold(key)
  }

  hold(name: string): PublicKey {
    const { publicKey, sign } = realKey(name)
    this.#signers.set(publicKey, sign)
    return publicKey as PublicKey
  }

  /** The validator has another key, two heights on. */
  rotation(validator: string, to: string): Uint8Array {
    const key = this.hold(to)
    const proof = this.#signers.get(key)!(possessionMessage(this.tip.chain, key, accountAddress(validator)))
    const nonce = this.#nonces.get(validator) ?? 1
    this.#nonces.set(validator, nonce + 1)
    return signedTransaction(this.tip.chain, validator, nonce, {
      kind: "rotate",
      key,
      proof: toHex(proof) as Signature,
    })
  }

  next(transactions: readonly Uint8Array[] = [], laterMs = 1000): LightBlock {
    const before = this.tip
    const commit = this.light.at(-1)?.commit ?? null
    const { proposer } = before.next.queue
    const header = headerAfter(before, { commit, transactions, proposer })
    const block = readBlock(encodeBlock({ header, commit, transactions }))!
    const { time, transactions: read } = applicationOf(before, block)
    const applied = this.ledger.block(read, time)
    if (applied.receipts.some(({ failure }) => failure !== null))
      throw new Error(JSON.stringify(applied.receipts, replaced))
    this.tip = tipAfter(before, block, applied)
    const made: LightBlock = {
      header,
      commit: this.commit(before.next.members, header.height, block.id, time + laterMs),
      members: before.next.members,
      nextMembers: before.afterNext.members,
    }
    this.light.push(made)
    return made
  }

  /** Precommits of all members whose keys are held here. */
  commit(members: readonly CommitteeMember[], height: number, value: ValueId, timeMs: number) {
    const votes = members.map(({ key }) => {
      const vote = { type: "precommit", height, round: 0, value, voter: consensusAddress(key), timeMs } as const
      return { ...vote, signature: this.#signers.get(key)!(voteBytes(fromHex(this.tip.chain)!, vote)) }
    })
    return commitOf(votes, members)
  }
}

function replaced(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value
}
