import { join } from "node:path"
import type { Founded, NetworkStatus, NetworkView } from "./api/deps.ts"
import type { Checkpoint } from "./core/chain/light.ts"
import type { Tip } from "./core/chain/tip.ts"
import { encodeGenesis } from "./core/ledger/genesis.ts"
import { foundingDocument } from "./core/ledger/presets.ts"
import type { ChainId, PublicKey } from "./core/ledger/terms.ts"
import type { Page, Paging } from "./engine/core.ts"
import { Blocks } from "./engine/ledger/chain/blocks.ts"
import { Parts } from "./engine/ledger/chain/parts.ts"
import { ChainState } from "./engine/ledger/chain/state-views.ts"
import { type BlockView, blockViews, type ValidatorView, validatorViews } from "./engine/ledger/chain/views.ts"
import { incomplete, NetworkError, notJoined } from "./engine/ledger/error.ts"
import { Member } from "./engine/ledger/member.ts"
import { joinChain, type Joined } from "./engine/ledger/join.ts"
import { ChainPeers } from "./engine/ledger/validator/chain-peers.ts"
import type { Validator } from "./engine/ledger/validator/validator.ts"
import { Accounts } from "./engine/ledger/wallet/accounts.ts"
import { isDecider } from "./engine/ledger/wallet/wish.ts"
import type { Wallet } from "./engine/ledger/wallet/wallet.ts"
import { messageOf } from "./base/errors.ts"
import { durableFile } from "./io/disk/durable-file.ts"
import { openConsensusKey, retireConsensusKey } from "./io/keys/consensus-key.ts"
import { openSigningKey } from "./io/keys/signing-key.ts"
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
  readonly member: Member
  stop(): Promise<void>
}

/**
 * The chain of this home and the way to its other Cores. Only an agent with a network loads this file: with it libp2p.
 * What fails here stops the chain, and nothing else of the agent.
 */
export class Network implements NetworkView {
  readonly #parts: NetworkParts
  readonly accounts: Accounts
  readonly #blocks: Blocks
  #key: ConsensusKey
  #running: Running | null = null
  #halted: string | null = null

  /** @throws KeysError of the consensus key */
  constructor(parts: NetworkParts) {
    this.#parts = parts
    this.#key = openConsensusKey(join(parts.home, "consensus"))
    this.#blocks = new Blocks(parts.store)
    this.accounts = new Accounts({ ...parts, openKey: openSigningKey })
  }

  /** The validator of the chain that was joined; null before, and while the state is being fetched. */
  get validator(): Validator | null {
    return this.#running?.member.taking?.validator ?? null
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
    const { store, clock, random, log, keys, listen, known } = this.#parts
    const shell = new ChainPeers(tip.chain, log)
    const member = new Member({
      ...{ blocks: this.#blocks, accounts: this.accounts, key: this.#key, clock, random, log, shell },
      parts: new Parts(store),
      verifier: verifier(),
      file: (name) => this.#file(tip.chain, name),
      halted: (error) => this.#halt(error),
    })
    let peers: Peers | null = null
    const stop = async () => {
      member.stop()
      shell.stop()
      await peers?.stop()
    }
    try {
      peers = await openPeers({
        ...{ keys, listen, known, clock, log },
        topics: shell.topics(),
        questions: shell.questions(),
      })
      shell.connect(peers)
      member.start()
      this.#running = { peers, member, stop }
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
  async join(document: Uint8Array, checkpoint: Checkpoint | null = null): Promise<Joined> {
    const joined = await joinChain(
      {
        blocks: this.#blocks,
        verifier: verifier(),
        key: this.#key,
        signState: (chain) => this.#file(chain, "sign-state"),
      },
      document,
      checkpoint,
    )
    if (joined.ok) await this.start()
    return joined
  }

  /** Begins a chain of which this Core is the one validator. @throws as `join`; NetworkError ACCOUNT_LOST */
  async found({ name, account, tokens }: Founded): Promise<Joined> {
    const tip = this.#blocks.tip()
    if (tip !== null) return { ok: false, code: "CHAIN_JOINED", chain: tip.chain }
    if (!this.accounts.has(account)) await this.accounts.create(account)
    const { publicKey, sign } = this.#key
    const document = foundingDocument({
      ...{ name, tokens, sign, key: publicKey as PublicKey },
      time: this.#parts.clock.now(),
      account: this.accounts.keyOf(account).address,
    })
    return this.join(encodeGenesis(document))
  }

  /**
   * The chain is left for good: a later chain is joined with another key.
   * @param force also where this Core decides, and others may wait for it
   * @throws NetworkError CHAIN_NOT_JOINED, VALIDATOR_LEAVES
   */
  async leave(force: boolean): Promise<void> {
    const tip = this.#joined()
    if (!force && tip.next.members.length > 1 && isDecider(tip.next.members, this.#key)) {
      throw new NetworkError(
        { code: "VALIDATOR_LEAVES" },
        "this Core decides on this chain: without it others may wait",
        {
          remedy: "unbond its stake, or take it out of the set with mesg network change; or say --force",
        },
      )
    }
    await this.stop()
    await this.#blocks.leave()
    const dir = join(this.#parts.home, "consensus")
    retireConsensusKey(dir, tip.chain)
    this.#key = openConsensusKey(dir)
    this.#halted = null
  }

  /** The document of the chain and its newest block, for others to join it. @throws NetworkError CHAIN_NOT_JOINED */
  genesis(): { readonly document: Uint8Array; readonly checkpoint: Checkpoint | null } {
    const document = this.#blocks.genesis()
    if (document === null) throw notJoined()
    const { height, id } = this.#joined()
    return { document, checkpoint: id && { height, id } }
  }

  /** @throws NetworkError CHAIN_NOT_JOINED, STATE_INCOMPLETE */
  wallet(): Wallet {
    if (this.#running === null) throw notJoined()
    const { taking } = this.#running.member
    if (taking === null) throw incomplete()
    return taking.wallet
  }

  /** The state after the newest block. @throws NetworkError CHAIN_NOT_JOINED, STATE_INCOMPLETE */
  state(): ChainState {
    this.#joined()
    if (this.#blocks.fetching() !== null) throw incomplete()
    return new ChainState(this.#blocks)
  }

  status(): NetworkStatus {
    const { validator } = this
    const peers = this.#running?.peers
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
        fetching: this.#blocks.fetching() !== null,
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

  #joined(): Tip {
    const tip = this.#tip()
    if (tip === null) throw notJoined()
    return tip
  }

  #tip(): Tip | null {
    return this.validator?.chain.tip ?? this.#blocks.tip()
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
