import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { FORMAT } from "../../../agent/io/store/format.ts"
import { buildBinary } from "../../../packaging/binary/build.ts"
import type { Arch } from "../../../packaging/binary/materials.ts"
import { makeRelease } from "../../../packaging/release.ts"
import { releaseKey, seal } from "../../../packaging/release/signature.ts"
import { packTree } from "../../../packaging/release/tree.ts"
import { copySources } from "../../support/copied-sources.ts"
import { ROOT } from "../../support/sources.ts"
import { tempDir } from "../../support/temp-dir.ts"

const ARCH = process.arch as Arch
const FORMAT_FILE = "agent/io/store/format.ts"

/** Says words to systemd from the process that systemd has started, which goes on as what follows. */
const tellingSystemd = (then: string) => `exec python3 -c '
import os, socket, sys, time
def tell(words): socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(words, os.environ["NOTIFY_SOCKET"])
${then}' "$(dirname "$(readlink -f "$0")")/real"`

/** What programs do that are started, each of which can be installed. */
const STARTS = {
  hangs: "exec sleep 600",
  dies: tellingSystemd('tell(b"READY=1"); time.sleep(2); sys.exit(1)'),
  // Longer than a start may be silent, and only the first time.
  slow: tellingSystemd(`
mark = os.environ["STATE_DIRECTORY"] + "/run/was-slow"
if not os.path.exists(mark):
  for part in range(4): tell(b"STATUS=part %d" % part); time.sleep(4.5)
  open(mark, "w").close()
os.execv(sys.argv[1], ["mesg", "start"])`),
  // It brings the store to its own, newer format and ends: the one before must have its own store back.
  migrates: `"$(dirname "$0")/real" start &
    until [ -e "$STATE_DIRECTORY/run/agent.json" ]; do sleep 0.2; done
    kill $!; wait; exit 1`,
  // The same store, and it runs on: the version before refuses it from then on.
  newer: `exec "$(dirname "$(readlink -f "$0")")/real" start`,
} as const

/**
 * Makes the releases that a gateway is led through, a folder `release-…` of `lab` for each: 1 and 2 (0.1.0, 0.1.1), those
 * of STARTS (0.1.2 and on; two of them are builds of 0.1.5), and a last one (0.1.9) that nobody comes to start.
 */
export async function makeReleases(lab: string): Promise<void> {
  process.env["MESG_RELEASE_LEVEL"] = "0"
  await makeRelease({ archs: [ARCH], version: "0.1.0", folder: join(lab, "release-1") })
  await makeRelease({ archs: [ARCH], version: "0.1.1", folder: join(lab, "release-2") })
  const real = { slow: join(tempDir("slow"), "real"), migrates: join(tempDir("migrates"), "real") }
  await buildBinary(ROOT, ARCH, "0.1.4", real.slow)
  await buildBinary(sourcesOfNewerFormat(), ARCH, "0.1.5", real.migrates)
  writeRelease(lab, "hangs", "0.1.2", STARTS.hangs)
  writeRelease(lab, "dies", "0.1.3", STARTS.dies)
  writeRelease(lab, "slow", "0.1.4", STARTS.slow, real.slow)
  writeRelease(lab, "migrates", "0.1.5", STARTS.migrates, real.migrates)
  writeRelease(lab, "newer", "0.1.5", STARTS.newer, real.migrates)
  writeRelease(lab, "last", "0.1.9", "exit 1")
}

/** The agent of these sources, but with a format of the store that they do not know. @returns its folder */
function sourcesOfNewerFormat(): string {
  const sources = join(tempDir("newer"), "sources")
  copySources(sources)
  const before = readFileSync(join(sources, FORMAT_FILE), "utf8")
  const now = `${FORMAT + 1}`
  const after = before
    .replace(/^export const FORMAT = \d+$/m, `export const FORMAT = ${now}`)
    .replace(/^(export const MIGRATIONS[\s\S]*?)^\]$/m, `$1  { to: ${now}, changes: () => [] },\n]`)
  assert.equal(after.split(now).length - before.split(now).length, 2, "the format is where it was")
  writeFileSync(join(sources, FORMAT_FILE), after)
  return sources
}

/** A release like the second, whose program is another. @param real what it does but for a start, and how */
function writeRelease(lab: string, name: string, version: string, start: string, real?: string): void {
  const folder = join(lab, `release-${name}`)
  const from = join(lab, "release-2")
  const tree = `${folder}.tree`
  mkdirSync(tree)
  mkdirSync(folder)
  execFileSync("tar", ["-xzf", join(from, `mesg-0.1.1-linux-${ARCH}.tar.gz`), "-C", tree])
  const runs = name === "slow" || name === "newer"
  if (name === "newer") writeFileSync(join(tree, "share/format"), `${FORMAT + 1}\n`)
  const rest = runs
    ? '*) exec "$(dirname "$(readlink -f "$0")")/real" "$@" ;;'
    : `--version) echo ${version} ;; --unpack) mkdir -p "$2" ;; *) exit 1 ;;`
  writeFileSync(join(tree, "mesg"), `#!/bin/sh\ncase $1 in\nstart)\n${start}\n;;\n${rest}\nesac\n`)
  if (real !== undefined) cpSync(real, join(tree, "real"))
  const tar = join(folder, `mesg-${version}-linux-${ARCH}.tar`)
  packTree(tree, tar)
  execFileSync("gzip", ["-1", "-n", tar])
  cpSync(join(from, "install.sh"), join(folder, "install.sh"))
  seal(folder, releaseKey(process.env["MESG_RELEASE_KEY"] ?? join(ROOT, "dist/release-key.pem"), false))
  rmSync(tree, { recursive: true })
}
