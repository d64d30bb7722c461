import assert from "node:assert/strict"
import { applicationOf, blockFault, signaturesOfBlock } from "../../../agent/core/chain/check.ts"
import { genesisTip, tipAfter } from "../../../agent/core/chain/tip.ts"
import type { Genesis } from "../../../agent/core/ledger/genesis.ts"
import type { Blocks } from "../../../agent/engine/ledger/chain/blocks.ts"
import { verifier } from "../../../agent/io/keys/verifier.ts"
import { audit } from "./audit.ts"
import { Chain } from "./chain.ts"

export interface Replayed {
  readonly chain: Chain
  /** Of each height, from 0: the app hash after it. */
  readonly appHashes: readonly string[]
  /** Where each transaction is, and why it failed; null where it did not. */
  readonly transactions: ReadonlyMap<string, { readonly height: number; readonly failure: string | null }>
}

/**
 * Makes a chain anew from its genesis and its blocks: each block is what had to follow, is signed, and leads to the state
 * that the next one names; after each, everything that the ledger keeps is where it says, the tokens first of all.
 */
export async function replayed(genesis: Genesis, blocks: Blocks, height: number): Promise<Replayed> {
  const chain = new Chain(genesis)
  const signatures = verifier()
  const transactions = new Map<string, { height: number; failure: string | null }>()
  let { tip } = genesisTip(genesis)
  const appHashes: string[] = [tip.appHash]
  for (let at = 1; at <= height; at++) {
    const block = blocks.at(at)?.block
    assert.ok(block, `block ${at} is here`)
    assert.equal(blockFault(tip, block), null, `block ${at}`)
    assert.ok(await signatures.areGood(signaturesOfBlock(tip, block)), `signatures of block ${at}`)
    const applied = chain.follow(applicationOf(tip, block))
    audit(chain)
    tip = tipAfter(tip, block, applied)
    appHashes.push(tip.appHash)
    for (const { id, failure } of applied.receipts) transactions.set(id, { height: at, failure })
  }
  return { chain, appHashes, transactions }
}
