import type { ManifestInput } from "../../agent/schema/manifest.ts"
import { ManifestSchema, type Manifest } from "../../agent/schema/manifest.ts"
import * as v from "valibot"
import { createEngine, type Engine } from "../../agent/engine/engine.ts"
import { JsonataExpressions } from "../../agent/io/expressions/expressions.ts"
import { seededRandom } from "../../agent/base/random.ts"
import type { Expressions } from "../../agent/ports/expressions.ts"
import type { Metrics } from "../../agent/ports/metrics.ts"
import type { Store } from "../../agent/ports/store.ts"
import type {
  RecoverAnswer,
  RunningService,
  ServiceBridge,
  ServiceHost,
  ServiceSpec,
  TaskAnswer,
  TaskCall,
} from "../../agent/ports/service-host.ts"
import { FakeBroker } from "./fake-broker.ts"
import { FakeClock } from "./fake-clock.ts"
import { KeptLog } from "./kept-log.ts"
import { MemoryStore } from "./memory-store.ts"

/** A service of a test: its manifest and what its tasks do. */
export interface TestService {
  readonly manifest: ManifestInput
  /** At each start, before it is said to run. */
  start?(bridge: ServiceBridge): void | Promise<void>
  execute?(call: TaskCall, signal: AbortSignal): Promise<TaskAnswer> | TaskAnswer
  recover?(call: TaskCall): RecoverAnswer
  /** Before a run is over. */
  stop?(): Promise<void>
}

export interface TestEngine {
  readonly engine: Engine
  readonly store: Store
  readonly clock: FakeClock
  readonly broker: FakeBroker
  /** Set when the engine said that nothing may be trusted any more. */
  readonly broken: Error[]
  readonly log: KeptLog
  /** What a service of this engine emits through. */
  bridge(service: string): ServiceBridge
  /** Lets everything that is due now happen, until nothing moves any more. */
  settle(): Promise<void>
  /** Lets time pass; after each timer everything settles before the next one rings. */
  pass(ms: number): Promise<void>
  stop(): Promise<void>
}

export interface TestEngineOptions {
  readonly store?: Store
  readonly clock?: FakeClock
  readonly seed?: number
  readonly maxActive?: number
  /** Services that may be added: their folder is their id. */
  readonly addable?: readonly TestService[]
  /** JSONata by default. */
  readonly expressions?: Expressions
  readonly start?: boolean
  /** Whether the run before ended without order. */
  readonly afterCrash?: boolean
}

const jsonata = new JsonataExpressions()

export function manifestOf(input: ManifestInput): Manifest {
  return v.parse(ManifestSchema, input)
}

/** An engine on fakes: store in memory, a clock that stands still, services that are functions. Deterministic by seed. */
export async function testEngine(
  services: readonly TestService[],
  options: TestEngineOptions = {},
): Promise<TestEngine> {
  const store = options.store ?? new MemoryStore()
  const clock = options.clock ?? new FakeClock()
  const broker = new FakeBroker()
  const broken: Error[] = []
  const log = new KeptLog()
  const bridges = new Map<string, ServiceBridge>()
  const random = seededRandom(options.seed ?? 1)
  const engine = createEngine(
    {
      store,
      clock,
      broker,
      expressions: options.expressions ?? jsonata,
      random: { bytes: (length) => random.bytes(length) },
      keys: {
        nodeKey: "ab".repeat(32),
        sign: () => new Uint8Array(64),
        seal: (plain) => plain,
        open: (sealed) => sealed,
      },
      log,
      metrics: silentMetrics,
      host: hostOf([...services, ...(options.addable ?? [])], bridges),
      sources: { open: async (folder) => ({ folder, close: async () => {} }) },
      shelf: { put: async (folder) => folder, folderOf: (name) => name, remove: async () => {} },
    },
    {
      builtInServices: services.map(({ manifest }) => manifest.id),
      maxActive: options.maxActive ?? 1000,
      keepMs: 86_400_000,
      onBroken: (error) => broken.push(error),
    },
  )
  if (options.start ?? true) await engine.start({ afterCrash: options.afterCrash ?? false })
  return {
    engine,
    store,
    clock,
    broker,
    broken,
    log,
    bridge: (service) => bridges.get(service)!,
    settle,
    pass: (ms) => pass(clock, ms),
    stop: () => engine.stop(),
  }
}

/** Promises settle in microtasks; JSONata's thread and abort signals need turns of the event loop. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

async function pass(clock: FakeClock, ms: number): Promise<void> {
  const endMs = clock.now() + ms
  await settle()
  for (let next = clock.next(); next !== null && next <= endMs; next = clock.next()) {
    clock.advance(Math.max(0, next - clock.now()))
    await settle()
  }
  clock.advance(endMs - clock.now())
}

function hostOf(services: readonly TestService[], bridges: Map<string, ServiceBridge>): ServiceHost {
  const find = (id: string) => services.find(({ manifest }) => manifest.id === id)!
  return {
    manifestOf: async (folder) => manifestOf(find(folder).manifest),
    async run(spec: ServiceSpec, bridge: ServiceBridge): Promise<RunningService> {
      const service = find(spec.manifest.id)
      bridges.set(spec.manifest.id, bridge)
      await service.start?.(bridge)
      return {
        execute: (call, { signal }) => service.execute?.(call, signal) ?? { kind: "result", status: "ok", data: {} },
        recover: async (call) => service.recover?.(call) ?? { kind: "unknown" },
        verify: async () => null,
        stop: async () => service.stop?.(),
        memory: () => null,
      }
    },
  }
}

const silentMetrics: Metrics = { count: () => {}, gauge: () => {}, observe: () => {}, text: async () => "" }
