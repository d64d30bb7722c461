import type { Application } from "../schema/application.ts"
import { ApplicationBook } from "./applications/applications.ts"
import { ApplicationCalls } from "./applications/call.ts"
import { withRun } from "./applications/run.ts"
import type { Core } from "./core.ts"
import { Demand } from "./events/demand.ts"
import { EventInbox } from "./events/events.ts"
import { coverSecrets } from "./executions/attempt.ts"
import { ExecutionBook, type ExecutionOptions } from "./executions/executions.ts"
import { Pruner } from "./executions/prune.ts"
import { restoreExecutions, resumeExecutions } from "./executions/recovery.ts"
import { FeedLog } from "./feed.ts"
import { feedOverMqtt } from "./feed-over-mqtt.ts"
import { ServiceBook, type ServicePorts } from "./services/services.ts"
import { Tasks } from "./tasks/tasks.ts"
import { Veils } from "./veils.ts"

export interface EngineOptions extends ExecutionOptions {
  /** Folders of the services that ship with the agent. */
  readonly builtInServices: readonly string[]
  /** How long an ended execution is kept, ms. */
  readonly keepMs: number
}

export interface StartOptions {
  /** Neither services nor applications. */
  readonly safe?: boolean
  /** The last run did not stop in order. */
  readonly afterCrash?: boolean
  /** Hears what the start is at. */
  progress?(doing: string): void
}

/** The engine: all that drives core through ports. */
export interface Engine extends Core {
  /** Takes up where the home was left. Resolves when services run and every unfinished execution goes on. */
  start(options?: StartOptions): Promise<void>
  stop(): Promise<void>
  /** Tasks that wait for a slot, and that run. */
  load(): { queued: number; running: number }
  /** It was started in safe mode. */
  isSafe(): boolean
}

export function createEngine(ports: ServicePorts, options: EngineOptions): Engine {
  const feed = new FeedLog()
  const demand = new Demand()
  const veils = new Veils()
  const services = new ServiceBook(ports, feed, demand, veils)
  const tasks: Tasks = new Tasks(ports.clock, {
    service: (id, stop) => services.running(id, stop),
    application: (name, call, signal) => calls.call(name, call, signal),
    wasStopped: (id, run) => services.wasStopped(id, run),
    isRemote: (id) => services.isRemote(id),
  })
  const catalogue = {
    manifest: (id: string) => services.manifest(id),
    application: (name: string): Application | undefined => applications.document(name),
    isRemote: (id: string) => services.isRemote(id),
  }
  const applications: ApplicationBook = new ApplicationBook(
    ports,
    feed,
    () => catalogue,
    () => retarget(),
  )
  const executions = new ExecutionBook(ports, tasks, applications, feed, veils, options)
  const inbox: EventInbox = new EventInbox(ports, services, applications, executions, feed, veils)
  const calls: ApplicationCalls = new ApplicationCalls(ports, applications, executions, inbox.dedupe)
  const pruner = new Pruner({ ports, executions, applications, dedupe: inbox.dedupe, keepMs: options.keepMs })
  services.connect(inbox, executions, tasks, applications)
  /** What events lead to has changed: another application, another version, paused or not. */
  const retarget = () => {
    inbox.retarget()
    const running = [...executions.runner.active.values()].map(({ pinned }) => pinned)
    demand.rebuild([...applications.triggers(), ...new Set(running)].map(({ definition }) => definition))
  }
  let stopFeed = () => {}

  return {
    feed,
    services,
    executions,
    events: inbox,
    applications: withRun(applications, executions, ports),
    isSafe: () => executions.room.isClosed,
    load: () => ({ queued: tasks.queued(), running: tasks.running() }),
    async start({ safe = false, afterCrash = false, progress = () => {} } = {}) {
      progress("reads services, applications and executions")
      await services.load(options.builtInServices)
      await applications.load()
      inbox.load()
      const unfinished = restoreExecutions(executions)
      const pinned = new Set([...applications.deployed(), ...unfinished.map(({ live }) => live.pinned)])
      for (const workflow of pinned) coverSecrets(workflow, veils)
      if (safe) {
        // Nobody takes events: publishers wait, and lose nothing. Others are told.
        ports.broker.hold(true)
        executions.room.close()
        ports.log.warn("safe mode: no services, no applications, and publishers wait")
        return
      }
      if (afterCrash) executions.runner.beCareful()
      retarget()
      inbox.start()
      stopFeed = feedOverMqtt(feed, ports)
      progress("starts services")
      await services.start()
      applications.warnOfMissing()
      progress(`takes up ${unfinished.length} executions`)
      resumeExecutions(ports, executions, tasks, unfinished)
      pruner.start()
    },
    async stop() {
      // Publishers wait from here on: once nobody takes events any more the broker would acknowledge them for nothing.
      ports.broker.hold(true)
      stopFeed()
      inbox.stop()
      executions.runner.stop()
      tasks.stop()
      // Now that a refusal breaks nothing any more: what the parts below still write does not hold the stop.
      ports.store.endWaiting()
      await pruner.stop()
      await services.stop()
    },
  }
}
