const SAMPLE_MS = 2000
const MIB = 1048576

/** The memory of processes, looked at all the time. */
export class Memory {
  readonly #timer: NodeJS.Timeout
  /** The most of each, in MiB. */
  readonly most = new Map<string, number>()
  samples = 0

  constructor(look: () => readonly { readonly name: string; readonly bytes: number }[]) {
    this.#timer = setInterval(() => {
      this.samples++
      for (const { name, bytes } of look()) this.most.set(name, Math.max(this.most.get(name) ?? 0, bytes / MIB))
    }, SAMPLE_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
