import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { examine } from "../../../agent/api/doctor.ts"
import type { DoctorProbes } from "../../../agent/api/doctor/check.ts"
import type { ApplicationView } from "../../../agent/engine/core.ts"
import type { ApplicationName, ServiceId } from "../../../agent/base/ids.ts"
import { ConfigSchema } from "../../../agent/schema/config.ts"
import type { StoreRecovery } from "../../../agent/ports/store.ts"
import { FakeCore } from "../../support/fake-core.ts"
import { ROOT } from "../../support/sources.ts"

const MIB = 1024 * 1024
const NOW_MS = Date.UTC(2026, 10, 22)
const config = v.parse(ConfigSchema, {})
const RECOVERY: StoreRecovery = {
  foundMs: NOW_MS,
  reason: "page 7 is not what it says",
  quarantined: "/var/lib/mesg/data/quarantine/1.mdb",
  copy: "/var/lib/mesg/data/copies/1.mdb",
  copyMs: NOW_MS - 86_400_000,
}
const tls = { cert: "cert.pem", key: "key.pem" }

const EV: ApplicationView = {
  name: "ev-charging" as ApplicationName,
  description: null,
  visibility: "private",
  version: 1,
  paused: false,
  deployedMs: NOW_MS,
  lostSecrets: [],
  missing: [],
  workflows: [],
}

function probes(change: Partial<DoctorProbes> = {}): DoctorProbes {
  return {
    config,
    home: "/var/lib/mesg",
    nodeVersion: "26.10.0",
    nodeVersionWanted: "26.10.0",
    disk: async () => ({ freeBytes: 8000 * MIB, totalBytes: 16_000 * MIB }),
    store: () => ({ bytes: 10 * MIB, quotaBytes: 1024 * MIB }),
    storeFailure: () => null,
    storeRecovery: () => null,
    clocks: () => ({ wallMs: NOW_MS, nowMs: NOW_MS }),
    uptimeMs: () => 3600_000,
    safe: () => false,
    memory: () => ({ rssBytes: 70 * MIB, freeBytes: 400 * MIB, totalBytes: 1024 * MIB }),
    listeners: () => ({ mqtt: "mqtt://127.0.0.1:1883", mqttTls: null, http: "http://127.0.0.1:6374" }),
    mode: async (path) => (path.startsWith("run/") ? 0o600 : 0o700),
    services: () => new FakeCore().serviceViews,
    applications: () => [EV],
    lostSecrets: () => [],
    queues: () => [{ name: "executions", depth: 3, depthMax: 20_000 }],
    newestCopyMs: () => NOW_MS - 3600_000,
    tokens: () => [],
    isRoot: () => false,
    claimed: () => false,
    ...change,
  }
}

describe("mesg doctor", () => {
  it("waits for the first copy, which is made soon after the start", async () => {
    const report = await examine(probes({ newestCopyMs: () => null, uptimeMs: () => 1000 }), "health")
    assert.equal(report.ok, true)
    assert.match(report.checks.find(({ id }) => id === "copies")!.detail, /soon after the start/)
  })

  it("finds nothing wrong with a gateway that is well", async () => {
    const report = await examine(probes(), "health")
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
    { name: "safe mode", change: { safe: () => true }, wrong: ["services"], says: /safe mode: none of \d+ runs/ },
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
    {
      name: "a full disk whose store is past its quota",
      change: {
        disk: async () => ({ freeBytes: 50 * MIB, totalBytes: 16_000 * MIB }),
        store: () => ({ bytes: 114 * MIB, quotaBytes: 100 * MIB }),
      },
      wrong: ["disk", "quota"],
      says: /may still grow by 0 MiB/,
    },
    { name: "a store at its quota", change: { store: () => ({ bytes: 95, quotaBytes: 100 }) }, wrong: ["quota"] },
    {
      name: "a store that failed",
      change: { storeFailure: () => "a write failed" },
      wrong: ["store"],
      says: /a write failed/,
    },
    {
      name: "a store that was taken back to a copy, until that is acknowledged",
      change: { storeRecovery: () => RECOVERY },
      wrong: ["recovery"],
      says: /^damaged when the agent started at 2026-11-22T.*as it was at 2026-11-21T.*between is lost.*quarantine\/1\.mdb$/,
    },
    {
      name: "a store that had to start empty",
      change: { storeRecovery: () => ({ ...RECOVERY, copy: null, copyMs: null }) },
      wrong: ["recovery"],
      says: /no good copy: it starts empty, everything before is lost/,
    },
    { name: "no copy", change: { newestCopyMs: () => null }, wrong: ["copies"], says: /none/ },
    {
      name: "no copy, and none to come,",
      change: {
        newestCopyMs: () => null,
        uptimeMs: () => 1000,
        config: v.parse(ConfigSchema, { store: { copies: 0 } }),
      },
      wrong: ["copies"],
      says: /none/,
    },
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
      change: { mode: async (path) => (path === "run/token" ? 0o644 : 0o600) },
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
      name: "an application whose service is gone",
      change: { applications: () => [{ ...EV, missing: ["app:billing", "ocpp"] }] },
      wrong: ["applications"],
      says: /use what is not here: ev-charging \(app:billing, ocpp\)$/,
    },
    {
      name: "secrets that only another home can open",
      change: { lostSecrets: () => ["service mail: key", "application ev: password"] },
      wrong: ["secrets"],
      says: /to be set again.*: service mail: key, application ev: password$/,
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
      const report = await examine(probes(change), "health")
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
      const report = await examine(
        probes({ config: setting, listeners: () => listeners, claimed: () => claimed }),
        "health",
      )
      assert.deepEqual(
        report.checks.filter(({ ok }) => !ok),
        [],
      )
    }
  })
})

describe("mesg doctor --security", () => {
  const added = { ...new FakeCore().serviceViews[0]!, id: "added" as ServiceId, shipped: false, networkAny: false }
  const token = { id: "t", name: "panel", scope: "admin", services: [], topics: [], createdMs: NOW_MS } as const
  const outside = v.parse(ConfigSchema, { listen: "0.0.0.0", mqtt: { tls, anonymous: "never" } })

  it("finds nothing on a gateway that only its machine reaches, and names a standard for each check", async () => {
    const { ok, checks } = await examine(probes(), "security")
    assert.equal(ok, true, JSON.stringify(checks.filter((check) => !check.ok)))
    assert.ok(checks.every(({ standards }) => standards.length > 0))
    const health = await examine(probes(), "health")
    assert.ok(health.checks.every(({ standards }) => standards.length === 0))
  })

  const cases: { name: string; change: Partial<DoctorProbes>; wrong: string[]; says: RegExp }[] = [
    {
      name: "clients without a password on an open gateway",
      change: { config: v.parse(ConfigSchema, { listen: "0.0.0.0" }) },
      wrong: ["exposure", "passwords", "encryption"],
      says: /without a password, with the owner's rights/,
    },
    {
      name: "what can be read on the way",
      change: { config: outside },
      wrong: ["encryption"],
      says: /MQTT on port 1883 and HTTP can be read on the way; MQTT over TLS is there too/,
    },
    { name: "an agent that is root", change: { isRoot: () => true }, wrong: ["user"], says: /has the machine/ },
    {
      name: "keys that others may read",
      change: { mode: async () => 0o755 },
      wrong: ["permissions"],
      says: /keys is 0755/,
    },
    {
      name: "a nameless token with every right",
      change: { tokens: () => [{ ...token, name: null }] },
      wrong: ["tokens"],
      says: /t may do everything and has no name/,
    },
    {
      name: "a token that is older than a year",
      change: { tokens: () => [{ ...token, createdMs: NOW_MS - 366 * 86_400_000 }] },
      wrong: ["tokens"],
      says: /panel is older than a year/,
    },
    {
      name: "a trusted service",
      change: { services: () => [{ ...added, kind: "in-process" }] },
      wrong: ["trust"],
      says: /added runs inside the agent/,
    },
    {
      name: "a service that reaches any host",
      change: { services: () => [{ ...added, kind: "confined", networkAny: true }] },
      wrong: ["trust"],
      says: /added reaches any host/,
    },
    {
      name: "pages that anybody may change",
      change: {
        config: v.parse(ConfigSchema, { http: { origins: ["http://panel.example", "http://localhost:3000"] } }),
      },
      wrong: ["browsers"],
      says: /^http:\/\/panel\.example may call the API, and/,
    },
  ]
  for (const { name, change, wrong, says } of cases) {
    it(`finds ${name}, and says what to do`, async () => {
      const { ok, checks } = await examine(probes(change), "security")
      const found = checks.filter((check) => !check.ok)
      assert.equal(ok, false)
      assert.deepEqual(
        found.map(({ id }) => id),
        wrong,
      )
      assert.ok(
        found.some(({ detail }) => says.test(detail)),
        JSON.stringify(found),
      )
      assert.ok(found.every(({ remedy }) => remedy !== null))
    })
  }

  it("cites only provisions that SECURITY.md maps", async () => {
    const text = readFileSync(join(ROOT, "SECURITY.md"), "utf8")
    const { checks } = await examine(probes(), "security")
    const missing = checks.flatMap(({ standards }) => standards).filter((name) => !isMapped(text, name))
    assert.deepEqual(missing, [])
  })
})

/** `ETSI EN 303 645 5.6` is the row `| 5.6 …` below the table of that standard. */
function isMapped(text: string, name: string): boolean {
  const heads = ["ETSI EN 303 645", "OWASP IoT Top 10", "NIST IR 8259A", "EU Cyber Resilience Act, Annex I"]
  const short = ["ETSI EN 303 645", "OWASP IoT", "NIST IR 8259A", "CRA Annex I"].findIndex((one) =>
    name.startsWith(one),
  )
  if (short < 0) return false
  const from = text.indexOf(`| ${heads[short]} |`)
  const row = name
    .split(" ")
    .slice(["ETSI EN 303 645", "OWASP IoT", "NIST IR 8259A", "CRA Annex I"][short]!.split(" ").length)
  return (
    from >= 0 &&
    text
      .slice(from)
      .split("\n\n", 1)[0]!
      .includes(`| ${row.join(" ")}`)
  )
}
