import { join } from "node:path"
import type { NetworkStatus, NetworkView } from "./api/deps.ts"
import type { Tip } from "./core/chain/tip.ts"
import type { ChainId } from "./core/ledger/terms.ts"
import type { Page, Paging } from "./engine/core.ts"
import { Blocks } from "./engine/ledger/chain/blocks.ts"
import { type BlockView, blockViews, type ValidatorView, validatorViews } from "./engine/ledger/chain/views.ts"
import { joinChain, type Joined } from "./engine/ledger/join.ts"
import { ChainPeers } from "./engine/ledger/validator/chain-peers.ts"
import { Sync } from "./engine/ledger/validator/sync.ts"
import { Validator } from "./engine/ledger/validator/validator.ts"
import { messageOf } from "./base/errors.ts"
import { durableFile } from "./io/disk/durable-file.ts"
import { openConsensusKey } from "./io/keys/consensus-key.ts"
import { verifier } from "./io/keys/verifier.ts"
import { openPeers } from "./io/peers/peers.ts"
import type { Clock } from "./ports/clock.ts"
import type { ConsensusKey } from "./ports/consensus-key.ts"
import type { Keys } from "./ports/keys.ts"
import type { Log } from "./ports/log.ts"
import type { Peers } from "./ports/peers.ts"
import type { Random } from "./ports/random.ts"
import type { Store } from "./ports/store.ts"

export interface NetworkParts {
  readonly home: string
  readonly store: Store
  readonly keys: Keys
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** An address to bind to, and a port, 0 for any free one. */
  readonly listen: { readonly address: string; readonly port: number }
  /** Addresses of others. */
  readonly known: readonly string[]
}

interface Running {
  readonly peers: Peers
  readonly validator: Validator
  stop(): Promise<void>
}

/**
 * The chain of this home and the way to its other Cores. Only an agent with a network loads this file: with it libp2p.
 * What fails here stops the chain, and nothing else of the agent.
 */
export class Network implements NetworkView {
  readonly #parts: NetworkParts
  readonly #key: ConsensusKey
  readonly #blocks: Blocks
  #running: Running | null = null
  #halted: string | null = null

  /** @throws KeysError of the consensus key */
  constructor(parts: NetworkParts) {
    this.#parts = parts
    this.#key = openConsensusKey(join(parts.home, "consensus"))
    this.#blocks = new Blocks(parts.store)
  }

  /** The validator of the chain that was joined; null before. */
  get validator(): Validator | null {
    return this.#running?.validator ?? null
  }

  get blocks(): Blocks {
    return this.#blocks
  }

  /**
   * Goes on with the chain that was joined, if one was.
   * @throws PeersError; ValidatorError where the key may not go on; LedgerError STATE_DAMAGED. What had begun is stopped.
   */
  async start(): Promise<void> {
    const tip = this.#blocks.tip()
    if (tip === null || this.#running !== null) return
    const { clock, random, log, keys, listen, known } = this.#parts
    const shell = new ChainPeers(tip.chain, log)
    const halted = (error: unknown) => this.#halt(error)
    const validator = new Validator(
      {
        blocks: this.#blocks,
        verifier: verifier(),
        clock,
        key: this.#key,
        signState: this.#file(tip.chain, "sign-state"),
        wal: this.#file(tip.chain, "wal"),
        shell,
        log,
        decided: () => {},
        evidence: ({ first }) =>
          log.warn("a validator said two things", { validator: first.voter, height: first.height }),
        halted,
      },
      tip,
    )
    const sync = new Sync({ validator, shell, clock, random, me: this.#key.address, failed: halted })
    let peers: Peers | null = null
    const stop = async () => {
      sync.stop()
      shell.stop()
      validator.stop()
      await peers?.stop()
    }
    try {
      peers = await openPeers({
        ...{ keys, listen, known, clock, log },
        topics: shell.topics(),
        questions: shell.questions(),
      })
      shell.connect(peers, validator)
      validator.start()
      sync.start()
      this.#running = { peers, validator, stop }
    } catch (error) {
      await stop()
      throw error
    }
  }

  /** As `start`, for an agent that goes on without: what fails is told by the log and the status. */
  async resume(): Promise<void> {
    try {
      await this.start()
    } catch (error) {
      this.#halt(error)
    }
  }

  /** Joins a chain by its genesis document, and begins. @throws as `start`; ValidatorError SIGN_STATE_EXISTS */
  async join(document: Uint8Array): Promise<Joined> {
    const joined = await joinChain(
      {
        blocks: this.#blocks,
        verifier: verifier(),
        key: this.#key,
        signState: (chain) => this.#file(chain, "sign-state"),
      },
      document,
    )
    if (joined.ok) await this.start()
    return joined
  }

  status(): NetworkStatus {
    const { peers, validator } = this.#running ?? { peers: null, validator: null }
    const tip = this.#tip()
    return {
      addresses: peers?.addresses() ?? [],
      peers: peers?.connected() ?? [],
      key: this.#key.publicKey,
      chain: tip && {
        id: tip.chain,
        height: tip.height,
        waiting: validator?.chain.waiting ?? 0,
        asksPeers: validator?.consensus.isWaitingForPeers ?? true,
      },
      halted: this.#halted,
    }
  }

  listBlocks(paging: Paging): Page<BlockView> {
    const tip = this.#tip()
    return tip === null ? { items: [], cursor: null } : blockViews(this.#blocks, tip, paging)
  }

  validators(): readonly ValidatorView[] {
    const tip = this.#tip()
    return tip === null ? [] : validatorViews(tip)
  }

  async stop(): Promise<void> {
    const running = this.#running
    this.#running = null
    await running?.stop()
  }

  #tip(): Tip | null {
    return this.#running?.validator.chain.tip ?? this.#blocks.tip()
  }

  #halt(error: unknown): void {
    this.#halted ??= messageOf(error)
    this.#parts.log.error("the chain has halted; the agent goes on without it", { error: messageOf(error) })
  }

  /** Of each key and chain a file of its own: never in a backup, never restored (G8, G9). */
  #file(chain: ChainId, name: string) {
    return durableFile(join(this.#parts.home, "consensus", chain, name))
  }
}
