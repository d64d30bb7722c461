import type { Clock } from "../ports/clock.ts"
import type { Log, LogFields } from "../ports/log.ts"
import type { Metrics } from "../ports/metrics.ts"
import type { Random } from "../ports/random.ts"
import type { Store, StoreRecovery } from "../ports/store.ts"
import type { Core, Page, Paging } from "../engine/core.ts"
import type { ChainState } from "../engine/ledger/chain/state-views.ts"
import type { BlockView, ValidatorView } from "../engine/ledger/chain/views.ts"
import type { Checkpoint, Joined } from "../engine/ledger/join.ts"
import type { Accounts } from "../engine/ledger/wallet/accounts.ts"
import type { Wallet } from "../engine/ledger/wallet/wallet.ts"
import type { Config } from "../schema/config.ts"
import type { Json, JsonObject } from "../schema/json.ts"
import type { Tokens } from "./http/tokens.ts"

/** What the handlers may use: filled by main. */
export interface ApiDeps {
  readonly core: Core
  readonly config: Config
  readonly configuration: Configuration
  readonly tokens: Tokens
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
  readonly logTail: LogTail
  readonly agent: AgentView
  /** The checks of `mesg doctor`. */
  readonly doctor: (about: "health" | "security") => Promise<DoctorReport>
  /**
   * Writes the whole home to a new file, durable when this resolves.
   * @param passphrase seals the keys; null leaves them out
   */
  readonly backup: (file: string, passphrase: string | null, signal: AbortSignal) => Promise<unknown>
  /** The chain and the other Cores; null where no network is enabled. */
  readonly network: NetworkView | null
  /** A folder of this home for files that do not outlive a request. */
  readonly temporaryFolder: string
  /** Begins the orderly stop of the agent; returns at once. */
  readonly requestStop: () => void
}

export interface NetworkView {
  status(): NetworkStatus
  /** Of the chain that was joined, newest first; none where none was. */
  listBlocks(paging: Paging): Page<BlockView>
  /** Who decides the next height; nobody where no chain was joined. */
  validators(): readonly ValidatorView[]
  /** @throws ValidatorError SIGN_STATE_EXISTS */
  join(document: Uint8Array, checkpoint: Checkpoint | null): Promise<Joined>
  /** Begins a chain of one. @throws NetworkError ACCOUNT_LOST */
  found(founded: Founded): Promise<Joined>
  /** @throws NetworkError CHAIN_NOT_JOINED, VALIDATOR_LEAVES unless forced */
  leave(force: boolean): Promise<void>
  /** The document, encoded, and the newest block. @throws NetworkError CHAIN_NOT_JOINED */
  genesis(): { readonly document: Uint8Array; readonly checkpoint: Checkpoint | null }
  /** The state after the newest block. @throws NetworkError CHAIN_NOT_JOINED */
  state(): ChainState
  /** @throws NetworkError CHAIN_NOT_JOINED */
  wallet(): Wallet
  readonly accounts: Accounts
}

/** A chain that begins with one Core. */
export interface Founded {
  readonly name: string
  /** An account of this home; made where there is none of this name. */
  readonly account: string
  /** What it has and of it stakes, in base units; null for a fleet without tokens. */
  readonly tokens: { readonly balance: bigint; readonly stake: bigint } | null
}

export interface NetworkStatus {
  /** Where others reach this Core, and who is connected. */
  readonly addresses: readonly string[]
  readonly peers: readonly string[]
  /** The public key that this Core votes with, 64 hex digits. */
  readonly key: string
  readonly chain: {
    readonly id: string
    readonly height: number
    /** Transactions that wait to be in a block. */
    readonly waiting: number
    /** Nothing is signed until others have told what they hold (docs/spec/consensus.md#runner, E4). */
    readonly asksPeers: boolean
    /** The state is being fetched from others. */
    readonly fetching: boolean
  } | null
  /** Why the chain does not go on; null while it does. */
  readonly halted: string | null
}

export interface AgentView {
  readonly version: string
  /** 64 hex digits. */
  readonly nodeKey: string
  /** Whether events are taken and executions run. */
  ready(): boolean
  uptimeMs(): number
  /** The last recovery of the store that nobody has acknowledged. */
  storeRecovery(): StoreRecovery | null
  addresses(): { readonly mqtt: string | null; readonly http: string | null; readonly p2p: readonly string[] }
}

/** The configuration with where each value comes from. */
export interface Configuration {
  entries(): readonly ConfigurationEntry[]
  /** Writes settings to config.yml, all or none; null takes one out. @throws ConfigError CONFIG_UNKNOWN_KEY, CONFIG_INVALID */
  set(values: JsonObject): Promise<{ readonly restart: boolean }>
}

export interface ConfigurationEntry {
  readonly key: string
  readonly value: Json
  readonly source: "default" | "file" | "environment" | "command line"
  /** `config.yml:3`, `MESG_MQTT_PORT` or `--set`; empty for a default. */
  readonly place: string
  readonly description: string
}

export type LogLevel = "debug" | "info" | "warn" | "error"

export interface LogLine {
  readonly timeMs: number
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields
}

/** The newest lines of the log, in memory. */
export interface LogTail {
  /** At most LOG_LINES_KEPT_MAX, oldest first. */
  recent(): readonly LogLine[]
  subscribe(listener: (line: LogLine) => void): () => void
}

export interface DoctorReport {
  readonly ok: boolean
  readonly checks: readonly DoctorCheck[]
}

export interface DoctorCheck {
  readonly id: string
  readonly ok: boolean
  readonly title: string
  readonly detail: string
  readonly remedy: string | null
  /** Provisions of standards, in a report on security. */
  readonly standards: readonly string[]
}
