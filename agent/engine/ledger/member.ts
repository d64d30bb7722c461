import { messageOf } from "../../base/errors.ts"
import { CHAIN_SYNC_EVERY_MS, STATE_SYNC_AHEAD_MIN } from "../../base/network-limits.ts"
import { type Checkpoint, genesisLight, isCheckpoint, type LightBlock, readLightBlock } from "../../core/chain/light.ts"
import type { Tip } from "../../core/chain/tip.ts"
import type { Height } from "../../core/consensus/terms.ts"
import { readGenesis } from "../../core/ledger/genesis.ts"
import type { Clock } from "../../ports/clock.ts"
import type { ConsensusKey } from "../../ports/consensus-key.ts"
import type { DurableFile } from "../../ports/durable-file.ts"
import type { Log } from "../../ports/log.ts"
import type { Random } from "../../ports/random.ts"
import type { Verifier } from "../../ports/verifier.ts"
import type { Blocks } from "./chain/blocks.ts"
import type { Parts } from "./chain/parts.ts"
import { peerSource } from "./light/source.ts"
import { pause } from "./pause.ts"
import type { ChainPeers } from "./validator/chain-peers.ts"
import { type Fetched, fetchState } from "./validator/state-sync.ts"
import { Sync } from "./validator/sync.ts"
import { Validator } from "./validator/validator.ts"
import type { Accounts } from "./wallet/accounts.ts"
import { Reporter } from "./wallet/reporter.ts"
import { Wallet } from "./wallet/wallet.ts"

export interface MemberParts {
  readonly blocks: Blocks
  readonly parts: Parts
  readonly accounts: Accounts
  readonly verifier: Verifier
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly key: ConsensusKey
  readonly shell: ChainPeers
  /** Of this key on this chain: `sign-state` or `wal`. */
  file(name: string): DurableFile
  /** The chain does not go on. */
  halted(error: unknown): void
}

interface Taking {
  readonly validator: Validator
  readonly wallet: Wallet
  stop(): void
}

/** A Core on its chain: it takes part; where the others are far ahead it fetches the state first. */
export class Member {
  readonly #parts: MemberParts
  readonly #over = new AbortController()
  #taking: Taking | null = null
  /** Peers that say they are far ahead, whose heads are being looked at. */
  readonly #lookedAt = new Set<string>()

  constructor(parts: MemberParts) {
    this.#parts = parts
  }

  /** Null while the state is being fetched. */
  get taking(): Taking | null {
    return this.#taking
  }

  /** @throws ValidatorError where the key may not go on; LedgerError STATE_DAMAGED */
  start(): void {
    if (this.#parts.blocks.fetching() === null) this.#take()
    else this.#inBackground(() => this.#fetch())
  }

  stop(): void {
    this.#over.abort()
    this.#leave()
  }

  #take(): void {
    const { blocks, accounts, clock, key, random, shell, log, halted, file, verifier } = this.#parts
    const tip = blocks.tip()!
    let wallet: Wallet | null = null
    let reporter: Reporter | null = null
    const validator = new Validator(
      {
        ...{ blocks, verifier, clock, key, shell, log, halted },
        signState: file("sign-state"),
        wal: file("wal"),
        decided: (_, receipts) => wallet?.decided(receipts),
        evidence: (evidence) => reporter?.saw(evidence),
      },
      tip,
    )
    wallet = new Wallet({ accounts, clock, key, validator, blocks })
    reporter = new Reporter({ blocks, accounts, wallet, validator, key, clock, log })
    const behind = (peer: string) => this.#inBackground(() => this.#lookAt(peer))
    const sync = new Sync({ validator, shell, clock, random, me: key.address, behind, failed: halted })
    const stop = () => {
      reporter.stop()
      sync.stop()
      validator.stop()
    }
    this.#taking = { validator, wallet, stop }
    shell.serve(validator)
    validator.start()
    sync.start()
    reporter.start()
  }

  #leave(): void {
    this.#parts.shell.serve(null)
    this.#taking?.stop()
    this.#taking = null
  }

  /**
   * Y5: a peer says that it is far ahead. Until its head is believed everything goes on: who lies about it, or takes its
   * time to show it, keeps nobody from deciding.
   */
  async #lookAt(peer: string): Promise<void> {
    const taking = this.#taking
    if (taking === null || this.#lookedAt.has(peer)) return
    this.#lookedAt.add(peer)
    let hasLeft = false
    const leave = async (height: Height) => {
      const isAhead = height >= taking.validator.height + STATE_SYNC_AHEAD_MIN
      if (!isAhead || this.#taking !== taking) return false
      hasLeft = true
      this.#leave()
      // A block that is being kept is part of what goes.
      await taking.validator.chain.isPast(height)
      return true
    }
    try {
      const { ok } = await this.#fetchFrom(peer, leave)
      if (!hasLeft) return
      if (ok && !this.#over.signal.aborted) return this.#take()
    } finally {
      this.#lookedAt.delete(peer)
    }
    await this.#fetch()
  }

  /** What was here is gone: one peer after the other is asked, until the state is here. */
  async #fetch(): Promise<void> {
    const { shell, clock } = this.#parts
    const { signal } = this.#over
    for (let turn = 0; !signal.aborted; turn++) {
      const peers = shell.peers()
      const peer = peers[turn % Math.max(1, peers.length)]
      const isHere = peer !== undefined && (await this.#fetchFrom(peer, async () => true)).ok
      if (isHere && !signal.aborted) return this.#take()
      await pause(clock, CHAIN_SYNC_EVERY_MS, signal)
    }
  }

  async #fetchFrom(peer: string, leave: (height: Height) => Promise<boolean>): Promise<Fetched> {
    const { blocks, log } = this.#parts
    const { signal } = this.#over
    const tip = blocks.tip()!
    const checkpoint = tip.height === 0 ? blocks.checkpoint() : null
    const trusted = blocks.fetching() ?? (checkpoint === null ? this.#trusted(tip) : null)
    const { trustingMs } = readGenesis(blocks.genesis()!)!.parameters
    log.info("the state is fetched: others are far ahead", { peer })
    const from = trusted ?? (await this.#seen(peer, checkpoint))
    const fetched: Fetched =
      from === null
        ? { ok: false, code: "CHECKPOINT_UNKNOWN" }
        : await fetchState(peer, from, { ...this.#parts, trustingMs, signal, leave })
    if (fetched.ok) log.info("the state was fetched", { height: fetched.tip.height })
    else log.warn("the state could not be fetched", { peer, code: fetched.code })
    return fetched
  }

  /** The newest header that this Core has seen decided; at the beginning, who is to decide. */
  #trusted(tip: Tip): LightBlock {
    const light = this.#parts.blocks.lightAt(tip.height)
    return light === null ? genesisLight(tip) : readLightBlock(light)!
  }

  /** @returns null where the peer has no such block */
  async #seen(peer: string, checkpoint: Checkpoint | null): Promise<LightBlock | null> {
    if (checkpoint === null) return null
    const block = await peerSource(this.#parts.shell, peer).lightBlock(checkpoint.height)
    return block !== null && isCheckpoint(block, checkpoint) ? block : null
  }

  #inBackground(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      this.#leave()
      this.#parts.halted(error instanceof Error ? error : new Error(messageOf(error)))
    })
  }
}
