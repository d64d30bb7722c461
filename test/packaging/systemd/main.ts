// `npm run test:systemd`: the whole life of an installed agent in a real Debian with a real systemd, without a network.
// Where this machine can run none it says so (`not run: …`): that says nothing about the agent.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ROOT } from "../../support/sources.ts"
import { boot, journal, makeMachine, NotHere, run } from "./machine.ts"
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

/** What inside.sh finds in /lab, and the unit that runs it at each boot. */
async function furnish(root: string): Promise<string> {
  const lab = join(root, "lab")
  mkdirSync(join(lab, "pinger"), { recursive: true })
  await makeReleases(lab)
  writeFileSync(join(lab, "app.yml"), APPLICATION)
  for (const [name, text] of Object.entries(PINGER)) writeFileSync(join(lab, "pinger", name), text)
  cpSync(join(ROOT, "test/packaging/systemd/inside.sh"), join(lab, "inside.sh"))
  const units = join(root, "etc/systemd/system")
  mkdirSync(join(units, "default.target.wants"), { recursive: true })
  writeFileSync(join(units, "lab.service"), UNIT)
  symlinkSync("/etc/systemd/system/lab.service", join(units, "default.target.wants/lab.service"))
  return lab
}

async function main(): Promise<{ passed: number; failed: number }> {
  const root = makeMachine()
  const lab = await furnish(root)
  const without = run(root, ["/bin/bash", "/lab/inside.sh"])
  const trouble = `${without.stderr}${boot(root, BOOTS_MAX)}`
  const read = (name: string) => (existsSync(join(lab, name)) ? readFileSync(join(lab, name), "utf8") : "")
  const results = read("results")
  const passed = results.match(/^ok /gm)?.length ?? 0
  let failed = results.match(/^FAIL /gm)?.length ?? 0
  process.stdout.write(results)
  if (!results.includes(LAST)) {
    failed++
    process.stdout.write(`FAIL it came to its end\n${trouble}\n${journal(root, JOURNAL_LINES)}`)
  }
  if (failed > 0) process.stdout.write(read("log"))
  else rmSync(root, { recursive: true })
  return { passed, failed }
}

try {
  const { passed, failed } = await main()
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  process.exitCode = failed === 0 ? 0 : 1
} catch (error) {
  if (!(error instanceof NotHere)) throw error
  process.stdout.write(`not run: ${error.message}\n0 passed, 0 failed\n`)
}
