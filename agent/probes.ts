import { stat, statfs } from "node:fs/promises"
import { freemem, totalmem } from "node:os"
import { join } from "node:path"
import type { DoctorProbes } from "./api/doctor/check.ts"
import type { Tokens } from "./api/http/tokens.ts"
import { EXECUTIONS_WAITING_MAX } from "./base/limits.ts"
import type { Engine } from "./engine/engine.ts"
import { copyTime, listCopies } from "./io/store/copies.ts"
import { storeFiles } from "./io/store/files.ts"
import type { Clock } from "./ports/clock.ts"
import { readNotice } from "./io/store/notice.ts"
import type { Store } from "./ports/store.ts"
import type { Config } from "./schema/config.ts"

export interface ProbeParts {
  readonly home: string
  readonly config: Config
  readonly store: Store
  readonly clock: Clock
  readonly engine: Engine
  readonly tokens: Tokens
  listeners(): ReturnType<DoctorProbes["listeners"]>
}

/** Node.js that this agent was made for, major version. */
const NODE_WANTED = "26"

/** What `mesg doctor` looks at, on the real machine. */
export function machineProbes({ home, config, store, clock, engine, tokens, listeners }: ProbeParts): DoctorProbes {
  let failure: string | null = null
  store.failed.then(
    (error) => {
      failure = error.message
    },
    (error) => {
      failure = String(error)
    },
  )
  return {
    config,
    home,
    nodeVersion: process.versions.node,
    nodeVersionWanted: NODE_WANTED,
    async disk() {
      const { bavail, blocks, bsize } = await statfs(home)
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
    },
    store: () => store.usage(),
    storeFailure: () => failure,
    storeRecovery: () => readNotice(storeFiles(join(home, "data"))),
    clocks: () => ({ wallMs: clock.wall(), nowMs: clock.now() }),
    uptimeMs: () => process.uptime() * 1000,
    memory: () => ({ rssBytes: process.memoryUsage.rss(), freeBytes: freemem(), totalBytes: totalmem() }),
    listeners,
    async mode(path) {
      try {
        return (await stat(join(home, path))).mode & 0o777
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return null
        throw error
      }
    },
    services: () => engine.services.list({ limit: 1000 }).items,
    safe: () => engine.isSafe(),
    lostSecrets: () => [
      ...engine.services
        .list({ limit: 1000 })
        .items.flatMap(({ id, lostSecrets }) => lostSecrets.map((name) => `service ${id}: ${name}`)),
      ...engine.applications
        .list({ limit: 1000 })
        .items.flatMap((app) => app.lostSecrets.map((name) => `application ${app.name}: ${name}`)),
    ],
    applications: () => engine.applications.list({ limit: 1000 }).items,
    queues() {
      const { running, waiting } = engine.executions.counts()
      const { queued } = engine.load()
      return [
        { name: "executions running", depth: running, depthMax: config.executions.maxActive },
        { name: "executions waiting", depth: waiting, depthMax: EXECUTIONS_WAITING_MAX },
        { name: "tasks waiting for a slot", depth: queued, depthMax: config.executions.maxActive },
      ]
    },
    newestCopyMs() {
      const [newest] = listCopies(storeFiles(join(home, "data")))
      return newest === undefined ? null : copyTime(newest)
    },
    tokens: () => tokens.list(),
    isRoot: () => process.getuid?.() === 0,
    claimed: () => config.mqtt.anonymous === "never",
  }
}
