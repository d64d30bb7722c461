import * as v from "valibot"
import {
  EXECUTIONS_ACTIVE_MAX,
  EXECUTIONS_KEPT_MS_DEFAULT,
  MQTT_CONNECTIONS_MAX,
  MQTT_OFFLINE_BYTES_PER_CLIENT_MAX,
  MQTT_OFFLINE_MESSAGES_PER_CLIENT_MAX,
  MQTT_PACKET_BYTES_MAX,
  MQTT_PACKET_BYTES_MAX_BEFORE_CONNECT,
  MQTT_PACKET_BYTES_SETTING_MAX,
  STORE_COPIES_MAX,
  STORE_QUOTA_BYTES_DEFAULT,
  STORE_QUOTA_BYTES_MAX,
} from "../base/limits.ts"
import { PEER_ADDRESS_LENGTH_MAX, PEERS_KNOWN_MAX } from "../base/network-limits.ts"

const Port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535))
const Count = v.pipe(v.number(), v.integer(), v.minValue(1))
const Origin = v.pipe(v.string(), v.regex(/^https?:\/\/[^/?#,\s]+$/, "an origin such as https://panel.example.org"))
const Text = v.pipe(v.string(), v.minLength(1))

/**
 * `config.yml`. Every key can also come from the environment (`mqtt.port` is MESG_MQTT_PORT) or `--set mqtt.port=0`.
 * docs/reference/config.md is generated from this.
 */
export const ConfigSchema = v.strictObject({
  listen: v.optional(
    v.pipe(Text, v.description("address to bind all listeners to; loopback until the node is claimed")),
    "127.0.0.1",
  ),
  name: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(63),
      v.regex(/^\P{Cc}*$/u, "a text without control characters"),
      v.description("name of this gateway, shown in lists"),
    ),
  ),
  mqtt: v.optional(
    v.strictObject({
      port: v.optional(v.pipe(Port, v.description("MQTT over TCP; 0 takes any free port")), 1883),
      anonymous: v.optional(
        v.pipe(
          v.picklist(["loopback", "never"]),
          v.description("whether clients on loopback may connect without a password while the node is unclaimed"),
        ),
        "loopback",
      ),
      maxPacketBytes: v.optional(
        v.pipe(
          Count,
          v.minValue(MQTT_PACKET_BYTES_MAX_BEFORE_CONNECT),
          v.maxValue(MQTT_PACKET_BYTES_SETTING_MAX),
          v.description("largest MQTT packet after authentication"),
        ),
        MQTT_PACKET_BYTES_MAX,
      ),
      maxConnections: v.optional(v.pipe(Count, v.description("most MQTT clients at once")), MQTT_CONNECTIONS_MAX),
      offlineMessages: v.optional(
        v.pipe(Count, v.description("most messages kept for one client that is away")),
        MQTT_OFFLINE_MESSAGES_PER_CLIENT_MAX,
      ),
      offlineBytes: v.optional(
        v.pipe(Count, v.description("most bytes kept for one client that is away")),
        MQTT_OFFLINE_BYTES_PER_CLIENT_MAX,
      ),
      tls: v.optional(
        v.strictObject({
          port: v.optional(v.pipe(Port, v.description("MQTT over TLS; 0 takes any free port")), 8883),
          cert: v.pipe(Text, v.description("PEM file with the server's certificate chain")),
          key: v.pipe(Text, v.description("PEM file with the server's private key")),
          ca: v.optional(
            v.pipe(
              Text,
              v.description("PEM file with the CA of client certificates; set = clients may log in by certificate"),
            ),
          ),
        }),
      ),
    }),
    {},
  ),
  http: v.optional(
    v.strictObject({
      port: v.optional(
        v.pipe(Port, v.description("HTTP API, console and MQTT over WebSocket; 0 takes any free port")),
        6374,
      ),
      origins: v.optional(
        v.pipe(v.array(Origin), v.description("Origins, beside our own, that browsers may call from")),
        [],
      ),
      hosts: v.optional(
        v.pipe(
          v.array(v.string()),
          v.description("Host names, beside addresses and localhost, that requests may name"),
        ),
        [],
      ),
      metrics: v.optional(v.pipe(v.boolean(), v.description("serve /metrics on loopback without a token")), false),
    }),
    {},
  ),
  store: v.optional(
    v.strictObject({
      quotaMb: v.optional(
        v.pipe(
          Count,
          v.maxValue(STORE_QUOTA_BYTES_MAX / 1048576),
          v.description("most disk space for the store, in MiB"),
        ),
        STORE_QUOTA_BYTES_DEFAULT / 1048576,
      ),
      copies: v.optional(
        v.pipe(
          v.number(),
          v.integer(),
          v.minValue(0),
          v.maxValue(STORE_COPIES_MAX),
          v.description("verified copies of the store to keep"),
        ),
        2,
      ),
    }),
    {},
  ),
  executions: v.optional(
    v.strictObject({
      keepDays: v.optional(
        v.pipe(v.number(), v.minValue(0), v.description("days a finished execution is kept")),
        EXECUTIONS_KEPT_MS_DEFAULT / 86_400_000,
      ),
      maxActive: v.optional(
        v.pipe(Count, v.description("most executions at once; past it events wait")),
        EXECUTIONS_ACTIVE_MAX,
      ),
    }),
    {},
  ),
  services: v.optional(
    v.strictObject({
      registry: v.optional(
        v.pipe(
          v.string(),
          v.url("an address such as https://registry.npmjs.org/"),
          v.regex(/^https?:/, "an http or https address"),
          v.description("npm registry that `mesg service add NAME` looks services up in"),
        ),
        "https://registry.npmjs.org/",
      ),
    }),
    {},
  ),
  nodeRed: v.optional(
    v.strictObject({
      run: v.optional(
        v.pipe(v.boolean(), v.description("run a Node-RED beside the agent, as `mesg start --node-red` does")),
        false,
      ),
      path: v.optional(
        v.pipe(
          Text,
          v.description("folder of that Node-RED; by default it is looked for beside the agent and on PATH"),
        ),
      ),
      listen: v.optional(
        v.pipe(Text, v.description("address to bind Node-RED's editor to; who logs in needs a token in any case")),
        "127.0.0.1",
      ),
      port: v.optional(v.pipe(Port, v.description("Node-RED's editor; 0 takes any free port")), 1880),
    }),
    {},
  ),
  network: v.optional(
    v.strictObject({
      enabled: v.optional(
        v.pipe(
          v.boolean(),
          v.description("whether this gateway talks to other Cores; without, nothing of it is loaded"),
        ),
        false,
      ),
      port: v.optional(v.pipe(Port, v.description("other Cores, over TCP; 0 takes any free port")), 6375),
      peers: v.optional(
        v.pipe(
          v.array(v.pipe(Text, v.maxLength(PEER_ADDRESS_LENGTH_MAX))),
          v.maxLength(PEERS_KNOWN_MAX),
          v.description("addresses of other Cores to connect to, as `mesg network status` shows them there"),
        ),
        [],
      ),
    }),
    {},
  ),
  log: v.optional(
    v.strictObject({
      level: v.optional(
        v.pipe(v.picklist(["debug", "info", "warn", "error"]), v.description("least level that is logged")),
        "info",
      ),
    }),
    {},
  ),
})

export type Config = v.InferOutput<typeof ConfigSchema>
