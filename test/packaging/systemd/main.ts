// `npm run test:systemd`: the whole life of an installed agent in a real systemd, without a network. Needs root.
import assert from "node:assert/strict"
import { execFileSync, spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { FORMAT } from "../../../agent/io/store/format.ts"
import { buildBinary } from "../../../packaging/binary/build.ts"
import { makeRelease } from "../../../packaging/release.ts"
import { releaseKey, seal } from "../../../packaging/release/signature.ts"
import { packTree } from "../../../packaging/release/tree.ts"
import type { Arch } from "../../../packaging/binary/materials.ts"
import { copySources } from "../../support/copied-sources.ts"
import { ROOT } from "../../support/sources.ts"
import { tempDir } from "../../support/temp-dir.ts"

const CACHE = join(ROOT, "node_modules/.cache/mesg-systemd")
const PACKAGES = "systemd,systemd-sysv,dbus,openssl,curl,mosquitto-clients,libatomic1,libstdc++6,procps,python3"
const BOOT_TIMEOUT_MS = 200_000
const BOOTS_MAX = 2
/** How systemd-nspawn ends when the system inside wants to boot again and a unit of its own is not there to do so. */
const REBOOT = 133

const APPLICATION = `name: first
workflows:
  first:
    trigger: { service: mqtt, event: message, where: 'data.topic = "door/open"' }
    tasks:
      keep: { run: store.set, with: { key: door, value: "{{ trigger.data.payload }}" } }
`

const PINGER = {
  "service.yml": "id: pinger\nname: Pinger\nversion: 1.0.0\ntasks:\n  ping:\n    statuses: { done: {} }\n",
  "index.js": 'export default { tasks: { ping: () => ({ status: "done", data: {} }) } }\n',
}

/** Programs that are fine until they are started: one is never ready, one says so and ends. */
const BROKEN = {
  hangs: "exec sleep 600",
  dies: `python3 -c 'import os, socket
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])'
sleep 2
exit 1`,
} as const

/** It brings the store to its own, newer format and ends: the one before must have its own store back. */
const MIGRATES = `"$(dirname "$0")/newer" start & sleep 5; kill $!; wait; exit 1`
const FORMAT_FILE = "agent/io/store/format.ts"

/** The agent of these sources, but with a format of the store that they do not know. */
async function newerBinary(folder: string, version: string): Promise<string> {
  const sources = join(folder, "sources")
  copySources(sources)
  const before = readFileSync(join(sources, FORMAT_FILE), "utf8")
  const now = `${FORMAT + 1}`
  const after = before
    .replace(/^export const FORMAT = \d+$/m, `export const FORMAT = ${now}`)
    .replace(/^(export const MIGRATIONS[\s\S]*?)^\]$/m, `$1  { to: ${now}, changes: () => [] },\n]`)
  assert.equal(after.split(now).length - before.split(now).length, 2, "the format is where it was")
  writeFileSync(join(sources, FORMAT_FILE), after)
  await buildBinary(sources, process.arch as Arch, version, join(folder, "newer"))
  return join(folder, "newer")
}

/** A Debian that can boot, made once. */
function system(): string {
  const rootfs = join(CACHE, "bookworm")
  if (existsSync(rootfs)) return rootfs
  mkdirSync(CACHE, { recursive: true })
  const unfinished = `${rootfs}.${process.pid}`
  execFileSync("debootstrap", ["--variant=minbase", `--include=${PACKAGES}`, "bookworm", unfinished], {
    stdio: ["ignore", "ignore", "inherit"],
  })
  renameSync(unfinished, rootfs)
  return rootfs
}

/** A release like the one in `from`, whose program is another. */
function brokenRelease(from: string, folder: string, version: string, body: string, newer?: string): void {
  const tree = `${folder}.tree`
  mkdirSync(tree, { recursive: true })
  mkdirSync(folder)
  const arch = process.arch as Arch
  execFileSync("tar", ["-xzf", join(from, `mesg-0.1.1-linux-${arch}.tar.gz`), "-C", tree])
  const program = `#!/bin/sh
case $1 in
  --version) echo ${version} ;;
  --unpack) mkdir -p "$2" ;;
  start) ${body} ;;
  *) exit 1 ;;
esac
`
  writeFileSync(join(tree, "mesg"), program)
  if (newer !== undefined) cpSync(newer, join(tree, "newer"))
  const tar = join(folder, `mesg-${version}-linux-${arch}.tar`)
  packTree(tree, tar)
  execFileSync("gzip", ["-n", "-k", tar])
  execFileSync("xz", ["-0", tar])
  cpSync(join(from, "install.sh"), join(folder, "install.sh"))
  seal(folder, releaseKey(process.env["MESG_RELEASE_KEY"] ?? join(ROOT, "dist/release-key.pem"), false))
  rmSync(tree, { recursive: true })
}

async function main(): Promise<number> {
  const root = join(CACHE, "running")
  rmSync(root, { recursive: true, force: true })
  execFileSync("cp", ["-a", "--reflink=auto", system(), root])
  const lab = join(root, "lab")
  mkdirSync(lab)
  process.env["MESG_RELEASE_LEVEL"] = "0"
  const archs = [process.arch as Arch]
  await makeRelease({ archs, version: "0.1.0", folder: join(lab, "release-1") })
  await makeRelease({ archs, version: "0.1.1", folder: join(lab, "release-2") })
  let patch = 2
  for (const [name, body] of Object.entries(BROKEN)) {
    brokenRelease(join(lab, "release-2"), join(lab, `release-${name}`), `0.1.${patch++}`, body)
  }
  const newer = await newerBinary(tempDir("newer"), "0.1.9")
  brokenRelease(join(lab, "release-2"), join(lab, "release-migrates"), "0.1.9", MIGRATES, newer)
  writeFileSync(join(lab, "app.yml"), APPLICATION)
  mkdirSync(join(lab, "pinger"))
  for (const [name, text] of Object.entries(PINGER)) writeFileSync(join(lab, "pinger", name), text)
  cpSync(join(ROOT, "test/packaging/systemd/inside.sh"), join(lab, "inside.sh"))
  const unit = `[Unit]
After=multi-user.target
[Service]
Type=simple
ExecStart=/bin/bash /lab/inside.sh
[Install]
WantedBy=default.target
`
  writeFileSync(join(root, "etc/systemd/system/lab.service"), unit)
  const wants = join(root, "etc/systemd/system/default.target.wants")
  mkdirSync(wants, { recursive: true })
  execFileSync("ln", ["-s", "/etc/systemd/system/lab.service", join(wants, "lab.service")])
  const words = ["-D", root, "--register=no", "--keep-unit", "--boot", "--private-network", "--quiet"]
  const options = { stdio: "pipe", encoding: "utf8", timeout: BOOT_TIMEOUT_MS, killSignal: "SIGKILL" } as const
  let boot = spawnSync("systemd-nspawn", words, options)
  for (let boots = 1; boot.status === REBOOT && boots < BOOTS_MAX; boots++)
    boot = spawnSync("systemd-nspawn", words, options)
  const results = existsSync(join(lab, "results")) ? readFileSync(join(lab, "results"), "utf8") : ""
  process.stdout.write(results)
  const passed = results.match(/^ok /gm)?.length ?? 0
  let failed = results.match(/^FAIL /gm)?.length ?? 0
  if (!/^\w+ leaves nothing behind$/m.test(results)) {
    failed++
    process.stdout.write(`FAIL it came to its end\n${boot.stdout}${boot.stderr}${boot.error?.message ?? ""}\n`)
  }
  if (failed > 0) process.stdout.write(existsSync(join(lab, "log")) ? readFileSync(join(lab, "log"), "utf8") : "")
  // What failed stays to be looked at.
  if (failed === 0) rmSync(root, { recursive: true })
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  return failed === 0 ? 0 : 1
}

if (process.getuid?.() !== 0) {
  process.stdout.write("npm run test:systemd boots a Debian in systemd-nspawn: it needs root\n0 passed, 1 failed\n")
  process.exitCode = 1
} else {
  process.exitCode = await main()
}
