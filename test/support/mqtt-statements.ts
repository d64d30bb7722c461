import assert from "node:assert/strict"
import type { Principal } from "../../agent/ports/broker.ts"
import { startBroker, stopBrokers, type TestBroker } from "./mqtt-broker.ts"
import { type ConnectOptions, publishPacket, pubrel, WireClient } from "./mqtt-wire.ts"

const SUSPECT: Principal = { name: "suspect", publish: ["open/#"], subscribe: ["open/#"] }
/** The broker of the statements that are tested: the real one, on a port of its own. */
export let broker: TestBroker
let names = 0
export const name = () => `c${++names}`

export const open = () => WireClient.open(broker.port)
export const connected = (options: ConnectOptions = {}) => WireClient.connected(broker.port, options)

/** Sends bytes behind a good CONNECT; the server must close without an answer. */
export async function closes(...bytes: Uint8Array[]): Promise<void> {
  const client = await connected()
  client.send(...bytes)
  await client.ended()
}

/** Sends bytes as the first ones; the server must close without an answer. */
export async function closesAtOnce(...bytes: Uint8Array[]): Promise<void> {
  const client = await open()
  client.send(...bytes)
  await client.ended()
}

/** Sends bytes as the first ones. @returns the client with what its CONNACK says */
export async function connack(bytes: Uint8Array): Promise<{ client: WireClient; code: number; flags: number }> {
  const client = await open()
  client.send(bytes)
  const { type, body } = await client.next()
  assert.equal(type, 2)
  return { client, code: body[1]!, flags: body[0]! }
}

/** Publishes from a client of its own, until that is acknowledged. */
export async function publishOnce(topic: string, payload: string, options: Parameters<typeof publishPacket>[2] = {}) {
  const client = await connected()
  client.send(publishPacket(topic, payload, options))
  if (options.qos === 1) assert.equal((await client.next()).type, 4)
  if (options.qos === 2) {
    assert.equal((await client.next()).type, 5)
    client.send(pubrel(options.packetId ?? 1))
    assert.equal((await client.next()).type, 7)
  }
  await client.leave()
}

/**
 * The normative statements of MQTT 3.1.1 (OASIS Standard, appendix B) that a server can break, each with what it must
 * do. Statements that bind only clients, or only the transport below, are not here.
 */
export type Statements = Readonly<Record<string, () => Promise<void>>>

/** One test for each statement, on one broker. */
export function describeStatements(about: string, statements: Statements, more: () => void = () => {}): void {
  describe(`MQTT 3.1.1, statement by statement: ${about}`, () => {
    before(async () => {
      broker = await startBroker({
        authenticate: ({ username }) => {
          if (username === "nobody") return Promise.resolve(null)
          if (username === "suspect") return Promise.resolve(SUSPECT)
          return Promise.resolve({ name: "owner", publish: ["#", "$other/#"], subscribe: ["#", "$SYS/#"] })
        },
      })
    })
    after(stopBrokers)

    for (const [statement, check] of Object.entries(statements)) it(statement, check)
    more()
  })
}
