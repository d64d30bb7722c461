/**
 * The tables of the store: name, key, value. Every value carries `v`, the version of its shape.
 * docs/spec/store.md tells how they change over format versions.
 */
export const TABLE = {
  /** [name] -> facts of the home: format version, clock, counters. */
  meta: "meta",
  /** [app] -> the deployed application, its newest version, paused or not. */
  application: "app",
  /** [app, version] -> the application document and the manifests it was checked against, kept while executions use it. */
  applicationVersion: "appv",
  /** [service] -> an installed service: folder, isolation, sealed settings. */
  service: "svc",
  /** [service, key] -> the private key-value space of a plugin. */
  serviceStore: "svcs",
  /** [execution] -> an execution that has ended: its definition, its status, its newest steps. */
  finished: "ex",
  /** [number] -> a step of an execution that had not ended, in the order of writing. Found again at start. */
  open: "ex-open",
  /** [execution, number] -> steps of an execution that one record has no room for. */
  history: "ex-steps",
  /** [generation, service, event, id] -> an event id that was accepted. */
  eventId: "evid",
  /** [app, workflow] -> debounce and throttle memory of a trigger. */
  admission: "adm",
  /** [seq] -> an event that was refused, with the reason. */
  refused: "ref",
  /** [token id] -> a token's hash, scope, owner. */
  token: "tok",
  /** [idempotency key] -> the answer that was given. */
  idempotency: "idem",
  /** [] -> where the chain stands; nothing where no chain was joined. ["before"] -> where it stood a block before. */
  chainTip: "ctip",
  /** [] -> the genesis document of the chain that was joined. */
  chainGenesis: "cgen",
  /** [name] -> a record of the chain's state. */
  chainRecord: "crec",
  /** [place] -> the name of the record that has it, by the hash of its name. */
  chainPlace: "cplc",
  /** [path] -> a node of the state's tree. */
  chainNode: "cnod",
  /** [height] -> a block, with what decided it. */
  chainBlock: "cblk",
  /** [transaction] -> in which block it is, its fee, and why it failed. */
  chainTransaction: "ctxn",
  /** [height, id] -> a block that was proposed and is not decided. */
  chainProposed: "cpro",
  /** [validator] -> two votes of a validator that say different things, until it is punished. */
  chainEvidence: "cevi",
  /** [name] -> an account of this home: its public key, and its seed, sealed. */
  account: "acct",
  /** MQTT: [topic] -> retained message. */
  mqttRetained: "mret",
  /** MQTT: [client] / [client, topic] -> session and subscriptions. */
  mqttSession: "mses",
  /** MQTT: [client, seq] -> outgoing message not yet acknowledged. */
  mqttOutgoing: "mout",
  /** MQTT: [client, packet id] -> QoS 2 packet received and not yet released. */
  mqttIncoming: "minc",
  /** MQTT: [client] -> last will. */
  mqttWill: "mwil",
} as const
export type TableName = (typeof TABLE)[keyof typeof TABLE]
