import { Wal } from "../../../agent/engine/ledger/consensus/wal.ts"
import type { DurableFile } from "../../../agent/ports/durable-file.ts"
import type { VirtualFile } from "./disk.ts"
import type { Plant } from "./options.ts"

/** The files of a validator, as its consensus sees them. */
interface Files {
  readonly signed: DurableFile
  readonly log: DurableFile
}

/** A log that a careless start hands out twice. */
class TwiceWal extends Wal {
  override open(height: number): readonly Uint8Array[] {
    const records = super.open(height)
    return [...records, ...records]
  }
}

/** A file whose work is put off: `settle` does it. */
function putOff(file: VirtualFile, what: "replace" | "sync"): { readonly file: DurableFile; settle(): void } {
  let later: (() => void)[] = []
  let newest: Uint8Array | null = null
  return {
    file: {
      read: () => newest ?? file.read(),
      replace: (bytes) => {
        if (what !== "replace") return file.replace(bytes)
        newest = bytes
        later = [() => file.replace(bytes)]
      },
      append: (bytes) => file.append(bytes),
      sync: () => {
        if (what === "sync") later = [() => file.sync()]
        else file.sync()
      },
      close: () => file.close(),
    },
    settle: () => {
      const acts = later
      later = []
      for (const act of acts) act()
    },
  }
}

/** Errors of correct processes that lie between consensus and its disk. */
export const planted = {
  files(plant: Plant | null, { signed, log }: { signed: VirtualFile; log: VirtualFile }): Files & { said(): void } {
    if (plant === "sign-before-sync") {
      const late = putOff(signed, "replace")
      return { signed: late.file, log, said: late.settle }
    }
    if (plant === "log-after-output") {
      const late = putOff(log, "sync")
      return { signed, log: late.file, said: late.settle }
    }
    return { signed, log, said: () => {} }
  },

  wal(plant: Plant | null, file: DurableFile, chain: Uint8Array): Wal {
    return plant === "replay-twice" ? new TwiceWal(file, chain) : new Wal(file, chain)
  },
}
