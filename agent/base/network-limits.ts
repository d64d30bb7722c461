/** Every bound of the network part, by name, as limits.ts has those of the local one. */

const KIB = 1024
const MIB = 1024 * KIB
const SECOND = 1000
const DAY = 86_400 * SECOND

/** Consensus (docs/spec/consensus.md#bounds). */
export const VALIDATORS_MAX = 128
/** A round is stored and signed in 32 bits. */
export const CONSENSUS_ROUND_MAX = 2 ** 31 - 1
/** Rounds above its own in which a Core keeps votes of one validator: the newest of them. */
export const CONSENSUS_ROUNDS_AHEAD_MAX = 8
/** Rounds below its own of which a Core keeps votes. */
export const CONSENSUS_ROUNDS_BEHIND_MAX = 64
/** Proposals of one round that are kept, beside those that have a quorum: more than one is a faulty proposer's. */
export const CONSENSUS_PROPOSALS_PER_ROUND_MAX = 2
/** One input in the log of a height: a certificate of VALIDATORS_MAX votes takes a third of it. */
export const WAL_RECORD_BYTES_MAX = 2 ** 16
/** The log of one height. A validator whose log is full says nothing more at that height, and follows. */
export const WAL_BYTES_MAX = 64 * 2 ** 20
/** Votes for later rounds that a validator may bring at once, and each second more. */
export const CONSENSUS_AHEAD_VOTES_BURST = 64
export const CONSENSUS_AHEAD_VOTES_PER_S = 8
/** Inputs that nothing was said after yet, before they are written to the log. */
export const WAL_UNWRITTEN_MAX = 1024
/** What a validator may not sign yet: the newest of it. */
export const CONSENSUS_WITHHELD_MAX = 8

/** Ledger (docs/spec/ledger.md#bounds). */
export const TRANSACTION_BYTES_MAX = 16 * KIB
/** How long what this Core sends may wait to be in a block. */
export const TRANSACTION_VALID_MS = 600 * SECOND
/** Keys of the state that a transaction may name, and how long one is. */
export const TOUCHES_MAX = 128
export const STATE_KEY_BYTES_MAX = 160
/** Validators and members that one change of an enrolled set may name. */
export const SET_CHANGES_MAX = 32
/** Chain (docs/spec/chain.md#bounds): a block, which is one message with its polka, and the transactions in it. */
export const BLOCK_BYTES_MAX = 960 * KIB
export const BLOCK_TRANSACTIONS_MAX = 5000
/** What of a block is none of its transactions: header, commit, the heads of its lists. */
export const BLOCK_FRAME_BYTES_MAX = 32 * KIB
/** Where the clock is further ahead of what a block's header must carry, the first one is empty. */
export const CHAIN_WAKE_GAP_MS = 2 * SECOND
/** How long a block that is only to say what the one before led to waits for a transaction. */
export const CHAIN_QUIET_MS = 25
/** Votes of a height that one Core gives another, and that it holds to be given. */
export const ROUND_VOTES_MAX = 1024
export const HELD_VOTES_MAX = 8192
/** Proposals of a height that are held to be given, and validators of whom the newest is known. */
export const HELD_PROPOSALS_MAX = 64
export const HELD_SIGNERS_MAX = 512
/** How long each validator lets those before it report somebody; how long a report may be in coming, and how soon again. */
export const REPORT_TURN_MS = 2 * SECOND
export const REPORT_WAIT_MS = 10 * SECOND
export const REPORT_AGAIN_MS = 5 * SECOND
/** How often a Core asks another one for what it missed. */
export const CHAIN_SYNC_EVERY_MS = 1 * SECOND
/** How far ahead of this Core's clock the time of a header may be; headers that one bisection asks for. */
export const LIGHT_CLOCK_DRIFT_MS = 10 * SECOND
export const LIGHT_STEPS_MAX = 64
/** Transactions that one message passes on. */
export const TRANSACTIONS_PER_MESSAGE_MAX = 200
/** Those of one Core that come this close together are one message, of so many bytes. */
export const TRANSACTIONS_GATHER_MS = 10
export const TRANSACTIONS_MESSAGE_BYTES = 256 * KIB
/** Of the transactions that one answer to `waiting` has. */
export const WAITING_ANSWER_BYTES = 256 * KIB
/** What waits to be in a block: of all senders, and of one. */
export const MEMPOOL_BYTES_MAX = 16 * MIB
export const MEMPOOL_TRANSACTIONS_PER_SENDER_MAX = 64
/** Keys whose point check was paid for. */
export const REGISTRABLE_KEYS_KEPT_MAX = 10_000
/** A part of a snapshot: its bytes, and those of one record. */
export const SNAPSHOT_CHUNK_BYTES_MAX = 1 * MIB
export const STATE_RECORD_BYTES_MAX = 64 * KIB
/** Blocks that a Core keeps, the newest; and how far ahead of a Core others are before it fetches the state instead. */
export const BLOCKS_KEPT = 10_000
export const STATE_SYNC_AHEAD_MIN = 500
/** Of the parts in one answer. */
export const STATE_ANSWER_BYTES = 2 * MIB
/** How often it is tried to fetch a state that stands still for long enough, and how soon again. */
export const STATE_SYNC_TRIES_MAX = 600
export const STATE_SYNC_EVERY_MS = 100
/** Parts of the state that one question may be about. */
export const STATE_PARTS_MAX = 512
/** Parts that a state may be fetched in. */
export const STATE_PARTS_ALL_MAX = 65_536
/** How long a period of a chain may be, and its first time: sums of them stay whole numbers. */
export const LEDGER_PERIOD_MS_MAX = 36_500 * DAY
export const GENESIS_TIME_MAX = 253_402_300_799_999
export const RATE_BURST_MAX = 1_000
/** Accounts, and members, that a genesis document may name, and how long its chain's name is. */
export const GENESIS_ACCOUNTS_MAX = 10_000
export const CHAIN_NAME_BYTES_MAX = 64
/** Things that fall due which one block does; the next block goes on. */
export const DUES_PER_BLOCK_MAX = 256
/** Lots of one slash that one block goes through. */
export const SLASHED_LOTS_PER_BLOCK_MAX = 256

/** Peers (docs/spec/peers.md#bounds). */
export const PEERS_MAX = 64
/** Addresses of others that an agent is given to begin with. */
export const PEERS_KNOWN_MAX = 64
export const PEER_ADDRESS_LENGTH_MAX = 256
export const PEER_TOPICS_MAX = 16
/** The largest message is a proposal with its block and its polka. */
export const PEER_MESSAGE_BYTES_MAX = BLOCK_BYTES_MAX + 64 * KIB
/** Messages that one peer may pass on at once, and each second more: who passes on what all say brings all of it. */
export const PEER_MESSAGES_BURST = 4096
export const PEER_MESSAGES_PER_S = 1024
/** Bytes that wait for one peer which does not read. */
export const PEER_OUTPUT_BYTES_MAX = 8 * MIB
export const PEER_REQUEST_BYTES_MAX = 64 * KIB
export const PEER_ANSWER_BYTES_MAX = 4 * MIB
/** From the question to the last byte of the answer. */
export const PEER_REQUEST_MS_MAX = 10 * SECOND
/** Questions that one peer may ask at once, and each second more; and that are under way with one peer. */
export const PEER_REQUESTS_BURST = 64
export const PEER_REQUESTS_PER_S = 32
export const PEER_REQUESTS_OPEN_MAX = 8
/** False things that a peer may send at once, and each second more, before it is kept away; and for how long. */
export const PEER_FAULTS_BURST = 5
export const PEER_FAULTS_PER_S = 1 / 60
export const PEER_BAN_MS = 600 * SECOND
/** Peers whose conduct is remembered. */
export const PEERS_REMEMBERED_MAX = 1024
export const PEER_CONNECT_MS_MAX = 10 * SECOND
/** How soon an address is tried again. */
export const PEER_RETRY_MS_MIN = 1 * SECOND
export const PEER_RETRY_MS_MAX = 60 * SECOND
