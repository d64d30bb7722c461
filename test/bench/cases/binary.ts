import { type ChildProcess, execFileSync } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { startAgent, type TestAgent, type TestAgentOptions } from "../../support/agent.ts"
import { builtBinary } from "../../support/binary.ts"
import { ROOT } from "../../support/sources.ts"
import type { Bench } from "../bench.ts"
import type { Bound } from "../figure.ts"
import { nodeRed, nodeRedFolder } from "../peers/node-red.ts"
import { cpuSeconds, endProcess, residentBytes, SETTLED_MS, Subject } from "../program.ts"
import { interleaved, median, medianRatio } from "../rounds.ts"
import { wholeWayFlow, wholeWayOf, wholeWayOfNodeRed } from "./whole-way.ts"

const MB = 1e6
const SOURCES = "node agent/main.ts"
const NO_FLAGS = `${SOURCES}, without our V8 flags`
const RED = "Node-RED"
type Program = "binary" | typeof SOURCES | typeof NO_FLAGS | typeof RED

/** What agent/launch.ts says to V8 goes nowhere. */
const FLAGS_IGNORED = `data:text/javascript,import v8 from "node:v8"
import { syncBuiltinESMExports } from "node:module"
v8.setFlagsFromString = () => {}
syncBuiltinESMExports()`

interface Start {
  readonly readyMs: number
  readonly cpuMs: number
  readonly bytes: number
}

/** The single file as a gateway has it, beside the same agent from its sources and beside Node-RED. */
export async function benchBinary(bench: Bench): Promise<void> {
  // Copied, as an installer does: of a file that was just built the kernel maps larger pieces, which count 40 MB more.
  const file = join(bench.folder, "mesg")
  copyFileSync(builtBinary(process.arch as "x64" | "arm64"), file)
  reportSizes(bench, file)
  const agents = {
    binary: { command: [file], env: { XDG_CACHE_HOME: join(bench.folder, "cache") } },
    [SOURCES]: {},
    [NO_FLAGS]: { nodeFlags: ["--import", encodeURI(FLAGS_IGNORED)] },
  }
  const start = (name: keyof typeof agents) => {
    const home = join(bench.folder, name.replaceAll(/\W+/g, "-"))
    mkdirSync(home, { recursive: true })
    return startAgent({ ...(agents[name] satisfies TestAgentOptions), home, sets: ["log.level=warn"] })
  }
  const names = Object.keys(agents) as (keyof typeof agents)[]
  // The first start unpacks and compiles.
  for (const name of names) await (await start(name)).stop()
  await reportStarts(bench, names, start)
  await reportThroughput(bench, names, start)
}

type StartAgent<Name> = (name: Name) => Promise<TestAgent>
type Agents = Exclude<Program, typeof RED>

function reportSizes(bench: Bench, file: string): void {
  const files: Partial<Record<Program, readonly string[]>> = { binary: [file], [SOURCES]: sourcePaths() }
  const red = nodeRedFolder(bench)
  if (red !== null) files[RED] = [process.execPath, join(red, "node_modules")]
  const all = Object.entries(files) as [Program, readonly string[]][]
  const measured = (of: (paths: readonly string[]) => number) =>
    Object.fromEntries(all.map(([name, paths]) => [name, [of(paths) / MB]]))
  report(bench, "on the disk", "MB", measured(diskBytes), [{ of: "value", atMost: 125 }])
  report(
    bench,
    "packed by gzip",
    "MB",
    measured((paths) => packedBytes("gzip", paths)),
  )
  bench.report({
    name: "the binary: packed by xz -9, as it is downloaded",
    value: packedBytes("xz -9 -T2", [file]) / MB,
    unit: "MB",
    gate: [{ of: "value", atMost: 32 }],
  })
}

async function reportStarts(bench: Bench, names: readonly Agents[], start: StartAgent<Agents>): Promise<void> {
  const broker = await Subject.start("aedes")
  bench.after(() => broker.stop())
  const measured = async (program: { process: ChildProcess; readyMs: number } | null): Promise<Start | null> => {
    if (program === null) return null
    const { process, readyMs } = program
    const cpuMs = cpuSeconds(process.pid!) * 1000
    await setTimeout(SETTLED_MS)
    const bytes = residentBytes(process.pid!)
    await endProcess(process)
    return { readyMs, cpuMs, bytes }
  }
  const rounds = await interleaved<Program, Start | null>({
    ...byName(names, (name) => async () => measured(await start(name))),
    [RED]: async () => measured(await nodeRed(bench, "starts", wholeWayFlow(broker.greeting as number))),
  })
  const of = (one: (start: Start) => number) => mapped(rounds, one)
  const quick: Bound[] = [{ of: "value", atMost: 700 }]
  report(
    bench,
    "ready after start",
    "ms",
    of(({ readyMs }) => readyMs),
    quick,
    [{ of: "value", atMost: 500 }],
  )
  report(
    bench,
    "processor until ready",
    "CPU-ms",
    of(({ cpuMs }) => cpuMs),
  )
  const small: Bound[] = [{ of: "value", atMost: 110 }]
  report(
    bench,
    "resident memory, idle",
    "MB",
    of(({ bytes }) => bytes / MB),
    small,
    [{ of: "value", atMost: 80 }],
  )
}

async function reportThroughput(bench: Bench, names: readonly Agents[], start: StartAgent<Agents>): Promise<void> {
  const runs = {} as Record<Program, () => Promise<number | null>>
  for (const name of names) {
    const agent = await start(name)
    bench.after(() => agent.kill())
    const run = await wholeWayOf(agent)
    runs[name] = async () => {
      const { messages, cpuSeconds: used } = await run()
      return messages / used
    }
  }
  const red = await wholeWayOfNodeRed(bench)
  runs[RED] = async () => (red === null ? null : red())
  const rounds = mapped(await interleaved(runs), Number)
  const atLeast = (gate: number): Bound[] => [{ of: "ratio", atLeast: gate }]
  const { [RED]: theirs, ...ours } = rounds
  const what = "whole way, durable"
  report(bench, what, "msg/CPU-s", ours, atLeast(0.95), atLeast(1))
  if (theirs !== undefined)
    report(bench, what, "msg/CPU-s", { binary: ours.binary!, [RED]: theirs }, atLeast(0.5), atLeast(1))
}

/** A line for each that the binary was measured beside. */
function report(
  bench: Bench,
  what: string,
  unit: string,
  { binary, ...others }: Partial<Record<Program, readonly number[]>>,
  gate: readonly Bound[] = [],
  aim: readonly Bound[] = [],
): void {
  for (const [name, theirs] of Object.entries(others)) {
    bench.report({
      name: `the binary: ${what}`,
      value: median(binary!),
      unit,
      against: { kind: "peer", name, value: median(theirs) },
      ratio: medianRatio(binary!, theirs, Number),
      gate,
      aim,
    })
  }
}

/** What a gateway would need instead of the binary: Node, the sources, and the packages that they run on. */
function sourcePaths(): string[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean }>
  }
  const shipped = Object.keys(packages).filter(
    (path) => /^node_modules\/(?:@[^/]+\/)?[^/]+$/.test(path) && !packages[path]!.dev,
  )
  return ["package.json", "agent", "plugins", ...shipped]
    .map((path) => join(ROOT, path))
    .filter((path) => existsSync(path))
}

function diskBytes(paths: readonly string[]): number {
  if (paths.length === 1) return statSync(paths[0]!).size
  const sums = execFileSync("du", ["-sb", ...paths], { encoding: "utf8" })
  return sums.split("\n").reduce((sum, line) => sum + Number(line.split("\t")[0]), 0)
}

function packedBytes(packer: string, paths: readonly string[]): number {
  const script = `tar -cPf - "$@" | ${packer} | wc -c`
  return Number(execFileSync("sh", ["-c", script, "sh", ...paths], { encoding: "utf8" }))
}

function byName<Name extends string, Value>(names: readonly Name[], of: (name: Name) => Value) {
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Record<Name, Value>
}

/** Without a program that is not here. */
function mapped<Sample>(rounds: Record<Program, (Sample | null)[]>, of: (sample: Sample) => number) {
  const there = Object.entries(rounds).filter(([, samples]) => !samples.includes(null))
  return Object.fromEntries(there.map(([name, samples]) => [name, (samples as Sample[]).map(of)])) as Partial<
    Record<Program, number[]>
  >
}
