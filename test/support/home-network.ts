import { createHash } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { SystemClock } from "../../agent/io/clock/clock.ts"
import { openKeys } from "../../agent/io/keys/keys.ts"
import { systemRandom } from "../../agent/io/keys/random.ts"
import { Network } from "../../agent/network.ts"
import { KeptLog } from "./kept-log.ts"
import { storeIn } from "./lmdb-store.ts"
import { tempDir } from "./temp-dir.ts"

/** A home whose consensus key is the one that `signedGenesis` gives to this name. */
export function homeOf(name: string): string {
  const home = tempDir(`network-${name}`)
  mkdirSync(join(home, "consensus"), { mode: 0o700 })
  const seed = createHash("sha256").update(`real consensus ${name}`).digest("hex")
  writeFileSync(join(home, "consensus/key"), `${seed}\n`, { mode: 0o600 })
  return home
}

/** The network of a home, with the real store, keys, files and sockets. */
export async function openNetwork(home: string, known: readonly string[] = []) {
  const log = new KeptLog()
  const store = storeIn(join(home, "data"), { log })
  await store.start()
  const clock = new SystemClock({ notBeforeMs: store.lastTimeMs() })
  const network = new Network({
    ...{ home, store, clock, log, known },
    keys: openKeys(join(home, "keys")),
    random: systemRandom,
    listen: { address: "127.0.0.1", port: 0 },
  })
  const stop = async () => {
    await network.stop()
    clock.stop()
    await store.stop()
  }
  return { network, log, stop }
}
