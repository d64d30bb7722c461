import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import type { SeededRandom } from "../../agent/base/random.ts"

const SECTOR = 512

/** One record of recorder.c. */
interface Step {
  readonly kind: string
  readonly file: number
  readonly offset: number
  readonly bytes: Buffer
}

/** A file as the device and the page cache know it. */
interface Inode {
  /** On the device for sure. */
  durable: Buffer
  /** In the cache: may be on the device, wholly, partly or not. In the order of the writes. */
  pending: { readonly step: number; readonly offset: number; readonly bytes: Buffer | null }[]
}

/** A change of a folder that is not synced yet. */
type NameChange = { readonly path: string; readonly inode: Inode | null }

/**
 * A recorded run, and the disk as it may be found after a cut of the power at any of its instants: what was synced is
 * there; of what was not, each write is dropped, kept or torn by sectors; changes of names not synced may be undone,
 * latest first.
 */
export class PowerTrace {
  readonly steps: readonly Step[]

  constructor(trace: Buffer) {
    this.steps = parse(trace)
  }

  /** Instants from the first mark on: before it nothing was promised. */
  get firstCut(): number {
    return this.steps.findIndex(({ kind }) => kind === "M") + 1
  }

  /** Lines that the traced program had marked before the cut. */
  marksBefore(cut: number): string[] {
    const marks = this.steps.slice(0, cut).filter(({ kind }) => kind === "M")
    return Buffer.concat(marks.map(({ bytes }) => bytes))
      .toString("latin1")
      .split("\n")
      .filter((line) => line !== "")
  }

  /** Writes the disk after a cut into `to`: each recorded path below `from` at the same place. */
  restore(cut: number, random: SeededRandom, from: string, to: string): void {
    const disk = new Disk()
    for (const [number, step] of this.steps.slice(0, cut).entries()) disk.apply(number, step)
    for (const [path, inode] of disk.namesAfterCut(random)) {
      const place = join(to, relative(from, path))
      mkdirSync(dirname(place), { recursive: true })
      writeFileSync(place, contentAfterCut(inode, random))
    }
  }
}

class Disk {
  readonly #byFile = new Map<number, Inode>()
  readonly #names = new Map<string, Inode>()
  readonly #durableNames = new Map<string, Inode>()
  #nameChanges: NameChange[][] = []

  apply(number: number, step: Step): void {
    const inode = this.#byFile.get(step.file)
    if (step.kind === "O") this.#byFile.set(step.file, this.#open(step.bytes.toString()))
    else if (step.kind === "W") inode!.pending.push({ step: number, offset: step.offset, bytes: step.bytes })
    else if (step.kind === "T") inode!.pending.push({ step: number, offset: step.offset, bytes: null })
    else if (step.kind === "S") settle(inode!, (write) => write.step < step.offset)
    else if (step.kind === "C") settle(inode!, (write) => write.step === step.offset)
    else if (step.kind === "R") this.#rename(step.bytes.toString().split("\0"))
    else if (step.kind === "U") this.#change([{ path: step.bytes.toString(), inode: null }])
    else if (step.kind === "F") this.#settleNames(step.bytes.toString())
  }

  namesAfterCut(random: SeededRandom): Map<string, Inode> {
    const names = new Map(this.#durableNames)
    for (const change of this.#nameChanges.slice(0, random.below(this.#nameChanges.length + 1))) put(names, change)
    return names
  }

  #open(path: string): Inode {
    const found = this.#names.get(path)
    if (found) return found
    const inode: Inode = { durable: Buffer.alloc(0), pending: [] }
    this.#change([{ path, inode }])
    return inode
  }

  #rename([from, to]: string[]): void {
    const inode = this.#names.get(from!)
    if (inode)
      this.#change([
        { path: from!, inode: null },
        { path: to!, inode },
      ])
  }

  /** One operation of the file system, all or nothing. */
  #change(change: NameChange[]): void {
    put(this.#names, change)
    this.#nameChanges.push(change)
  }

  #settleNames(folder: string): void {
    const within = (change: NameChange[]) => change.some(({ path }) => dirname(path) === folder.replace(/\/$/, ""))
    for (const change of this.#nameChanges.filter(within)) put(this.#durableNames, change)
    this.#nameChanges = this.#nameChanges.filter((change) => !within(change))
  }
}

function put(names: Map<string, Inode>, change: readonly NameChange[]): void {
  for (const { path, inode } of change) {
    if (inode) names.set(path, inode)
    else names.delete(path)
  }
}

function settle(inode: Inode, synced: (write: { readonly step: number }) => boolean): void {
  for (const write of inode.pending.filter(synced)) {
    const fits = write.bytes !== null && write.offset + write.bytes.length <= inode.durable.length
    if (fits) write.bytes!.copy(inode.durable, write.offset)
    else inode.durable = written(inode.durable, write)
  }
  inode.pending = inode.pending.filter((write) => !synced(write))
}

/** Each cut has one temper: all lost, all kept, whole writes at random, or sectors at random. */
function contentAfterCut(inode: Inode, random: SeededRandom): Buffer {
  const temper = random.below(4)
  let content = inode.durable
  for (const write of inode.pending) {
    if (temper === 0) break
    if (temper === 1 || (temper === 2 && random.below(2) === 0)) content = written(content, write)
    if (temper === 3) content = torn(content, write, random)
  }
  return content
}

function torn(content: Buffer, write: Inode["pending"][number], random: SeededRandom): Buffer {
  if (write.bytes === null) return random.below(2) === 0 ? content : written(content, write)
  let result = content
  const end = write.offset + write.bytes.length
  for (let at = write.offset; at < end; ) {
    const sectorEnd = Math.min(end, (Math.floor(at / SECTOR) + 1) * SECTOR)
    const bytes = write.bytes.subarray(at - write.offset, sectorEnd - write.offset)
    if (random.below(2) === 0) result = written(result, { offset: at, bytes })
    at = sectorEnd
  }
  return result
}

function written(content: Buffer, write: { readonly offset: number; readonly bytes: Buffer | null }): Buffer {
  const length = write.bytes === null ? write.offset : Math.max(content.length, write.offset + write.bytes.length)
  const result = Buffer.alloc(length)
  content.copy(result)
  write.bytes?.copy(result, write.offset)
  return result
}

function parse(trace: Buffer): Step[] {
  const steps: Step[] = []
  for (let at = 0; at + 17 <= trace.length; ) {
    const length = trace.readUInt32LE(at + 13)
    steps.push({
      kind: String.fromCharCode(trace[at]!),
      file: trace.readUInt32LE(at + 1),
      offset: Number(trace.readBigUInt64LE(at + 5)),
      bytes: trace.subarray(at + 17, at + 17 + length),
    })
    at += 17 + length
  }
  return steps
}
