// `npm run test:systemd`: the whole life of an installed agent in a real Debian with a real systemd, without a network.
// Where this machine can run none it says so (`not run: …`): that says nothing about the agent.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { CACHE, NotHere } from "../../support/debian.ts"
import { ROOT } from "../../support/sources.ts"
import { type Machine, makeMachine } from "./machine.ts"
import { makeReleases } from "./releases.ts"

const BOOTS_MAX = 2
const JOURNAL_LINES = 200
const LAST = "leaves nothing behind when it is purged"

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

const UNIT = `[Unit]
After=multi-user.target
[Service]
Type=simple
ExecStart=/bin/bash /lab/inside.sh
[Install]
WantedBy=default.target
`

/** Makes what inside.sh finds in /lab. @returns its folder */
async function makeLab(): Promise<string> {
  const lab = join(CACHE, `lab.${process.pid}`)
  mkdirSync(join(lab, "pinger"), { recursive: true })
  await makeReleases(lab)
  writeFileSync(join(lab, "app.yml"), APPLICATION)
  for (const [name, text] of Object.entries(PINGER)) writeFileSync(join(lab, "pinger", name), text)
  cpSync(join(ROOT, "test/packaging/systemd/inside.sh"), join(lab, "inside.sh"))
  return lab
}

/** Puts it there, and the unit that runs inside.sh at each boot. */
function furnish(root: string, lab: string): void {
  renameSync(lab, join(root, "lab"))
  const units = join(root, "etc/systemd/system")
  mkdirSync(join(units, "default.target.wants"), { recursive: true })
  writeFileSync(join(units, "lab.service"), UNIT)
  symlinkSync("/etc/systemd/system/lab.service", join(units, "default.target.wants/lab.service"))
}

/** A machine, and what is to be installed in it; both take their time, and each other's. */
async function prepare(): Promise<Machine> {
  const [machine, lab] = await Promise.allSettled([makeMachine(), makeLab()])
  if (machine.status === "rejected") {
    if (lab.status === "fulfilled") rmSync(lab.value, { recursive: true })
    throw machine.reason
  }
  if (lab.status === "rejected") {
    machine.value.end(false)
    throw lab.reason
  }
  furnish(machine.value.root, lab.value)
  return machine.value
}

async function play(machine: Machine): Promise<{ passed: number; failed: number }> {
  const lab = join(machine.root, "lab")
  const without = await machine.run(["/bin/bash", "/lab/inside.sh"])
  const trouble = `${without.status === 0 ? "" : without.said}${await machine.boot(BOOTS_MAX, join(lab, "begun"))}`
  const read = (name: string) => (existsSync(join(lab, name)) ? readFileSync(join(lab, name), "utf8") : "")
  const results = read("results")
  const passed = results.match(/^ok /gm)?.length ?? 0
  let failed = results.match(/^FAIL /gm)?.length ?? 0
  process.stdout.write(results)
  if (!results.includes(LAST)) {
    failed++
    process.stdout.write(`FAIL it came to its end\n${trouble}\n${machine.journal(JOURNAL_LINES)}`)
  }
  if (failed > 0) process.stdout.write(read("log"))
  return { passed, failed }
}

async function main(): Promise<{ passed: number; failed: number }> {
  const machine = await prepare()
  let hasFailed = false
  try {
    const counts = await play(machine)
    hasFailed = counts.failed > 0
    return counts
  } finally {
    machine.end(hasFailed)
  }
}

try {
  const { passed, failed } = await main()
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  process.exitCode = failed === 0 ? 0 : 1
} catch (error) {
  if (!(error instanceof NotHere)) throw error
  process.stdout.write(`not run: systemd: ${error.message}\n0 passed, 0 failed\n`)
}
