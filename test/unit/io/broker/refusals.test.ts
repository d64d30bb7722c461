import assert from "node:assert/strict"
import { join } from "node:path"
import { makeCertificate } from "../../../support/certificate.ts"
import { startBroker, stopBrokers } from "../../../support/mqtt-broker.ts"
import { connectPacket, WireClient } from "../../../support/mqtt-wire.ts"
import { tempDir } from "../../../support/temp-dir.ts"
import { until } from "../../../support/until.ts"

/** Faults of a client, as the log names them. */
const faults: readonly { code: string; when: string; bytes: Uint8Array }[] = [
  { code: "MQTT_MALFORMED", when: "a packet is none", bytes: Uint8Array.of(0x00, 0x00) },
  { code: "MQTT_NOT_ALLOWED", when: "a client introduces itself twice", bytes: connectPacket() },
]

describe("the broker closes a connection", () => {
  afterEach(stopBrokers)

  for (const { code, when, bytes } of faults) {
    it(`with ${code} where ${when}`, async () => {
      const { port, recorder } = await startBroker()
      const client = await WireClient.connected(port)
      client.send(bytes)
      await client.ended()
      const named = () => recorder.lines.some(({ fields }) => fields["code"] === code)
      await until(named, 5000, `a log line with ${code}`, 1)
    })
  }

  it("does not start with MQTT_TLS_FILES where its certificate cannot be read", async () => {
    const cert = join(tempDir("tls"), "none.pem")
    await assert.rejects(startBroker({ mqtt: { tls: { port: 0, cert, key: cert } } }), {
      code: "MQTT_TLS_FILES",
    })
  })

  it("does not start with MQTT_TLS_FILES where the key is another certificate's", async () => {
    const { cert } = makeCertificate(tempDir("tls"))
    const { key } = makeCertificate(tempDir("tls"))
    await assert.rejects(startBroker({ mqtt: { tls: { port: 0, cert, key } } }), { code: "MQTT_TLS_FILES" })
  })
})
