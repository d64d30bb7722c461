import { fromHex } from "../../../agent/base/bytes.ts"
import { chainIdOf, type Genesis } from "../../../agent/core/ledger/genesis.ts"
import { accountAt } from "../../../agent/core/ledger/state/records.ts"
import { State } from "../../../agent/core/ledger/state/state.ts"
import { Blocks } from "../../../agent/engine/ledger/chain/blocks.ts"
import { createSignState } from "../../../agent/engine/ledger/consensus/signer.ts"
import { ChainPeers } from "../../../agent/engine/ledger/validator/chain-peers.ts"
import { Sync } from "../../../agent/engine/ledger/validator/sync.ts"
import { Validator } from "../../../agent/engine/ledger/validator/validator.ts"
import { SystemClock } from "../../../agent/io/clock/clock.ts"
import type { PeersOptions } from "../../../agent/io/peers/peers.ts"
import { systemRandom } from "../../../agent/io/keys/random.ts"
import { verifier } from "../../../agent/io/keys/verifier.ts"
import { VirtualFile } from "../../sim/chain/disk.ts"
import { KeptLog } from "../kept-log.ts"
import { MemoryStore } from "../memory-store.ts"
import { startPeers } from "../peers.ts"
import { accountAddress, consensusKey } from "./signed.ts"

/** What is on the disk of a validator. */
export interface Disk {
  readonly store: MemoryStore
  readonly signState: VirtualFile
  readonly wal: VirtualFile
}

export async function newDisk(genesis: Genesis, name: string): Promise<Disk> {
  const disk = { store: new MemoryStore(), signState: new VirtualFile(), wal: new VirtualFile() }
  await new Blocks(disk.store).begin(genesis)
  createSignState({ key: consensusKey(name), chain: fromHex(chainIdOf(genesis))!, file: disk.signState })
  return disk
}

export interface Placed extends Partial<Pick<PeersOptions, "keys" | "listen">> {
  /** The way to the others: as it is in an agent by default. */
  readonly shell?: ChainPeers
}

/** A validator with real peers, on loopback by default, and real time. @param known addresses of others */
export async function startNetworked(
  disk: Disk,
  genesis: Genesis,
  name: string,
  known: readonly string[],
  { shell: given, ...place }: Placed = {},
) {
  const failures: unknown[] = []
  const failed = (error: unknown) => void failures.push(error)
  const log = new KeptLog()
  const key = consensusKey(name)
  const blocks = new Blocks(disk.store)
  const clock = new SystemClock({ notBeforeMs: 0 })
  const shell = given ?? new ChainPeers(chainIdOf(genesis), log)
  const validator = new Validator(
    {
      ...{ blocks, verifier: verifier(), clock, key, signState: disk.signState, wal: disk.wal, shell, log },
      decided: () => {},
      evidence: failed,
      halted: failed,
    },
    blocks.tip()!,
  )
  const sync = new Sync({
    validator,
    shell,
    clock,
    random: systemRandom,
    me: key.address,
    behind: failed,
    failed,
  })
  const peers = await startPeers({ ...place, known, topics: shell.topics(), questions: shell.questions(), clock, log })
  shell.connect(peers)
  shell.serve(validator)
  validator.start()
  sync.start()
  const stop = async () => {
    sync.stop()
    shell.stop()
    validator.stop()
    clock.stop()
    await peers.stop()
  }
  const balance = (of: string) => State.over(blocks).get(accountAt(accountAddress(of)))?.balance ?? 0n
  return { validator, blocks, shell, peers, failures, log, balance, stop }
}

export type Networked = Awaited<ReturnType<typeof startNetworked>>
