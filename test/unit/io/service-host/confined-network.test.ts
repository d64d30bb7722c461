import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { createServer as createTcpServer } from "node:net"
import type { Json } from "../../../../agent/schema/json.ts"
import { codeOf, confinedServices } from "../../../support/confined.ts"
import { tasksNamed } from "../../../support/service-folder.ts"

describe("the network of a confined service", function () {
  this.timeout(30_000)
  const tested = confinedServices()
  const { run, call } = tested

  let server: Server
  let port: number
  before(async () => {
    server = createServer((request, response) => {
      if (request.url === "/redirect")
        return response.writeHead(302, { location: "http://elsewhere.example:80/" }).end()
      if (request.url === "/hop") return response.writeHead(307, { location: "/echo" }).end()
      const parts: Buffer[] = []
      request.on("data", (part: Buffer) => parts.push(part))
      request.on("end", () => {
        response.setHeader("x-kind", "echo")
        response.end(
          JSON.stringify({ method: request.method, host: request.headers.host, body: String(Buffer.concat(parts)) }),
        )
      })
    })
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    port = (server.address() as AddressInfo).port
  })
  after(() => void server.close())

  const code = `export default { tasks: { async get(i, ctx) {
    const r = await ctx.fetch(i.url, { method: i.method ?? "GET", body: i.body })
    return { status: "done", data: { code: r.status, kind: r.headers.get("x-kind"), body: await r.json() } }
  } } }`
  const get = async (
    network: string[],
    url: string,
    more: Record<string, Json> = {},
    addresses?: Record<string, string[]>,
  ) => {
    const resolve = async (host: string) => {
      const found = addresses?.[host]
      if (found === undefined) throw new Error(`no ${host} here`)
      return found
    }
    const host = addresses === undefined ? {} : { resolve }
    const service = await run({ permissions: { network }, tasks: tasksNamed("get") }, code, { host })
    return call(service, "get", { url, ...more })
  }

  it("reaches a declared host through the agent, with body and headers, over a redirect too", async () => {
    const answer = await get([`127.0.0.1:${port}`], `http://127.0.0.1:${port}/hop`, { method: "POST", body: "hello" })
    assert.deepEqual(answer, {
      kind: "result",
      status: "done",
      data: { code: 200, kind: "echo", body: { method: "POST", host: `127.0.0.1:${port}`, body: "hello" } },
    })
  })

  const refusals: { name: string; network: string[]; url: () => string; addresses?: Record<string, string[]> }[] = [
    { name: "a host that is not declared", network: ["api.example.org:443"], url: () => `http://127.0.0.1:${port}/` },
    { name: "another port of a declared host", network: ["127.0.0.1:1"], url: () => `http://127.0.0.1:${port}/` },
    { name: "loopback under a wildcard", network: ["*:*"], url: () => `http://127.0.0.1:${port}/` },
    { name: "loopback in its IPv6 form", network: ["*:*"], url: () => `http://[::ffff:127.0.0.1]:${port}/` },
    { name: "loopback written as one number", network: ["*:*"], url: () => `http://2130706433:${port}/` },
    {
      name: "a declared public name that answers with a local address",
      network: ["api.example.org:*"],
      url: () => `http://api.example.org:${port}/`,
      addresses: { "api.example.org": ["127.0.0.1"] },
    },
    {
      name: "a redirect to a host that is not declared",
      network: ["127.0.0.1:*"],
      url: () => `http://127.0.0.1:${port}/redirect`,
    },
    { name: "a file", network: ["*:*"], url: () => "file:///etc/passwd" },
  ]
  for (const refusal of refusals) {
    it(`refuses ${refusal.name}`, async () => {
      const answer = await get(refusal.network, refusal.url(), {}, refusal.addresses)
      assert.equal(codeOf(answer), "NETWORK_REFUSED known", JSON.stringify(answer))
    })
  }

  it("a local name that is declared reaches a local address", async () => {
    const answer = await get(
      [`printer.local:${port}`],
      `http://printer.local:${port}/`,
      {},
      { "printer.local": ["127.0.0.1"] },
    )
    assert.equal(codeOf(answer), "done")
  })

  it("a declared network of addresses covers the names in it", async () => {
    const answer = await get(
      [`127.0.0.0/8:${port}`],
      `http://meter.example:${port}/`,
      {},
      { "meter.example": ["127.0.0.1"] },
    )
    assert.equal(codeOf(answer), "done")
  })

  it("a stream carries bytes both ways and ends", async () => {
    const echo = createTcpServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
    echo.listen(0, "127.0.0.1")
    await once(echo, "listening")
    const at = (echo.address() as AddressInfo).port
    const service = await run(
      { permissions: { network: [`127.0.0.1:${at}`] }, tasks: tasksNamed("echo") },
      `export default { tasks: { async echo(i, ctx) {
        const socket = await ctx.connect({ host: "127.0.0.1", port: i.port })
        socket.end(Buffer.alloc(i.bytes, 7))
        let sum = 0, bytes = 0
        for await (const chunk of socket) { bytes += chunk.length; for (const b of chunk) sum += b }
        return { status: "done", data: { bytes, sum } }
      } } }`,
    )
    const bytes = 1_000_000
    assert.deepEqual(await call(service, "echo", { port: at, bytes }), {
      kind: "result",
      status: "done",
      data: { bytes, sum: 7 * bytes },
    })
    echo.close()
  })

  it("`network: any` gives it the network itself", async () => {
    const service = await run(
      { tasks: tasksNamed("get") },
      `export default { tasks: { async get(i) { return { status: "done", data: { code: (await fetch(i.url)).status } } } } }`,
      { network: "any" },
    )
    assert.deepEqual(await call(service, "get", { url: `http://127.0.0.1:${port}/` }), {
      kind: "result",
      status: "done",
      data: { code: 200 },
    })
  })
})
