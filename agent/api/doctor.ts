import { DOCTOR_PROBE_TIMEOUT_MS } from "../base/limits.ts"
import { messageOf } from "../base/errors.ts"
import type { Config } from "../schema/config.ts"
import type { ServiceView } from "../engine/core.ts"
import type { DoctorCheck, DoctorReport } from "./deps.ts"

/** What the checks look at; main fills them from the real machine, tests with what they like. */
export interface DoctorProbes {
  readonly config: Config
  readonly home: string
  /** `process.versions.node` and the version that the agent was made for. */
  readonly nodeVersion: string
  readonly nodeVersionWanted: string
  disk(): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>
  store(): { readonly bytes: number; readonly quotaBytes: number }
  /** Null while it is healthy. */
  storeFailure(): string | null
  /** ms since epoch: the machine's wall clock and the agent's own, which never goes back. */
  clocks(): { readonly wallMs: number; readonly nowMs: number }
  memory(): { readonly rssBytes: number; readonly freeBytes: number; readonly totalBytes: number }
  /** Addresses that are really bound; null where that listener is not. */
  listeners(): { readonly mqtt: string | null; readonly mqttTls: string | null; readonly http: string | null }
  /** Permission bits of a path of the home, null where it is not there. @param path relative to the home */
  mode(path: string): Promise<number | null>
  services(): readonly ServiceView[]
  /** Work that waits, with the most that may. */
  queues(): readonly { readonly name: string; readonly depth: number; readonly depthMax: number }[]
  /** ms since epoch of the newest verified copy or backup, null where there is none. */
  newestCopyMs(): number | null
  /** Whether the node has an owner, so that anonymous clients are refused. */
  claimed(): boolean
}

type Finding = { readonly ok: boolean; readonly detail: string; readonly remedy?: string }
interface Check {
  readonly id: string
  readonly title: string
  run(probes: DoctorProbes): Finding | Promise<Finding>
}

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
      const ok = freeBytes >= Math.max(64 * MIB, quotaBytes - bytes)
      return {
        ok,
        detail: ok ? detail : `${detail}, but the store may still grow by ${mib(quotaBytes - bytes)}`,
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
    id: "copies",
    title: "Last copy",
    run: (probes) => {
      const newestMs = probes.newestCopyMs()
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
  {
    id: "exposure",
    title: "Network exposure",
    run: (probes) => {
      const { listen, mqtt } = probes.config
      const open = !isLoopback(listen)
      if (!open) return { ok: true, detail: "only this machine can connect" }
      const anonymous = mqtt.anonymous === "loopback" && !probes.claimed()
      return {
        ok: !anonymous && mqtt.tls !== undefined,
        detail: anonymous
          ? `${listen} is reachable from outside, and clients of this machine need no password`
          : `${listen} is reachable from outside${mqtt.tls === undefined ? ", without TLS" : ""}`,
        remedy: "set mqtt.tls, and mqtt.anonymous: never; or listen on 127.0.0.1",
      }
    },
  },
  {
    id: "permissions",
    title: "Permissions",
    run: async (probes) => {
      const wrong: string[] = []
      for (const [path, most] of PRIVATE_PATHS) {
        const mode = await probes.mode(path)
        if (mode !== null && (mode & ~most) !== 0) wrong.push(`${path} is ${mode.toString(8).padStart(4, "0")}`)
      }
      return {
        ok: wrong.length === 0,
        detail: wrong.length === 0 ? "keys and tokens are the agent's alone" : wrong.join(", "),
        remedy: `chmod -R go-rwx ${probes.home}/keys ${probes.home}/run/token`,
      }
    },
  },
  {
    id: "services",
    title: "Services",
    run: (probes) => {
      const services = probes.services()
      const failed = services.filter(({ state }) => state === "failed")
      const reasons = failed.map(({ id, error }) => `${id} (${error?.code ?? "failed"})`)
      return {
        ok: failed.length === 0,
        detail: failed.length === 0 ? `${services.length} installed` : `failed: ${reasons.join(", ")}`,
        remedy: "mesg service show <id>, then mesg service configure or remove",
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

/** The most that others may be allowed. `run/token` is 0640 where the agent is a service of its own group. */
const PRIVATE_PATHS: readonly (readonly [path: string, most: number])[] = [
  [".", 0o755],
  ["keys", 0o700],
  ["run/token", 0o640],
  ["data", 0o750],
]

/** Runs every check; a probe that fails or hangs is itself a finding. */
export async function examine(probes: DoctorProbes): Promise<DoctorReport> {
  const checks = await Promise.all(CHECKS.map((check) => examineOne(check, probes)))
  return { ok: checks.every(({ ok }) => ok), checks }
}

async function examineOne(check: Check, probes: DoctorProbes): Promise<DoctorCheck> {
  const { id, title } = check
  const late = Promise.withResolvers<Finding>()
  const timer = setTimeout(() => {
    late.resolve({ ok: false, detail: `no answer in ${DOCTOR_PROBE_TIMEOUT_MS / 1000} s`, remedy: "see `mesg logs`" })
  }, DOCTOR_PROBE_TIMEOUT_MS)
  try {
    const { ok, detail, remedy } = await Promise.race([check.run(probes), late.promise])
    return { id, ok, title, detail, remedy: ok ? null : (remedy ?? null) }
  } catch (error) {
    return { id, ok: false, title, detail: `cannot be checked: ${messageOf(error)}`, remedy: "see `mesg logs`" }
  } finally {
    clearTimeout(timer)
  }
}

function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`
}

function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || address.startsWith("127.")
}
