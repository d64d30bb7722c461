import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { type ApiServer, startApiServer } from "./api-server.ts"
import { mesg } from "./cli.ts"

export const APPLICATION = `# Charging an electric car.
name: ev-charging
workflows:
  charge-finished:
    trigger: { service: ocpp, event: transaction-stopped }
    tasks:
      pay:
        run: ethereum.transfer
      tell:
        run: email.send
        after: pay.sent
`

/** Commands against a server of its own for each test of the `describe` that calls this, in UTC. */
export function commandsUnderTest() {
  let server: ApiServer
  let timeZone: string | undefined
  before(() => {
    timeZone = process.env["TZ"]
    process.env["TZ"] = "UTC"
  })
  after(() => {
    if (timeZone === undefined) delete process.env["TZ"]
    else process.env["TZ"] = timeZone
  })
  beforeEach(async () => {
    server = await startApiServer()
  })
  afterEach(async () => {
    await server.stop()
    assert.deepEqual(server.bugs(), [])
  })
  const run = (words: string[], options = {}) => mesg(words, { home: server.home, ...options })
  const file = (name: string, text: string) => {
    const path = join(server.home, name)
    writeFileSync(path, text)
    return path
  }

  return {
    get server(): ApiServer {
      return server
    },
    run,
    file,
  }
}
