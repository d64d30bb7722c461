import assert from "node:assert/strict"
import * as v from "valibot"
import { type DoctorProbes, examine } from "../../../agent/api/doctor.ts"
import { ConfigSchema } from "../../../agent/schema/config.ts"
import { FakeCore } from "../../support/fake-core.ts"

const MIB = 1024 * 1024
const NOW_MS = Date.UTC(2026, 10, 22)
const config = v.parse(ConfigSchema, {})
const tls = { cert: "cert.pem", key: "key.pem" }

function probes(change: Partial<DoctorProbes> = {}): DoctorProbes {
  return {
    config,
    home: "/var/lib/mesg",
    nodeVersion: "26.10.0",
    nodeVersionWanted: "26.10.0",
    disk: async () => ({ freeBytes: 8000 * MIB, totalBytes: 16_000 * MIB }),
    store: () => ({ bytes: 10 * MIB, quotaBytes: 1024 * MIB }),
    storeFailure: () => null,
    clocks: () => ({ wallMs: NOW_MS, nowMs: NOW_MS }),
    memory: () => ({ rssBytes: 70 * MIB, freeBytes: 400 * MIB, totalBytes: 1024 * MIB }),
    listeners: () => ({ mqtt: "mqtt://127.0.0.1:1883", mqttTls: null, http: "http://127.0.0.1:6374" }),
    mode: async (path) => (path === "run/token" ? 0o600 : 0o700),
    services: () => new FakeCore().serviceViews,
    queues: () => [{ name: "executions", depth: 3, depthMax: 20_000 }],
    newestCopyMs: () => NOW_MS - 3600_000,
    claimed: () => false,
    ...change,
  }
}

describe("mesg doctor", () => {
  it("finds nothing wrong with a gateway that is well", async () => {
    const report = await examine(probes())
    assert.deepEqual(
      report.checks.filter(({ ok }) => !ok),
      [],
    )
    assert.equal(report.ok, true)
    assert.equal(new Set(report.checks.map(({ id }) => id)).size, report.checks.length)
    assert.ok(report.checks.every(({ remedy }) => remedy === null))
  })

  const failed = {
    ...new FakeCore().serviceViews[0]!,
    state: "failed",
    error: { code: "SERVICE_THREW", message: "x" },
  } as const
  const open = v.parse(ConfigSchema, { listen: "0.0.0.0" })
  const openTls = v.parse(ConfigSchema, { listen: "0.0.0.0", mqtt: { tls } })
  const closed = v.parse(ConfigSchema, { listen: "0.0.0.0", mqtt: { tls, anonymous: "never" } })
  const cases: { name: string; change: Partial<DoctorProbes>; wrong: string[]; says?: RegExp }[] = [
    { name: "another Node", change: { nodeVersion: "24.1.0" }, wrong: ["node"], says: /24\.1\.0/ },
    {
      name: "a disk that is nearly full",
      change: { disk: async () => ({ freeBytes: 50 * MIB, totalBytes: 16_000 * MIB }) },
      wrong: ["disk"],
      says: /50 MiB of 16000 MiB free/,
    },
    {
      name: "a disk with less room than the store may take",
      change: { disk: async () => ({ freeBytes: 500 * MIB, totalBytes: 16_000 * MIB }) },
      wrong: ["disk"],
      says: /may still grow by 1014 MiB/,
    },
    { name: "a store at its quota", change: { store: () => ({ bytes: 95, quotaBytes: 100 }) }, wrong: ["quota"] },
    {
      name: "a store that failed",
      change: { storeFailure: () => "a write failed" },
      wrong: ["store"],
      says: /a write failed/,
    },
    { name: "no copy", change: { newestCopyMs: () => null }, wrong: ["copies"], says: /none/ },
    {
      name: "an old copy",
      change: { newestCopyMs: () => NOW_MS - 9 * 86_400_000 },
      wrong: ["copies"],
      says: /9 days old/,
    },
    {
      name: "a clock of the last century",
      change: { clocks: () => ({ wallMs: 0, nowMs: 0 }), newestCopyMs: () => 0 },
      wrong: ["clock"],
      says: /1970/,
    },
    {
      name: "a clock that went back",
      change: { clocks: () => ({ wallMs: NOW_MS, nowMs: NOW_MS + 120_000 }) },
      wrong: ["clock"],
      says: /120 s behind/,
    },
    {
      name: "no memory left",
      change: { memory: () => ({ rssBytes: 900 * MIB, freeBytes: 10 * MIB, totalBytes: 1024 * MIB }) },
      wrong: ["memory"],
    },
    {
      name: "a port that is not bound",
      change: { listeners: () => ({ mqtt: null, mqttTls: null, http: "http://127.0.0.1:6374" }) },
      wrong: ["ports"],
      says: /not bound: MQTT$/,
    },
    { name: "TLS that is not bound", change: { config: closed }, wrong: ["ports"], says: /MQTT over TLS/ },
    {
      name: "a listener beyond loopback without a password",
      change: { config: open },
      wrong: ["exposure"],
      says: /need no password/,
    },
    {
      name: "a listener beyond loopback without TLS",
      change: { config: open, claimed: () => true },
      wrong: ["exposure"],
      says: /without TLS/,
    },
    {
      name: "keys that others can read",
      change: { mode: async (path) => (path === "keys" ? 0o755 : 0o600) },
      wrong: ["permissions"],
      says: /keys is 0755/,
    },
    {
      name: "a token that everybody can read",
      change: { mode: async (path) => (path === "run/token" ? 0o644 : 0o700) },
      wrong: ["permissions"],
      says: /run\/token is 0644/,
    },
    {
      name: "a service that failed",
      change: { services: () => [failed] },
      wrong: ["services"],
      says: /ocpp \(SERVICE_THREW\)/,
    },
    {
      name: "a queue that is nearly full",
      change: { queues: () => [{ name: "executions", depth: 19_000, depthMax: 20_000 }] },
      wrong: ["queues"],
      says: /executions 19000 of 20000/,
    },
    {
      name: "a probe that fails",
      change: { disk: () => Promise.reject(new Error("EIO")) },
      wrong: ["disk"],
      says: /cannot be checked: EIO/,
    },
  ]
  for (const { name, change, wrong, says } of cases) {
    it(`finds ${name}, and says what to do`, async () => {
      const report = await examine(probes(change))
      const found = report.checks.filter(({ ok }) => !ok)
      assert.deepEqual(
        found.map(({ id }) => id),
        wrong,
      )
      assert.equal(report.ok, false)
      assert.match(found[0]!.detail, says ?? /./)
      assert.match(found[0]!.remedy ?? "", /\w/)
    })
  }

  it("finds nothing wrong beyond loopback with TLS and passwords", async () => {
    const listeners = { mqtt: "mqtt://0.0.0.0:1883", mqttTls: "mqtts://0.0.0.0:8883", http: "http://0.0.0.0:6374" }
    for (const [setting, claimed] of [
      [closed, false],
      [openTls, true],
    ] as const) {
      const report = await examine(probes({ config: setting, listeners: () => listeners, claimed: () => claimed }))
      assert.deepEqual(
        report.checks.filter(({ ok }) => !ok),
        [],
      )
    }
  })
})
