import { Blocks } from "../../../agent/engine/ledger/chain/blocks.ts"
import { BlockChain } from "../../../agent/engine/ledger/chain/block-chain.ts"
import { Consensus } from "../../../agent/engine/ledger/consensus/consensus.ts"
import { createSignState, openSigner } from "../../../agent/engine/ledger/consensus/signer.ts"
import { Wal } from "../../../agent/engine/ledger/consensus/wal.ts"
import { drive } from "../../../agent/core/consensus/driver/driver.ts"
import { fromHex } from "../../../agent/base/bytes.ts"
import { chainIdOf, type Genesis } from "../../../agent/core/ledger/genesis.ts"
import type { Receipt } from "../../../agent/core/ledger/apply/apply.ts"
import { verifier } from "../../../agent/io/keys/verifier.ts"
import { VirtualFile } from "../../sim/chain/disk.ts"
import { FakeClock } from "../fake-clock.ts"
import { MemoryStore } from "../memory-store.ts"
import { consensusKey } from "./signed.ts"

/** What is on the disk of a validator, and its clock. */
export interface Machine {
  readonly store: MemoryStore
  readonly signed: VirtualFile
  readonly log: VirtualFile
  readonly clock: FakeClock
}

export async function newMachine(genesis: Genesis, name: string): Promise<Machine> {
  const machine = {
    store: new MemoryStore(),
    signed: new VirtualFile(),
    log: new VirtualFile(),
    clock: new FakeClock(),
  }
  await new Blocks(machine.store).begin(genesis)
  createSignState({ key: consensusKey(name), chain: fromHex(chainIdOf(genesis))!, file: machine.signed })
  return machine
}

/** A validator that is alone on its chain, and so decides by itself. */
export function startAlone({ store, signed, log, clock }: Machine, genesis: Genesis, name: string, kept?: number) {
  const receipts: Receipt[] = []
  const halted: Error[] = []
  const key = consensusKey(name)
  const blocks = new Blocks(store, kept)
  const chainId = fromHex(chainIdOf(genesis))!
  const note = (error: Error) => void halted.push(error)
  const chain = new BlockChain(
    {
      blocks,
      verifier: verifier(),
      clock,
      me: key.address,
      decided: (_, of) => receipts.push(...of),
      halted: note,
    },
    blocks.tip()!,
  )
  const consensus = new Consensus({
    signer: openSigner({ key, chain: chainId, file: signed }),
    wal: new Wal(log, chainId),
    clock,
    chain,
    gossip: { say: () => {}, recall: () => {} },
    notices: { evidence: () => {}, unsigned: () => {}, dead: () => {}, halted: note },
    chainId,
    me: key.address,
    timeoutMs: () => 1000,
    drive,
  })
  consensus.start()
  chain.connect(consensus)
  return { chain, blocks, consensus, receipts, halted }
}
