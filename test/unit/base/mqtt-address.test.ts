import assert from "node:assert/strict"
import { type MqttAddress, mqttAddress } from "../../../agent/base/mqtt-address.ts"

const ADDRESSES: Readonly<Record<string, MqttAddress>> = {
  "mqtt://127.0.0.1:1883": { protocol: "mqtt", hostname: "127.0.0.1", port: 1883 },
  "mqtts://broker.example": { protocol: "mqtts", hostname: "broker.example" },
  "mqtt://[::1]:1884/ignored": { protocol: "mqtt", hostname: "::1", port: 1884 },
  "mqtt://u%40home:p%3Aw@host": { protocol: "mqtt", hostname: "host", username: "u@home", password: "p:w" },
  "ws://host:6374/mqtt?a=b": { protocol: "ws", hostname: "host", port: 6374, path: "/mqtt?a=b" },
}

describe("the address of a broker", () => {
  for (const [url, address] of Object.entries(ADDRESSES)) {
    it(`${url} is taken apart`, () => assert.deepEqual(mqttAddress(url), address))
  }

  it("is a URL", () => assert.throws(() => mqttAddress("nowhere"), TypeError))
})
