import assert from "node:assert/strict"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { reach, startHeartbeat } from "../../agent/heartbeat.ts"
import { startAgent } from "../support/agent.ts"
import { KeptLog } from "../support/kept-log.ts"
import { NotifySocket } from "../support/notify-socket.ts"
import { until } from "../support/until.ts"

describe("under a manager like systemd", function () {
  this.timeout(60_000)
  let socket: NotifySocket
  before(async () => {
    socket = await NotifySocket.open()
  })
  after(() => socket.close())

  it("the agent says what its start is at, that it is ready, that it does its work again and again, and that it stops", async () => {
    const agent = await startAgent({ env: { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "600000" } })
    const beats = () => socket.messages.filter((message) => message === "WATCHDOG=1").length
    await until(() => beats() >= 3, 30_000, "three beats")
    assert.equal(await agent.stop(), 0)
    await until(() => socket.messages.at(-1) === "STOPPING=1", 10_000, "the word of the stop")
    const ready = socket.messages.indexOf(`READY=1\nSTATUS=${agent.mqtt.url} ${agent.http}`)
    const doing = socket.messages.map((message) => /^STATUS=([a-z ,]+).*\nEXTEND_TIMEOUT_USEC=\d+$/.exec(message)?.[1])
    assert.deepEqual(doing.slice(0, ready), [
      "opens the store",
      "reads services, applications and executions",
      "starts services",
      "takes up ",
    ])
    assert.ok(doing.slice(ready).every((each) => each === undefined))
    // A look at the listeners is no news.
    assert.doesNotMatch(agent.output(), /"level":"(?:warn|error)"/)
    agent.clean()
  })

  it("an agent that does not do its work is silent, says why, and beats again when it does", async () => {
    const told: string[] = []
    let isWell = false
    const log = new KeptLog()
    const heartbeat = startHeartbeat(
      (...states) => told.push(...states) > 0,
      60,
      async () => {
        if (!isWell) throw new Error("the store stands still")
      },
      log,
    )
    await until(() => told.length >= 2, 10_000, "two looks")
    assert.deepEqual([...new Set(told)], ["STATUS=not well: the store stands still"])
    isWell = true
    await until(() => told.at(-1) === "WATCHDOG=1", 10_000, "a beat")
    assert.ok(log.lines.some(({ message }) => message === "the agent does its work again"))
    heartbeat.stop()
  })

  it("a listener that is gone is told by its address", async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await new Promise((resolve) => server.once("listening", resolve))
    const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`
    await reach(url, AbortSignal.timeout(5000))
    await new Promise((resolve) => server.close(resolve))
    await assert.rejects(reach(url, AbortSignal.timeout(5000)), {
      message: new RegExp(`^${url} takes no connection: `),
    })
  })
})
