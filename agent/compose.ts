import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { messageOf } from "./base/errors.ts"
import { WATCHDOG_STALL_MS } from "./base/limits.ts"
import { examine } from "./api/doctor.ts"
import { createHttpServer } from "./api/http/server.ts"
import { principalName, Tokens } from "./api/http/tokens.ts"
import { createLogTail } from "./api/log-tail.ts"
import { mqttLogin } from "./api/mqtt-login.ts"
import { removeRunFiles, writeRunFiles } from "./api/run-files.ts"
import { createEngine } from "./engine/engine.ts"
import { createBroker } from "./io/broker/broker.ts"
import { SystemClock } from "./io/clock/clock.ts"
import { loadConfig } from "./io/config/config.ts"
import { isSystemService } from "./io/config/home.ts"
import { JsonataExpressions } from "./io/expressions/expressions.ts"
import { makeFolder } from "./io/folder.ts"
import { openKeys } from "./io/keys/keys.ts"
import { systemRandom } from "./io/keys/random.ts"
import { createLog, logFormatFor } from "./io/log/log.ts"
import { PrometheusMetrics } from "./io/metrics/metrics.ts"
import { serviceHost } from "./io/service-host/host.ts"
import { serviceShelf } from "./io/service-host/shelf.ts"
import { serviceSources } from "./io/service-source/sources.ts"
import type { NodeRed, NodeRedOptions } from "./io/node-red/node-red.ts"
import { notWritable } from "./io/store/error.ts"
import { LmdbStore } from "./io/store/store.ts"
import { startProgress, systemdNotify, watchdogMs } from "./io/systemd/notify.ts"
import { startWatchdog } from "./io/watchdog/watchdog.ts"
import { reach, startHeartbeat } from "./heartbeat.ts"
import { machineProbes } from "./probes.ts"
import { TABLE } from "./schema/tables.ts"
import type { Network, NetworkParts } from "./network.ts"
import type { Config } from "./schema/config.ts"

export interface AgentOptions {
  readonly home: string
  /** `mqtt.port=0`, … */
  readonly sets: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly version: string
  /** Starts with no services and no applications, so that a broken one can be taken out. */
  readonly safe?: boolean
}

export interface RunningAgent {
  /** What is really bound. */
  readonly addresses: { readonly mqtt: string; readonly http: string }
  /** Resolves with the exit code once the agent has stopped. */
  readonly stopped: Promise<number>
  /** Stops in order. */
  stop(): void
}

const BUILT_IN_SERVICES = fileURLToPath(new URL("../plugins/", import.meta.url))
const MIB = 1048576
const DAY_MS = 86_400_000

/**
 * The agent, put together: configuration in, ports filled, everything started in order, and stopped in the reverse.
 * @throws MesgError of the part that could not start; what had started is stopped again
 */
export async function startAgent({ home, sets, env, version, safe = false }: AgentOptions): Promise<RunningAgent> {
  const configuration = loadConfig({ home, env, sets })
  const { config } = configuration
  const wall = () => Date.now()
  const format = logFormatFor(1, env, process.stdout.isTTY)
  const { log, tail } = createLogTail(createLog({ level: config.log.level, format }), config.log.level, wall)
  const stops: (() => Promise<void> | void)[] = []
  const stopAll = async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
  }
  try {
    const startedMs = wall()
    const access = isSystemService(home, env) ? OF_THE_GROUP : OF_THE_OWNER
    const notify = systemdNotify(env)
    const progress = startProgress(notify)
    progress("opens the store")
    makeRunFolder(home, access.folder)
    const store = new LmdbStore({
      dir: join(home, "data"),
      quotaBytes: config.store.quotaMb * MIB,
      copies: config.store.copies,
      log,
      progress,
    })
    stops.push(() => store.stop())
    const opened = await store.start()
    const clock = new SystemClock({ notBeforeMs: store.lastTimeMs() })
    stops.push(() => clock.stop())
    store.keepTime(clock)
    const keys = openKeys(join(home, "keys"))
    const metrics = new PrometheusMetrics()
    const expressions = new JsonataExpressions()
    stops.push(() => expressions.stop())
    const random = systemRandom
    const tokens = new Tokens({ store, clock, random })
    tokens.start()

    const { promise: stopped, resolve: ended } = Promise.withResolvers<number>()
    let stopping = false
    const end = (code: number) => {
      if (stopping) return
      stopping = true
      notify?.("STOPPING=1")
      stopAll().then(
        () => ended(code),
        (error) => {
          log.error("the agent could not stop in order", { error: messageOf(error) })
          ended(1)
        },
      )
    }
    /** Nothing in memory may be trusted any more: systemd starts the agent again, from what is durable. */
    const fatal = (error: unknown) => {
      log.error("the agent ends because of an error", { error })
      process.exit(1)
    }
    store.failed.then(fatal, fatal)

    const broker = createBroker({
      listen: config.listen,
      mqtt: config.mqtt,
      version,
      store,
      log,
      metrics,
      clock,
      authenticate: mqttLogin(tokens, config.mqtt),
      // The HTTP server has checked Host and Origin before it hands an upgrade over.
      allowOrigin: () => true,
    })
    stops.push(() => broker.stop())
    broker.open()
    tokens.onRevoked((token) => broker.recheck(principalName(token)))

    const host = serviceHost()
    process.on("uncaughtException", (error) => {
      if (!host.contain(error)) fatal(error)
    })
    const engine = createEngine(
      {
        clock,
        random,
        store,
        keys,
        expressions,
        log,
        metrics,
        broker,
        host,
        shelf: serviceShelf(join(home, "plugins")),
        sources: serviceSources({ dir: unpackedFolder(home), registry: config.services.registry }),
      },
      {
        builtInServices: builtInFolders(),
        maxActive: config.executions.maxActive,
        keepMs: config.executions.keepDays * DAY_MS,
        onBroken: fatal,
      },
    )
    let requestsEnded = Promise.resolve()
    stops.push(() => requestsEnded)
    stops.push(() => engine.stop())

    const nodeRed = config.nodeRed.run && !safe ? await nodeRedBeside({ home, config: config.nodeRed, env, log }) : null

    const network =
      config.network.enabled && !safe ? await networkOf({ home, config, store, keys, clock, random, log }) : null
    if (network !== null) stops.push(() => network.stop())
    const p2p = () => network?.status().addresses ?? []

    let addresses: { mqtt: string; http: string } | null = null
    let tls: string | null = null
    const listeners = () => ({ mqtt: addresses?.mqtt ?? null, mqttTls: tls, http: addresses?.http ?? null })
    const probes = machineProbes({ home, config, store, clock, engine, tokens, listeners })
    const http = createHttpServer({
      core: engine,
      config,
      configuration,
      tokens,
      store,
      clock,
      random,
      log,
      metrics,
      logTail: tail,
      agent: {
        version,
        nodeKey: keys.nodeKey,
        ready: () => addresses !== null,
        uptimeMs: () => wall() - startedMs,
        storeRecovery: probes.storeRecovery,
        addresses: () => ({ mqtt: addresses?.mqtt ?? null, http: addresses?.http ?? null, p2p: p2p() }),
      },
      doctor: (about) => examine(probes, about),
      backup: async (file, passphrase, signal) => {
        // Seldom needed: the packer is loaded for it.
        const { backupHome } = await import("./home-backup.ts")
        return backupHome(file, { home, store, version, nodeKey: keys.nodeKey, madeMs: wall(), passphrase, signal })
      },
      network,
      temporaryFolder: join(home, "run"),
      requestStop: () => end(0),
      brokerUpgrade: broker.websocket(),
    })
    stops.push(() => {
      requestsEnded = http.stop()
      // Requests that wait for room on a full disk are refused by the stop of the engine: it does not wait for them.
      return Promise.race([requestsEnded, store.whenFull()])
    })

    await engine.start({ safe, afterCrash: opened.crashed, progress })
    const bound = await broker.start()
    await http.start()
    await network?.resume()
    addresses = { mqtt: urlOf("mqtt", bound.mqtt), http: http.address()!.url }
    tls = bound.tls === null ? null : urlOf("mqtts", bound.tls)

    const watchdog = startWatchdog(WATCHDOG_STALL_MS)
    stops.push(() => watchdog.stop())
    const agent = {
      pid: process.pid,
      version,
      nodeKey: keys.nodeKey,
      ...addresses,
      p2p: p2p(),
      bound: {
        mqtt: placeOf(bound.mqtt),
        mqttTls: bound.tls === null ? null : placeOf(bound.tls),
        http: placeOf({ address: http.address()!.host, port: http.address()!.port }),
      },
      started: new Date(startedMs).toISOString(),
    }
    // Before anybody is told that we are here: who reads the run files may stop us at once.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => end(0))
    writeRunFiles(home, agent, tokens.runToken, access.file)
    stops.push(() => removeRunFiles(home))
    if (nodeRed !== null) {
      stops.push(() => nodeRed.stop())
      nodeRed.start()
    }
    const periodMs = watchdogMs(env, process.pid)
    if (notify !== null && periodMs !== null) {
      const { mqtt: mqttUrl, http: httpUrl } = addresses
      const look = async (signal: AbortSignal) => {
        store.get(TABLE.meta, ["format"])
        await Promise.all([reach(mqttUrl, signal), reach(httpUrl, signal)])
      }
      const heartbeat = startHeartbeat(notify, periodMs, look, log)
      stops.push(() => heartbeat.stop())
    }
    const isTold = notify?.("READY=1", `STATUS=${addresses.mqtt} ${addresses.http}`)
    if (isTold === false) log.warn("systemd was not told that the agent is ready")
    log.info("ready", { ...addresses, listen: config.listen, readyMs: wall() - startedMs })
    return { addresses, stopped, stop: () => end(0) }
  } catch (error) {
    await stopAll()
    throw error
  }
}

/** Few gateways run one: it is loaded for those. @throws NodeRedError where none can be run */
async function nodeRedBeside(options: NodeRedOptions): Promise<NodeRed> {
  const { NodeRed } = await import("./io/node-red/node-red.ts")
  return new NodeRed(options)
}

/** libp2p is loaded for those that talk to other Cores: it takes as much memory as the rest of the agent. */
async function networkOf({
  config,
  ...parts
}: Omit<NetworkParts, "listen" | "known"> & { config: Config }): Promise<Network> {
  const { Network } = await import("./network.ts")
  const { port, peers } = config.network
  return new Network({ ...parts, listen: { address: config.listen, port }, known: peers })
}

/** What the small files of a start take at most: locks, the address, the token. */
const START_BYTES = 65_536

/** Who may ask the running agent: its user alone; of a system service the people of its group too. */
const OF_THE_OWNER = { folder: 0o700, file: 0o600 }
const OF_THE_GROUP = { folder: 0o750, file: 0o640 }

/** @throws StoreError STORE_NOT_WRITABLE */
function makeRunFolder(home: string, mode: number): void {
  const folder = join(home, "run")
  try {
    makeFolder(folder)
    // Whatever an earlier agent or the umask made of it.
    chmodSync(folder, mode)
    // On a full disk nobody could find this agent: it says so now, before it has done anything.
    const probe = join(folder, ".probe")
    try {
      writeFileSync(probe, Buffer.alloc(START_BYTES))
    } finally {
      rmSync(probe, { force: true })
    }
    // What a run that was killed had unpacked.
    rmSync(unpackedFolder(home), { recursive: true, force: true })
  } catch (error) {
    throw notWritable(folder, error)
  }
  // What a backup that was cut has left.
  for (const name of readdirSync(folder)) {
    if (name.startsWith("backup-")) rmSync(join(folder, name), { recursive: true, force: true })
  }
}

function unpackedFolder(home: string): string {
  return join(home, "run", "unpacked")
}

function builtInFolders(): string[] {
  return readdirSync(BUILT_IN_SERVICES)
    .map((name) => join(BUILT_IN_SERVICES, name))
    .filter((folder) => existsSync(join(folder, "service.yml")))
}

function placeOf({ address, port }: { address: string; port: number }): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`
}

/** An address that means "all of them" is nothing one can go to. */
function urlOf(scheme: string, { address, port }: { address: string; port: number }): string {
  if (address === "0.0.0.0" || address === "::") return `${scheme}://127.0.0.1:${port}`
  return `${scheme}://${placeOf({ address, port })}`
}
