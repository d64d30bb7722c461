/** Every bound of the agent, by name. A queue, map, retry or text without a limit here is a bug. */

const KIB = 1024
const MIB = 1024 * KIB
const SECOND = 1000
const DAY = 86_400 * SECOND

/** Texts and documents that people and peers send. */
export const NAME_LENGTH_MAX = 63
export const DESCRIPTION_LENGTH_MAX = 1000
export const MANIFEST_BYTES_MAX = 256 * KIB
export const APPLICATION_BYTES_MAX = 256 * KIB
export const HTTP_BODY_BYTES_MAX = 1 * MIB
export const EVENT_DATA_BYTES_MAX = 256 * KIB
export const RESULT_DATA_BYTES_MAX = 256 * KIB
/** After so many the compiler of schemas is a new one: it remembers something of each. */
export const SCHEMAS_PER_COMPILER_MAX = 1000
/** How long a schema may take over one piece of data, and how often running it may take longer. */
export const CHECK_TIME_MS_MAX = 500
export const CHECK_TRIES_MAX = 2
/** A schema up to this size looks at each part of the data a bounded number of times, unless its keywords repeat that. */
export const SCHEMA_LIGHT_LENGTH_MAX = 8 * KIB
export const JSON_DEPTH_MAX = 64
export const CANONICAL_DEPTH_MAX = 32
/** Items in one piece of canonical CBOR: one takes up to 256 bytes of memory, whatever it takes in a message. */
export const CANONICAL_ITEMS_MAX = 2 ** 18
/** Less than JSON may have: what carries an application has levels of its own. */
export const APPLICATION_DEPTH_MAX = 60
/** What the aliases of one YAML document may unfold to, parts and characters, and how many of its faults are told at once. */
export const YAML_UNFOLDED_MAX = 64 * KIB
export const YAML_FAULTS_TOLD_MAX = 50
export const EVENT_ID_LENGTH_MAX = 128

/** Workflows (docs/spec/workflow.md). */
export const WORKFLOWS_PER_APPLICATION_MAX = 64
export const TASKS_PER_WORKFLOW_MAX = 256
export const TASKS_PER_APPLICATION_MAX = 2048
export const EXPRESSIONS_PER_APPLICATION_MAX = 2048
/** An application is judged while others wait: past this many refusals it is not looked at further. */
export const REFUSALS_TOLD_MAX = 500
export const BRANCHES_PER_WORKFLOW_MAX = 256
export const KEPT_EVENTS_PER_WAIT_MAX = 100
export const DURATION_MS_MAX = 3650 * DAY

/** Expressions: JSONata runs inside these bounds. */
export const EXPRESSION_LENGTH_MAX = 4096
export const EXPRESSION_TIME_MS_MAX = 250
export const EXPRESSION_DEPTH_MAX = 200
export const EXPRESSION_STEPS_MAX = 100_000
export const EXPRESSION_ITEMS_MAX = 100_000
export const EXPRESSION_TEXT_LENGTH_MAX = 1 * MIB
export const EXPRESSION_COPIES_MAX = 65_536
export const EXPRESSION_MEMORY_MB_MAX = 64
export const EXPRESSIONS_COMPILED_MAX = 1000
export const EXPRESSIONS_WAITING_MAX = 20_000
export const EXPRESSION_THREAD_START_MS_MAX = 10 * SECOND
export const EXPRESSION_THREAD_IDLE_MS = 60 * SECOND

/** Events: ids are remembered for a week or a million of them, in generations that are dropped whole. */
export const DEDUPE_WINDOW_MS = 7 * DAY
export const DEDUPE_IDS_MAX = 1_000_000
export const DEDUPE_GENERATIONS = 8
/** So much of the store's quota is theirs; about how much of the file one of them takes. */
export const DEDUPE_QUOTA_SHARE = 1 / 4
export const DEDUPE_ID_BYTES = 256
/** Where nothing else is left to go, ids that are older go: nobody repeats an event that late. */
export const DEDUPE_KEPT_MS_MIN = 600 * SECOND
export const REFUSED_EVENTS_KEPT_MAX = 1000
/** Events that wait for room at once; past it they are refused: MQTT publishers are cut off and send again. */
export const EVENTS_WAITING_MAX = 20_000
/**
 * So long after a start that followed a crash, no step runs a task before it is durable: who sends the event again that a
 * task crashed by does so within minutes.
 */
export const CAREFUL_AFTER_CRASH_MS = 600_000
/** Conditions of waiting executions that are judged at once, for one event: between them others have their turn. */
export const EVENT_JUDGEMENTS_MAX = 256

/** Executions and tasks. */
export const EXECUTIONS_ACTIVE_MAX = 20_000
export const TASKS_RUNNING_PER_TASK_MAX = 64
/** Pure tasks wait for nothing outside: a slot is held for the length of a commit at most. */
export const PURE_TASKS_RUNNING_PER_TASK_MAX = 1024
export const TASK_TIMEOUT_MS_DEFAULT = 30 * SECOND
export const RETRY_ATTEMPTS_MAX = 100
export const RETRY_DELAY_MS_MAX = 1 * 3600 * SECOND
/** A task under which the Core died more often than this is not tried again. */
export const TASK_INTERRUPTIONS_MAX = 20
export const TASK_RECOVER_TIMEOUT_MS = 10 * SECOND
export const TASK_CANCEL_GRACE_MS = 5 * SECOND
/** Data of the events that active executions began with, all together. */
export const EXECUTIONS_DATA_BYTES_MAX = 64 * MIB
export const EXECUTIONS_WAITING_MAX = 100_000
export const APPLICATION_VERSIONS_KEPT = 20
export const EXECUTIONS_KEPT_MS_DEFAULT = 30 * DAY
export const LIST_LIMIT_DEFAULT = 50
export const LIST_LIMIT_MAX = 1000

/** Store. */
export const STORE_QUOTA_BYTES_DEFAULT = 1024 * MIB
/** The store is mapped twice as large, and a kernel of a small machine gives a process 512 GiB of addresses. */
export const STORE_QUOTA_BYTES_MAX = 64 * 1024 * MIB
export const STORE_WRITE_TIMEOUT_MS = 5 * SECOND
/** The last part of the quota: only for removing, and for finishing what was accepted. */
export const STORE_RESERVE_SHARE = 1 / 16
/** Writes that wait for one commit; past it the store is overloaded and refuses. */
export const STORE_PENDING_BYTES_MAX = 64 * MIB
/** Rows of executions that have ended which lie in the log of the open ones before they are removed together. */
export const OPEN_LOG_SPENT_ROWS = 512
/** By how much the file is made longer ahead of need. */
export const STORE_GROW_BYTES = 1 * MIB
/** What the store leaves of the disk, for the small files of the home and of whoever shares it. */
export const STORE_DISK_LEFT_BYTES = 256 * KIB
/** How often is looked whether the disk has room again for what was accepted. */
export const STORE_FULL_RETRY_MS = 1 * SECOND
/** How much is written between two looks at the disk's free space. */
export const STORE_LOOK_BYTES = 1 * MIB
export const STORE_CHANGES_PER_COMMIT_MAX = 20_000
export const STORE_KEY_BYTES_MAX = 1900
export const STORE_CHECK_TIMEOUT_MS = 600 * SECOND
/** How much of a check, a migration and a copy passes between two words about it: seconds on the slowest card. */
export const STORE_CHECK_PAGES_PER_WORD = 4096
export const STORE_ENTRIES_PER_WORD = 10_000
export const STORE_COPY_LOOK_MS = 1 * SECOND
/** After a stop in order a store up to this size is still read page by page at start: about 5 us a page, 25 on a Pi. */
export const STORE_PAGE_CHECK_BYTES_MAX = 32 * MIB
/** A copy wears the card as much as everything in the store: no more often than this, and only if something changed. */
export const STORE_COPY_INTERVAL_MS = 6 * 3600 * SECOND
export const STORE_FIRST_COPY_MS = 60 * SECOND
/** The first copy after a start comes no sooner after the newest one, so that many restarts do not wear the card. */
export const STORE_COPY_AFTER_START_MS = 3600 * SECOND
/** How far ahead of workflow time its mark in the store is kept, so that not every commit writes it. */
export const CLOCK_MARK_AHEAD_MS = 2 * SECOND
export const STORE_COPIES_MAX = 16
export const STORE_QUARANTINED_MAX = 2

/** Backup of a home. */
export const BACKUP_PASSPHRASE_LENGTH_MIN = 12
export const BACKUP_PASSPHRASE_LENGTH_MAX = 1024
export const BACKUP_ENTRIES_MAX = 1_000_000
/** How often it begins again because a service was changed meanwhile. */
export const BACKUP_TRIES_MAX = 3

/** Clock: setTimeout takes no more than 2^31-1 ms; an hour also corrects what the timer's own clock may drift. */
export const TIMER_WAIT_MS_MAX = 3600 * SECOND
export const TIMERS_PER_TURN_MAX = 256

/** Broker (7-bit remaining length of MQTT allows 256 MiB; nobody on a gateway needs it). */
export const MQTT_PACKET_BYTES_MAX_BEFORE_CONNECT = 4 * KIB
export const MQTT_PACKET_BYTES_MAX = 256 * KIB
/** What it may be set to, for devices that send pictures: every client may fill one. */
export const MQTT_PACKET_BYTES_SETTING_MAX = 16 * MIB
export const MQTT_CONNECT_TIMEOUT_MS = 5 * SECOND
/** A certificate with its chain, a key, or a list of authorities. */
export const PEM_FILE_BYTES_MAX = 1 * MIB
export const MQTT_KEEPALIVE_S_MAX = 600
export const MQTT_DRAIN_TIMEOUT_MS = 10 * SECOND
export const MQTT_CONNECTIONS_MAX = 10_000
export const MQTT_CONNECTIONS_PENDING_MAX = 256
export const MQTT_OFFLINE_MESSAGES_PER_CLIENT_MAX = 10_000
export const MQTT_OFFLINE_BYTES_PER_CLIENT_MAX = 16 * MIB
/** Of connected clients, and those that wait while publishers are held; past it a CONNECT with a will is refused. */
export const MQTT_WILLS_MAX = 20_000
export const MQTT_SUBSCRIPTIONS_PER_CLIENT_MAX = 1000
/** Clients that published where they may not and whose names are remembered, so that each is logged once. */
export const MQTT_REFUSED_CLIENTS_KEPT_MAX = 1000
export const MQTT_TOPIC_LENGTH_MAX = 1024
export const MQTT_TOPIC_LEVELS_MAX = 32
export const MQTT_CLIENT_ID_LENGTH_MAX = 128
export const MQTT_RETAINED_MESSAGES_MAX = 100_000
export const MQTT_RETAINED_BYTES_MAX = 64 * MIB
export const MQTT_SESSIONS_MAX = 20_000
export const MQTT_QUEUED_BYTES_MAX = 128 * MIB
/** Of what all share, one principal has three quarters at most: the rest stays for the others. */
export const MQTT_CONNECTIONS_SHARE_PER_PRINCIPAL = 3 / 4
export const MQTT_SESSIONS_PER_PRINCIPAL_MAX = 15_000
export const MQTT_QUEUED_BYTES_PER_PRINCIPAL_MAX = 96 * MIB
export const MQTT_RETAINED_MESSAGES_PER_PRINCIPAL_MAX = 75_000
export const MQTT_RETAINED_BYTES_PER_PRINCIPAL_MAX = 48 * MIB
/** Sent to one client and not yet acknowledged by it. */
export const MQTT_INFLIGHT_PER_CLIENT_MAX = 256
/** Received from one client and not yet acknowledged to it; past it the broker stops reading that client. */
export const MQTT_ACCEPTING_BYTES_PER_CLIENT_MAX = 4 * MIB
export const MQTT_ACCEPTING_PER_CLIENT_MAX = 1024
/** QoS 2 packet ids of one client that wait for their PUBREL. */
export const MQTT_UNRELEASED_PER_CLIENT_MAX = 20_000
/** Calls of the agent's own handlers for QoS 0 messages that run at once; past it the broker stops reading. */
export const MQTT_HANDLERS_RUNNING_MAX = 1024
/** Bytes waiting for one socket; past it QoS 0 is dropped and counted, QoS 1 and 2 stay queued. */
export const MQTT_OUTPUT_BYTES_PER_CLIENT_MAX = 4 * MIB
/** Bytes waiting for all sockets; past it each client may hold only its small share. */
export const MQTT_OUTPUT_BYTES_MAX = 128 * MIB
export const MQTT_OUTPUT_BYTES_PER_CLIENT_CROWDED = 64 * KIB
/** Topics whose subscribers are remembered, and decisions remembered for one principal. */
export const MQTT_TOPIC_CACHE_MAX = 10_000
export const MQTT_SWEEP_INTERVAL_MS = 500
export const MQTT_SYS_INTERVAL_MS = 10 * SECOND

/** Services. */
export const SERVICE_START_TIMEOUT_MS = 10 * SECOND
export const SERVICE_STOP_TIMEOUT_MS = 5 * SECOND
export const SERVICE_MEMORY_MB_DEFAULT = 64
export const SERVICE_RESTART_DELAY_MS_MIN = 500
export const SERVICE_RESTART_DELAY_MS_MAX = 60 * SECOND
export const SERVICE_STORE_KEYS_MAX = 10_000
export const SERVICE_STORE_VALUE_BYTES_MAX = 64 * KIB
/** How long a task may go on after its signal aborted before its outcome is called unknown. */
export const SERVICE_ABORT_GRACE_MS = 1 * SECOND
export const SERVICE_SUBSCRIPTIONS_MAX = 256
export const SERVICE_WEBHOOKS_MAX = 64
/** Events that one service reports by itself, not while it handles a message, and that wait for room. */
export const SERVICE_EVENTS_WAITING_MAX = 1024
export const SERVICE_WEBHOOK_TIMEOUT_MS = 10 * SECOND
export const SERVICE_LOG_MESSAGE_LENGTH_MAX = 8 * KIB
/** Warnings of a service from its start that are shown with it, and the characters of each. */
export const SERVICE_WARNINGS_KEPT_MAX = 20
export const SERVICE_WARNING_LENGTH_MAX = 1000
export const SERVICE_FOLDER_ENTRIES_MAX = 50_000
/** A confined service: beats of its event loop, its frames, its memory. */
export const SERVICE_PING_MS = 1 * SECOND
export const SERVICE_HUNG_MS = 5 * SECOND
export const SERVICE_FRAME_BYTES_MAX = 2 * MIB
export const SERVICE_QUEUE_BYTES_MAX = 8 * MIB
export const SERVICE_ASKS_OPEN_MAX = 256
export const SERVICE_CALLS_OPEN_MAX = 4096
export const SERVICE_MEMORY_CHECK_MS = 500
/** What Node itself takes; the cap on resident memory is this plus the memory the manifest asks for. */
export const SERVICE_RUNTIME_MEMORY_MB = 72
export const SERVICE_STDERR_BYTES_MAX = 4 * KIB
/** Services and clients that were refused over MQTT and are remembered, so that each reason is logged once. */
export const SERVICE_REFUSALS_KEPT_MAX = 200
export const SERVICE_LOG_LINES_PER_S_MAX = 100
export const SERVICE_SOURCE_BYTES_MAX = 4 * MIB
/** How long an ended child's last output is waited for. */
export const SERVICE_LAST_OUTPUT_MS = 1 * SECOND
/** What a confined service may do on the network through the agent. */
export const SERVICE_CONNECTIONS_MAX = 32
export const SERVICE_CONNECT_TIMEOUT_MS = 10 * SECOND
export const SERVICE_FETCH_IDLE_MS = 30 * SECOND
export const SERVICE_FETCH_REDIRECTS_MAX = 5
export const SERVICE_CHUNK_BYTES_MAX = 64 * KIB
/** Ids of executions that a service behind MQTT remembers as running or just answered. */
export const REMOTE_EXECUTIONS_MAX = 4096
export const REMOTE_EVENTS_PENDING_MAX = 1000
export const REMOTE_RECONNECT_MS_MAX = 30 * SECOND
/** Secrets of a service and of what it was given, taken out of what comes back from it (SECURITY.md). */
export const SECRET_LENGTH_MIN = 4
export const SECRET_IN_DATA_LENGTH_MIN = 8
export const SECRETS_VEILED_PER_SERVICE_MAX = 256
/** Paths of one payload that are kept but not shown. */
export const REDACT_PATHS_MAX = 64
export const REDACT_PATH_LENGTH_MAX = 256
/** Packed services: as they are downloaded, and as they are unpacked. */
export const PACKAGE_BYTES_MAX = 16 * MIB
export const PACKAGE_UNPACKED_BYTES_MAX = 64 * MIB
export const PACKAGE_ENTRIES_MAX = 10_000
export const PACKAGE_TAR_RECORD_BYTES_MAX = 64 * KIB
export const PACKUMENT_BYTES_MAX = 8 * MIB
export const PACKAGE_DOWNLOAD_MS_MAX = 60 * SECOND
export const PACKAGE_REDIRECTS_MAX = 5
export const WATCHDOG_STALL_MS = 10 * SECOND
/** How long systemd waits for the next word of a start that goes on, once it takes longer than the unit allows. */
export const START_SILENCE_MAX_MS = 60 * SECOND

/** HTTP. */
export const STREAM_CLIENTS_MAX = 64
/** Of one token: the rest stays for the others. */
export const STREAM_CLIENTS_PER_TOKEN_MAX = 48
export const STREAM_BACKLOG_MAX = 1000
export const STREAM_HEARTBEAT_MS = 15 * SECOND
export const HTTP_CONNECTIONS_MAX = 512
export const HTTP_HEADER_BYTES_MAX = 16 * KIB
export const HTTP_HEADERS_TIMEOUT_MS = 10 * SECOND
export const HTTP_REQUEST_TIMEOUT_MS = 30 * SECOND
/** How often connections are looked at for these two. */
export const HTTP_CHECK_INTERVAL_MS = 1 * SECOND
export const HTTP_STOP_TIMEOUT_MS = 5 * SECOND
/** `Prefer: wait=60` is the longest wait, and at most so many callers wait at once; the others get their 202 at once. */
export const HTTP_WAIT_S_MAX = 60
export const HTTP_WAITS_MAX = 256
export const IDEMPOTENCY_KEY_LENGTH_MAX = 100
export const IDEMPOTENCY_KEYS_MAX = 10_000
export const IDEMPOTENCY_KEPT_MS = 1 * DAY
export const IDEMPOTENCY_ANSWER_BYTES_MAX = 4 * KIB
/** Wrong tokens of one address before it is told to wait, and how many addresses are remembered. */
export const AUTH_FAILURES_MAX = 10
export const AUTH_FAILURES_WINDOW_MS = 60 * SECOND
export const AUTH_ADDRESSES_MAX = 1024
export const TOKENS_MAX = 1000
export const TOKEN_LENGTH_MAX = 200
export const TOKEN_SERVICES_MAX = 32
export const TOKEN_TOPICS_MAX = 64
export const LOG_LINES_KEPT_MAX = 1000
export const LOG_LINE_BYTES_MAX = 4 * KIB
/** Probes of `mesg doctor`. */
export const DOCTOR_PROBE_TIMEOUT_MS = 5 * SECOND
/** A Node-RED that the agent runs: how soon it is started again, and after what time it counts as well. */
export const NODE_RED_RESTART_MS_MIN = 500
export const NODE_RED_RESTART_MS_MAX = 60 * SECOND
export const NODE_RED_STEADY_MS = 60 * SECOND
/** From the signal to stop until it is killed: its nodes have 15 s to close. */
export const NODE_RED_STOP_MS = 20 * SECOND
export const NODE_RED_LOG_LINES_PER_S_MAX = 50
/** The CLI. */
export const CLI_ANSWER_BYTES_MAX = 64 * MIB
export const CLI_REQUEST_TIMEOUT_MS = 120 * SECOND
export const CLI_STOP_TIMEOUT_MS = 30 * SECOND

/** Configuration, log and metrics. */
export const CONFIG_BYTES_MAX = 256 * KIB
/** Settings that one change of the configuration may name. */
export const CONFIG_KEYS_MAX = 100
/** Lines a second about messages that the agent could not hand on, of each kind. */
export const FAILURES_LOGGED_PER_S_MAX = 5
export const METRIC_SERIES_MAX = 1000
