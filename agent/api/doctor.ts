import { DOCTOR_PROBE_TIMEOUT_MS, STORE_FIRST_COPY_MS } from "../base/limits.ts"
import { messageOf } from "../base/errors.ts"
import type { DoctorCheck, DoctorReport } from "./deps.ts"
import { recoveryText } from "./recovery-text.ts"
import { type Check, type DoctorProbes, type Finding, mib } from "./doctor/check.ts"
import { EXPOSURE, PERMISSIONS, SECURITY_CHECKS } from "./doctor/security.ts"

const MIB = 1024 * 1024
const DAY_MS = 86_400_000
/** A gateway without a clock battery starts in the past; nothing was built before this. */
const SANE_CLOCK_MS = Date.UTC(2026, 0, 1)

/** The checks in the order they are shown. */
const CHECKS: readonly Check[] = [
  {
    id: "node",
    title: "Node.js",
    run: ({ nodeVersion, nodeVersionWanted }) => {
      const ok = nodeVersion.split(".")[0] === nodeVersionWanted.split(".")[0]
      return { ok, detail: nodeVersion, remedy: `run the agent on Node ${nodeVersionWanted}, which npm brings with it` }
    },
  },
  {
    id: "disk",
    title: "Disk space",
    run: async (probes) => {
      const { freeBytes, totalBytes } = await probes.disk()
      const { bytes, quotaBytes } = probes.store()
      const detail = `${mib(freeBytes)} of ${mib(totalBytes)} free`
      const growthBytes = Math.max(0, quotaBytes - bytes)
      const ok = freeBytes >= Math.max(64 * MIB, growthBytes)
      return {
        ok,
        detail: ok ? detail : `${detail}, but the store may still grow by ${mib(growthBytes)}`,
        remedy: "free disk space, or lower store.quotaMb",
      }
    },
  },
  {
    id: "quota",
    title: "Store quota",
    run: (probes) => {
      const { bytes, quotaBytes } = probes.store()
      const detail = `${mib(bytes)} of ${mib(quotaBytes)} used`
      return { ok: bytes < quotaBytes * 0.9, detail, remedy: "lower executions.keepDays, or raise store.quotaMb" }
    },
  },
  {
    id: "store",
    title: "Store",
    run: (probes) => {
      const failure = probes.storeFailure()
      return { ok: failure === null, detail: failure ?? "healthy", remedy: "see `mesg logs`; restore the last copy" }
    },
  },
  {
    id: "recovery",
    title: "Store recovery",
    run: (probes) => {
      const recovery = probes.storeRecovery()
      if (recovery === null) return { ok: true, detail: "never needed, or acknowledged" }
      return {
        ok: false,
        detail: recoveryText(recovery),
        remedy: `make good what is lost, then acknowledge: rm ${probes.home}/data/recovered.json`,
      }
    },
  },
  {
    id: "copies",
    title: "Last copy",
    run: (probes) => {
      const newestMs = probes.newestCopyMs()
      if (newestMs === null && probes.config.store.copies > 0 && probes.uptimeMs() < 2 * STORE_FIRST_COPY_MS)
        return { ok: true, detail: "the first one is made soon after the start" }
      if (newestMs === null) return { ok: false, detail: "there is none", remedy: "mesg backup FILE, on another disk" }
      const ageMs = probes.clocks().wallMs - newestMs
      const detail = `${Math.max(0, Math.floor(ageMs / DAY_MS))} days old`
      return { ok: ageMs < 7 * DAY_MS, detail, remedy: "mesg backup FILE, on another disk" }
    },
  },
  {
    id: "clock",
    title: "Clock",
    run: (probes) => {
      const { wallMs, nowMs } = probes.clocks()
      const remedy = "set the time, and let systemd-timesyncd or chrony keep it"
      if (wallMs < SANE_CLOCK_MS) return { ok: false, detail: `it says ${new Date(wallMs).toISOString()}`, remedy }
      const behindMs = nowMs - wallMs
      const ok = behindMs < 60_000
      return { ok, detail: ok ? "sane" : `it is ${Math.round(behindMs / 1000)} s behind what it said before`, remedy }
    },
  },
  {
    id: "memory",
    title: "Memory",
    run: (probes) => {
      const { rssBytes, freeBytes, totalBytes } = probes.memory()
      const detail = `the agent has ${mib(rssBytes)}, ${mib(freeBytes)} of ${mib(totalBytes)} are free`
      return { ok: freeBytes >= 32 * MIB, detail, remedy: "stop other programs, or remove services" }
    },
  },
  {
    id: "ports",
    title: "Ports",
    run: (probes) => {
      const { mqtt, mqttTls, http } = probes.listeners()
      const wanted = [
        ["MQTT", mqtt, true],
        ["MQTT over TLS", mqttTls, probes.config.mqtt.tls !== undefined],
        ["HTTP", http, true],
      ] as const
      const missing = wanted.filter(([, address, needed]) => needed && address === null).map(([name]) => name)
      const bound = wanted.flatMap(([name, address]) => (address === null ? [] : [`${name} ${address}`]))
      return {
        ok: missing.length === 0,
        detail: missing.length === 0 ? bound.join(", ") : `not bound: ${missing.join(", ")}`,
        remedy: "see which program holds the port (ss -ltnp), or choose another in config.yml",
      }
    },
  },
  EXPOSURE,
  PERMISSIONS,
  {
    id: "services",
    title: "Services",
    run: (probes) => {
      const services = probes.services()
      if (probes.safe()) {
        return {
          ok: false,
          detail: `safe mode: none of ${services.length} runs`,
          remedy: "put right what kept the agent from running, then start it without --safe",
        }
      }
      const failed = services.filter(({ state }) => state === "failed" || state === "needs-configuration")
      const reasons = failed.map(({ id, error }) => `${id} (${error?.code ?? "failed"})`)
      return {
        ok: failed.length === 0,
        detail: failed.length === 0 ? `${services.length} installed` : `not running: ${reasons.join(", ")}`,
        remedy: "mesg service show <id>, then mesg service configure or remove",
      }
    },
  },
  {
    id: "applications",
    title: "Applications",
    run: (probes) => {
      const applications = probes.applications()
      const broken = applications.filter(({ missing }) => missing.length > 0)
      const needs = broken.map(({ name, missing }) => `${name} (${missing.join(", ")})`)
      return {
        ok: broken.length === 0,
        detail: broken.length === 0 ? `${applications.length} deployed` : `use what is not here: ${needs.join(", ")}`,
        remedy: "mesg service add what is missing, or mesg app deploy a version that does without",
      }
    },
  },
  {
    id: "secrets",
    title: "Secrets",
    run: (probes) => {
      const lost = probes.lostSecrets()
      return {
        ok: lost.length === 0,
        detail:
          lost.length === 0 ? "none is lost" : `to be set again, sealed under another home's key: ${lost.join(", ")}`,
        remedy: "mesg service configure <service> --config '{…}'; mesg app deploy FILE --config SETTINGS.yml",
      }
    },
  },
  {
    id: "queues",
    title: "Queues",
    run: (probes) => {
      const full = probes.queues().filter(({ depth, depthMax }) => depth >= depthMax * 0.8)
      const detail = full.map(({ name, depth, depthMax }) => `${name} ${depth} of ${depthMax}`).join(", ")
      return {
        ok: full.length === 0,
        detail: full.length === 0 ? "short" : detail,
        remedy: "see `mesg execution list --status running`: something does not finish",
      }
    },
  },
]

/**
 * Runs every check; a probe that fails or hangs is itself a finding.
 * @param about `security`: what there is to attack, with the provisions of standards that each check looks after
 */
export async function examine(probes: DoctorProbes, about: "health" | "security"): Promise<DoctorReport> {
  const wanted = about === "security" ? SECURITY_CHECKS : CHECKS
  const examined = await Promise.all(wanted.map((check) => examineOne(check, probes)))
  const checks = about === "security" ? examined : examined.map((check) => ({ ...check, standards: [] }))
  return { ok: checks.every(({ ok }) => ok), checks }
}

async function examineOne(check: Check, probes: DoctorProbes): Promise<DoctorCheck> {
  const { id, title, standards = [] } = check
  const late = Promise.withResolvers<Finding>()
  const timer = setTimeout(() => {
    late.resolve({ ok: false, detail: `no answer in ${DOCTOR_PROBE_TIMEOUT_MS / 1000} s`, remedy: "see `mesg logs`" })
  }, DOCTOR_PROBE_TIMEOUT_MS)
  try {
    const { ok, detail, remedy } = await Promise.race([check.run(probes), late.promise])
    return { id, ok, title, detail, remedy: ok ? null : (remedy ?? null), standards }
  } catch (error) {
    return {
      id,
      ok: false,
      title,
      detail: `cannot be checked: ${messageOf(error)}`,
      remedy: "see `mesg logs`",
      standards,
    }
  } finally {
    clearTimeout(timer)
  }
}
