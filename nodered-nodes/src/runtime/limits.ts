/** Every bound of these nodes by name. */

/** A request that is repeated because nobody answered gives up after this time. */
export const RETRY_FOR_MS = 60_000
export const REQUEST_TIMEOUT_MS = 30_000
/** Connections that one Node-RED opens to an agent, which takes 512: many calls at once share its durable writes. */
export const REQUESTS_AT_A_TIME = 128
export const BACKOFF_FIRST_MS = 100
export const BACKOFF_MAX_MS = 5_000
/** An agent counts wrong tokens, ten in a minute: below that, so that others of this address are not made to wait. */
export const TOKEN_REFUSED_WAIT_MS = 20_000
/** A connection that no node names any more is kept for the nodes of the next deploy. */
export const CONNECTION_LINGERS_MS = 5_000
/** Events that come while a deploy has stopped the flows. */
export const EVENTS_HELD_MAX = 10_000
/** The agent says that it is there every 15 s. */
export const STREAM_SILENCE_MAX_MS = 40_000
/** Of one item in the stream: an event with its data, or an execution with that of all its tasks. */
export const STREAM_ITEM_CHARS_MAX = 16_777_216
/** Calls of tasks that one Node-RED waits for at a time. */
export const CALLS_WAITING_MAX = 10_000
/** Executions that ended before anybody said to wait for them. */
export const ENDED_KEPT_MAX = 1_000
/** Messages whose calls are remembered, so that a repeat is recognised. */
export const MESSAGES_REMEMBERED_MAX = 10_000
export const PAGE_ITEMS_MAX = 1_000
/** Services of all agents whose nodes are in the palette. */
export const SERVICES_MAX = 1_000
/** Public applications of one agent that flows can call. */
export const APPLICATIONS_MAX = 1_000
/** A service changes its status in a burst when it starts: its manifest is read once. */
export const READ_SETTLE_MS = 20
/** Executions of which a compiled chain shows the state. */
export const EXECUTIONS_SHOWN_MAX = 1_000
/** Messages that one wait node holds inline. */
export const WAITS_MAX = 1_000
/** Events that a wait node keeps for messages that are still on their way, as the agent does for each wait. */
export const EVENTS_KEPT_MAX = 100
/** Occurrences of which one node holds some messages until the others come; then the oldest is let go. */
export const JOINS_MAX = 1_000
/** Occurrences that one node has joined: what comes late is known by them. */
export const JOINED_REMEMBERED_MAX = 10_000
/** Calls of services in flows of which it is remembered how they ended. */
export const SERVICE_CALLS_ENDED_MAX = 1_000
/** Manifests, or applications, that are read at a time. */
export const READS_AT_A_TIME = 8
/** Applications that the side panel lists, and what it lists of each. */
export const PANEL_APPLICATIONS_MAX = 200
export const PANEL_RESULTS_MAX = 5
export const PANEL_REFUSALS_MAX = 20
/** Editors hear at most this often that the side panel changed. */
export const PANEL_TICK_MS = 250
/** What the agent said of a token, or of a name, is asked again after this time. */
export const LOGINS_KEPT_MS = 1_000
export const LOGINS_KEPT_MAX = 1_000
export const LOGIN_TIMEOUT_MS = 5_000
/** A Node-RED whose agent is gone has this long to stop in order. */
export const AGENT_GONE_STOP_MS = 15_000
/** Numbers of which the text of a status is kept. */
export const COUNT_TEXTS_MAX = 1_000
