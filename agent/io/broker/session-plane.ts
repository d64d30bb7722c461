import { Duplex, Readable } from "node:stream"
import { Aedes, type Client, type PublishPacket } from "aedes"
import { MQTT_CONNECT_TIMEOUT_MS, MQTT_TOPIC_LEVELS_MAX } from "../../base/limits.ts"
import type { Log } from "../../ports/log.ts"
import { messageOf } from "../../base/errors.ts"
import type { Connection } from "./connection.ts"
import type { StorePersistence } from "./persistence.ts"

/** CONNACK return codes that an admission can end in. */
export type Refusal = 2 | 3 | 4 | 5
export const UNAVAILABLE = 3

export interface WillMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
}

/** Who asks to be let in. */
export interface ConnectingClient {
  readonly id: string
  readonly username: string | null
  readonly password: Uint8Array | null
  readonly will: WillMessage | null
}

/** What happens around aedes' CONNECT. */
export interface PlaneHooks {
  /** Who is it, may it set this will, and its session opened and will stored. @returns 0 to let it in */
  admit(connection: Connection, client: ConnectingClient): Promise<0 | Refusal>
  /** CONNACK 0 was written. */
  admitted(connection: Connection): void
  /** Whether the client that is being admitted has a session that outlived its last connection [MQTT-3.2.2-2]. */
  isPresent(clientId: string): boolean
}

/** The stream aedes sees instead of the socket: CONNECT and DISCONNECT go in, CONNACK comes out. */
class PlaneStream extends Duplex {
  readonly connection: Connection

  constructor(connection: Connection) {
    super()
    this.connection = connection
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.connection.sendBytes(chunk)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.connection.close()
    done(error)
  }
}

/**
 * aedes, for what surrounds the messages: CONNECT with its checks and return codes, the order of session, will and
 * CONNACK, take-over of a client id. It never sees a PUBLISH or a SUBSCRIBE.
 * @see docs/adr/001-broker-fast-path.md
 */
export class SessionPlane {
  readonly #aedes: PlaneAedes
  readonly #streams = new Map<Connection, PlaneStream>()

  constructor(persistence: StorePersistence, hooks: PlaneHooks, log: Log) {
    const connectionOf = (client: Client | null) => (client?.conn as PlaneStream | undefined)?.connection
    this.#aedes = new PlaneAedes({
      persistence: planePersistence(persistence, hooks),
      maxTopicLevels: MQTT_TOPIC_LEVELS_MAX,
      maxClientsIdLength: 65_535,
      connectTimeout: 2 * MQTT_CONNECT_TIMEOUT_MS,
      // Keep alive is watched by the connection, which sees every packet; aedes sees two.
      preConnect: (_client, packet, done) => {
        packet.keepalive = 0
        done(null, true)
      },
      authenticate: (client, username, password, done) => {
        const will = (client as unknown as { _will?: WillMessage })._will ?? null
        const facts = { id: client.id, username: username ?? null, password: password ?? null, will }
        hooks.admit(connectionOf(client)!, facts).then(
          (code) => (code === 0 ? done(null, true) : done(refusal(code), false)),
          (error: unknown) => {
            log.error("a client could not be admitted", { clientId: client.id, error: messageOf(error) })
            done(refusal(3), false)
          },
        )
      },
      // Restored subscriptions need no second home here.
      authorizeSubscribe: (_client, _subscription, done) => done(null, null),
    })
    this.#aedes.on("clientReady", (client) => hooks.admitted(connectionOf(client)!))
    const failed = (client: Client, error: Error) => connectionOf(client)?.fail(error)
    this.#aedes.on("clientError", failed)
    this.#aedes.on("connectionError", failed)
  }

  async start(): Promise<void> {
    await this.#aedes.listen()
  }

  /** Whoever is still connected is cut off. */
  stop(): Promise<void> {
    return new Promise((resolve) => this.#aedes.close(() => resolve()))
  }

  connect(connection: Connection, packet: Buffer): void {
    const stream = new PlaneStream(connection)
    this.#streams.set(connection, stream)
    this.#aedes.handle(stream)
    stream.push(packet)
  }

  /** DISCONNECT: no will. aedes closes the stream when it has read it. */
  disconnect(connection: Connection, packet: Buffer): void {
    this.#streams.get(connection)?.push(Buffer.from(packet))
    this.#streams.delete(connection)
  }

  /** The connection is gone. */
  drop(connection: Connection): void {
    const stream = this.#streams.get(connection)
    this.#streams.delete(connection)
    stream?.destroy()
  }
}

class PlaneAedes extends Aedes {
  /** Wills are the broker's own matter, and there is no cluster that wants to be told of clients. */
  override publish(_packet: PublishPacket, ...rest: unknown[]): void {
    rest.find((each): each is (error?: Error) => void => typeof each === "function")?.()
  }
}

/** What aedes must not do itself: keep wills, replay queues, and publish the wills of clients that are well. */
function planePersistence(real: StorePersistence, hooks: PlaneHooks): StorePersistence {
  const plane = Object.create(real) as StorePersistence
  // aedes takes a session to be present if it has subscriptions; the specification, if it exists.
  plane.subscriptionsByClient = async ({ id }) => (hooks.isPresent(id) ? [{ topic: "session", qos: 0 }] : [])
  plane.cleanSubscriptions = () => Promise.resolve()
  plane.cleanIncoming = () => Promise.resolve()
  plane.outgoingStream = () => Readable.from([])
  plane.streamWill = () => Readable.from([])
  plane.putWill = () => Promise.resolve()
  plane.delWill = async () => undefined
  return plane
}

function refusal(returnCode: Refusal): Error & { returnCode: Refusal } {
  return Object.assign(new Error("the client was refused"), { returnCode })
}
