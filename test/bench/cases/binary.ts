import { type ChildProcess, execFileSync } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import type { Arch } from "../../../packaging/binary/materials.ts"
import { startAgent, type TestAgentOptions } from "../../support/agent.ts"
import { builtBinary } from "../../support/binary.ts"
import { ROOT } from "../../support/sources.ts"
import type { Bench } from "../bench.ts"
import { type Figure, upTo } from "../figure.ts"
import { nodeRed, nodeRedFolder } from "../peers/node-red.ts"
import { cpuSeconds, endProcess, residentBytes, SETTLED_MS, Subject } from "../program.ts"
import { interleaved, median, medianRatio } from "../rounds.ts"
import { confinedBytes } from "./agent.ts"
import { wholeWayFlow, wholeWayOf, wholeWayOfNodeRed } from "./whole-way.ts"

const MB = 1e6
const OURS = "the binary"
const SOURCES = "node agent/main.ts"
const RED = "Node-RED"

/** What agent/launch.ts says to V8 goes nowhere. */
const FLAGS_IGNORED = `data:text/javascript,import v8 from "node:v8"
import { syncBuiltinESMExports } from "node:module"
v8.setFlagsFromString = () => {}
syncBuiltinESMExports()`

interface Program {
  readonly name: string
  /** What of it a gateway must have; none where another one has the same. */
  readonly files: readonly string[]
  start(): Promise<{ readonly process: ChildProcess; readonly readyMs: number }>
  /** A life of it, made warm. */
  live(): Promise<Life>
}

interface Life {
  /** @returns messages per CPU second of the whole way */
  run(): Promise<number>
  end(): Promise<void>
}

/** Rounds of one life share whatever is particular to it. */
const LIVES = 3
const ROUNDS_OF_A_LIFE = 3

/** The single file as a gateway has it, beside the same agent from its sources and beside Node-RED. */
export async function benchBinary(bench: Bench): Promise<void> {
  // Both copied, as an installer does: the kernel maps a file that was just built, or read otherwise, in larger pieces,
  // which count up to 40 MB more and run faster.
  const file = join(bench.folder, "mesg")
  copyFileSync(builtBinary(process.arch as Arch), file)
  // Each has a Node of its own: none finds in a cache what another one has just used.
  const [command, withoutFlags] = ["node", "node-without-flags"].map((name) => {
    copyFileSync(process.execPath, join(bench.folder, name))
    return [join(bench.folder, name), join(ROOT, "agent/main.ts")]
  }) as [string[], string[]]
  const env = { XDG_CACHE_HOME: join(bench.folder, "cache") }
  const nodeFlags = ["--import", encodeURI(FLAGS_IGNORED)]
  const programs = [
    agentProgram(bench, OURS, [file], { command: [file], env }),
    agentProgram(bench, SOURCES, sourcePaths(), { command }),
    agentProgram(bench, `${SOURCES}, without our V8 flags`, [], { command: withoutFlags, nodeFlags }),
    ...(await nodeRedProgram(bench)),
  ]
  reportSizes(bench, file, programs)
  await reportStarts(bench, programs)
  await reportConfined(bench, { command: [file], env })
  await reportWholeWay(bench, programs)
}

function agentProgram(bench: Bench, name: string, files: readonly string[], options: TestAgentOptions): Program {
  const start = (home: string) => {
    const folder = join(bench.folder, `${name} ${home}`.replaceAll(/\W+/g, "-"))
    mkdirSync(folder, { recursive: true })
    return startAgent({ ...options, home: folder, sets: ["log.level=warn"] })
  }
  let lives = 0
  return {
    name,
    files,
    start: () => start("home"),
    async live() {
      const agent = await start(`life ${++lives}`)
      bench.after(() => agent.kill())
      const run = await wholeWayOf(agent)
      return {
        async run() {
          const { messages, cpuSeconds: used } = await run()
          return messages / used
        },
        end: () => agent.kill(),
      }
    },
  }
}

/** @returns none where it cannot be installed */
async function nodeRedProgram(bench: Bench): Promise<Program[]> {
  const folder = nodeRedFolder(bench)
  if (folder === null) return []
  const broker = await Subject.start("aedes")
  bench.after(() => broker.stop())
  // It lives on from life to life.
  let run: (() => Promise<number>) | undefined
  return [
    {
      name: RED,
      files: [process.execPath, join(folder, "node_modules")],
      start: async () => (await nodeRed(bench, "starts", wholeWayFlow(broker.greeting as number)))!,
      async live() {
        run ??= (await wholeWayOfNodeRed(bench))!
        return { run, end: async () => {} }
      },
    },
  ]
}

function reportSizes(bench: Bench, file: string, programs: readonly Program[]): void {
  const measured = (of: (paths: readonly string[]) => number) => {
    const present = programs.filter(({ files }) => files.length > 0)
    return Object.fromEntries(present.map(({ name, files }) => [name, [of(files) / MB]]))
  }
  report(bench, { name: "on the disk", unit: "MB", gate: [upTo(125)] }, measured(diskBytes))
  const packed = measured((paths) => packedBytes("gzip", paths))
  report(bench, { name: "packed by gzip", unit: "MB" }, packed)
  bench.report({
    name: `${OURS}: packed by xz -9, as it is downloaded`,
    value: packedBytes("xz -9", [file]) / MB,
    unit: "MB",
    gate: [upTo(32)],
  })
}

async function reportStarts(bench: Bench, programs: readonly Program[]): Promise<void> {
  const started = async ({ start }: Program) => {
    const { process, readyMs } = await start()
    const cpuMs = cpuSeconds(process.pid!) * 1000
    await setTimeout(SETTLED_MS)
    const bytes = residentBytes(process.pid!)
    await endProcess(process)
    return { readyMs, cpuMs, bytes }
  }
  // The first start unpacks and compiles.
  for (const program of programs) await started(program)
  const rounds = await interleaved(byName(programs, (program) => () => started(program)))
  const of = (value: (start: Awaited<ReturnType<typeof started>>) => number) =>
    Object.fromEntries(Object.entries(rounds).map(([name, samples]) => [name, samples.map(value)]))
  const ready = of(({ readyMs }) => readyMs)
  report(bench, { name: "ready after start", unit: "ms", gate: [upTo(700)], aim: [upTo(500)] }, ready)
  const busy = of(({ cpuMs }) => cpuMs)
  report(bench, { name: "processor until ready", unit: "CPU-ms" }, busy)
  const resident = of(({ bytes }) => bytes / MB)
  report(bench, { name: "resident memory, idle", unit: "MB", gate: [upTo(110)], aim: [upTo(80)] }, resident)
}

/** In a child of the binary. */
async function reportConfined(bench: Bench, options: TestAgentOptions): Promise<void> {
  const home = join(bench.folder, "home-of-confined")
  mkdirSync(home)
  const agent = await startAgent({ ...options, home, sets: ["log.level=warn"] })
  bench.after(() => agent.kill())
  const bytes = await confinedBytes(bench, agent)
  await agent.stop()
  bench.report({ name: `${OURS}: a confined service, resident`, value: bytes / MB, unit: "MB", gate: [upTo(50)] })
}

/** Gates beside the same agent with the same flags, and beside Node-RED; flags that a start alone has change nothing here. */
async function reportWholeWay(bench: Bench, programs: readonly Program[]): Promise<void> {
  const rounds = byName(programs, (): number[] => [])
  for (let nth = 0; nth < LIVES; nth++) {
    const lives: Record<string, Life> = {}
    for (const program of programs) lives[program.name] = await program.live()
    const runs = byName(programs, ({ name }) => lives[name]!.run)
    // Who was made warm first has stood still since.
    await interleaved(runs, 1)
    const samples = await interleaved(runs, ROUNDS_OF_A_LIFE)
    for (const { name } of programs) rounds[name]!.push(...samples[name]!)
    for (const { end } of Object.values(lives)) await end()
  }
  const gates: Readonly<Record<string, number>> = { [SOURCES]: 0.9, [RED]: 0.5 }
  for (const [name, theirs] of Object.entries(rounds)) {
    const atLeast = gates[name]
    const bounds: Pick<Figure, "gate" | "aim"> =
      atLeast === undefined ? {} : { gate: [{ of: "ratio", atLeast }], aim: [{ of: "ratio", atLeast: 1 }] }
    const pair = { [OURS]: rounds[OURS]!, [name]: theirs }
    report(bench, { name: "whole way, durable", unit: "msg/CPU-s", ...bounds }, pair)
  }
}

/** A line for each that the binary was measured beside. */
function report(
  bench: Bench,
  { name, ...figure }: Omit<Figure, "value">,
  { [OURS]: ours = [], ...others }: Readonly<Record<string, readonly number[]>>,
): void {
  for (const [peer, theirs] of Object.entries(others)) {
    bench.report({
      ...figure,
      name: `${OURS}: ${name}`,
      value: median(ours),
      against: { kind: "peer", name: peer, value: median(theirs) },
      ratio: medianRatio(ours, theirs, Number),
    })
  }
}

/** What a gateway would need instead of the binary: Node, the sources, and the packages that they run on. */
function sourcePaths(): string[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean }>
  }
  const isTop = (path: string) => /^node_modules\/(?:@[^/]+\/)?[^/]+$/.test(path)
  const shipped = Object.keys(packages).filter((path) => isTop(path) && !packages[path]!.dev)
  const paths = ["package.json", "agent", "plugins", ...shipped].map((path) => join(ROOT, path))
  return paths.filter((path) => existsSync(path))
}

function diskBytes(paths: readonly string[]): number {
  const sums = execFileSync("du", ["-sbc", ...paths], { encoding: "utf8" })
  return Number(/^(\d+)\ttotal$/m.exec(sums)![1])
}

function packedBytes(packer: string, paths: readonly string[]): number {
  const script = `tar -cPf - "$@" | ${packer} | wc -c`
  return Number(execFileSync("sh", ["-c", script, "sh", ...paths], { encoding: "utf8" }))
}

function byName<Value>(programs: readonly Program[], of: (program: Program) => Value): Record<string, Value> {
  return Object.fromEntries(programs.map((program) => [program.name, of(program)]))
}
