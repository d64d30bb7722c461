import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer, type IncomingHttpHeaders, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import type { WebhookResponse } from "../../../agent/ports/service-host.ts"
import { type Plugin, recordingPlugin } from "../../support/run-plugin.ts"
import type { RecordingBridge } from "../../support/service-bridge.ts"

const SECRET = "canary-secret-0123456789"

describe("the service http", () => {
  describe("webhooks", () => {
    let plugin: Plugin<RecordingBridge>
    before(async () => {
      plugin = await recordingPlugin("http", {
        hooks: {
          bell: { idHeader: "X-Request-Id" },
          path: { secretIn: "path", methods: ["GET", "POST"] },
          key: { header: "X-My-Key" },
        },
        secrets: { bell: SECRET, path: SECRET, key: SECRET },
      })
    })
    after(() => plugin.stop())
    beforeEach(() => {
      plugin.bridge.events.length = 0
      plugin.bridge.refuse = null
    })

    const send = (
      hook: string,
      request: { method?: string; path?: string; headers?: Record<string, string>; body?: string | Buffer },
    ): Promise<WebhookResponse> =>
      plugin.bridge.webhooks.get(hook)!({
        method: request.method ?? "POST",
        path: request.path ?? `/${hook}`,
        query: { a: "1" },
        headers: request.headers ?? {},
        body: Buffer.from(request.body ?? ""),
      })
    const bearer = { authorization: `Bearer ${SECRET}` }

    it("a request with the secret becomes an event, without the secret in it", async () => {
      const headers = { ...bearer, "content-type": "application/json", "x-request-id": "r1" }
      assert.equal((await send("bell", { headers, body: `{"button":1}` })).status, 202)
      assert.deepEqual(plugin.bridge.events, [
        {
          event: "request",
          id: "bell.r1",
          data: {
            hook: "bell",
            method: "POST",
            path: "/",
            query: { a: "1" },
            headers: { "content-type": "application/json", "x-request-id": "r1" },
            text: `{"button":1}`,
            json: { button: 1 },
          },
        },
      ])
    })

    it("the secret in the path, or in a header of the owner's choice, is not shown either", async () => {
      assert.equal((await send("path", { method: "GET", path: `/path/${SECRET}/more/here` })).status, 202)
      assert.equal((await send("key", { headers: { "x-my-key": SECRET }, body: Buffer.from([255]) })).status, 202)
      const [first, second] = plugin.bridge.events.map((event) => event.data as Record<string, unknown>)
      assert.equal(first?.["path"], "/more/here")
      assert.equal(second?.["base64"], "/w==")
      assert.ok(!JSON.stringify(plugin.bridge.events).includes("canary"))
    })

    const refused: [string, string, Parameters<typeof send>[1], number][] = [
      ["no secret", "bell", {}, 401],
      ["a wrong secret", "bell", { headers: { authorization: "Bearer canary-secret-0123456780" } }, 401],
      ["a part of the secret", "bell", { headers: { authorization: `Bearer ${SECRET.slice(0, 5)}` } }, 401],
      ["the secret in the wrong place", "path", { headers: bearer }, 401],
      ["a wrong secret in the path", "path", { path: "/path/wrong" }, 401],
      ["another method", "bell", { method: "PUT", headers: bearer }, 405],
      ["an id that is too long", "bell", { headers: { ...bearer, "x-request-id": "x".repeat(200) } }, 400],
    ]
    for (const [name, hook, request, status] of refused) {
      it(`${name}: ${status}, and no event`, async () => {
        assert.equal((await send(hook, request)).status, status)
        assert.deepEqual(plugin.bridge.events, [])
      })
    }

    it("202 to any id that the sender chose: the event's own is one that MQTT could carry", async () => {
      const headers = { ...bearer, "x-request-id": "a/b+c#d" }
      assert.equal((await send("bell", { headers })).status, 202)
      assert.equal(plugin.bridge.events.at(-1)?.id, "bell.a%2Fb%2Bc%23d")
    })

    it("429 while the agent has no room, 503 while it takes no event, 413 where it never will", async () => {
      plugin.bridge.refuse = Object.assign(new Error("later"), { code: "OVERLOADED" })
      const { status, headers } = await send("bell", { headers: bearer })
      assert.deepEqual([status, headers?.["retry-after"]], [429, "1"])
      plugin.bridge.refuse = Object.assign(new Error("later"), { code: "STORE_FAILED" })
      assert.equal((await send("bell", { headers: bearer })).status, 503)
      plugin.bridge.refuse = Object.assign(new Error("large"), { code: "EVENT_TOO_LARGE" })
      assert.equal((await send("bell", { headers: bearer })).status, 413)
    })

    it("a refusal carries a stable code, a sentence and what to do", async () => {
      const problem = async (...request: Parameters<typeof send>) =>
        JSON.parse(String((await send(...request)).body)) as Record<string, unknown>
      const { code, detail, remedy } = await problem("bell", {})
      assert.equal(code, "HOOK_SECRET_WRONG")
      assert.equal(detail, 'the secret of the webhook "bell" is missing or wrong')
      assert.equal(remedy, "send it as `Authorization: Bearer <secret>`")
      assert.equal((await problem("path", {}))["remedy"], "send it in the address: /hooks/path/<secret>")
      assert.equal((await problem("key", {}))["remedy"], "send it in the header X-My-Key")
      assert.equal((await problem("bell", { method: "PUT", headers: bearer }))["code"], "HOOK_METHOD")
      const headers = { ...bearer, "x-request-id": "x".repeat(200) }
      assert.equal((await problem("bell", { headers }))["code"], "HOOK_ID_TOO_LONG")
      plugin.bridge.refuse = new Error("later")
      assert.equal((await problem("bell", { headers: bearer }))["code"], "HOOK_UNAVAILABLE")
    })

    it("a webhook without a secret is closed and named; the others go on", async () => {
      const two = await recordingPlugin("http", { hooks: { open: {}, bell: {} }, secrets: { bell: SECRET } })
      const ask = (name: string, headers: Record<string, string>) =>
        two.bridge.webhooks.get(name)!({ method: "POST", path: `/${name}`, query: {}, headers, body: Buffer.of() })
      assert.equal((await ask("bell", bearer)).status, 202)
      for (const headers of [{}, bearer, { authorization: "Bearer " }]) {
        const { status, body } = await ask("open", headers)
        assert.equal(status, 503)
        assert.match(String(body), /"HOOK_WITHOUT_SECRET".*the webhook \\"open\\" has no secret yet/)
      }
      assert.ok(two.bridge.lines.some(({ level, fields }) => level === "warn" && fields["hook"] === "open"))
      assert.equal(two.bridge.events.length, 1)
      await two.stop()
    })

    it("settings with a secret that is too short are refused without showing it", async () => {
      const start = recordingPlugin("http", { hooks: { open: {} }, secrets: { open: "canary" } })
      await assert.rejects(start, (error: Error & { code: string }) => {
        assert.equal(error.code, "SETTINGS_INVALID")
        assert.ok(!error.message.includes("canary"), error.message)
        return true
      })
    })
  })

  describe("requests", () => {
    let server: Server
    let url: string
    let plugin: Plugin<RecordingBridge>
    let seen: { method: string | undefined; headers: IncomingHttpHeaders; body: string } | undefined
    before(async () => {
      server = createServer((request, response) => {
        if (request.url === "/hang") return
        if (request.url === "/cut") return request.socket.destroy()
        let body = ""
        request.on("data", (part) => (body += part))
        request.on("end", () => {
          seen = { method: request.method, headers: request.headers, body }
          if (request.url === "/large") return response.end("x".repeat(200_000))
          if (request.url === "/bytes") return response.end(Buffer.from([255, 0]))
          response.writeHead(request.url === "/missing" ? 404 : 200, { "x-kind": "test" }).end(`{"n":1}`)
        })
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      plugin = await recordingPlugin("http")
    })
    after(async () => {
      await plugin.stop()
      server.closeAllConnections()
      server.close()
    })

    const ask = async (path: string, more: object = {}) => {
      const [status, data] = (await plugin.result(
        "request",
        { url: url + path, ...more },
        { execution: "ex_1.ask" },
      )) as [string, Record<string, unknown>]
      return { status, data }
    }

    it("sends method, headers and body, with the execution as idempotency key", async () => {
      const { status, data } = await ask("/", { method: "POST", headers: { "x-a": "b" }, body: { on: true } })
      assert.deepEqual([status, data["code"], data["json"], data["truncated"]], ["ok", 200, { n: 1 }, false])
      assert.equal((data["headers"] as Record<string, string>)["x-kind"], "test")
      assert.deepEqual(
        [
          seen?.method,
          seen?.body,
          seen?.headers["x-a"],
          seen?.headers["content-type"],
          seen?.headers["idempotency-key"],
        ],
        ["POST", `{"on":true}`, "b", "application/json", "ex_1.ask"],
      )
    })

    it("another code than 2xx is a status of its own, with the answer", async () => {
      const { status, data } = await ask("/missing")
      assert.deepEqual([status, data["code"], data["text"]], ["failed-status", 404, `{"n":1}`])
    })

    it("gives bytes as base64, and 128 KiB of what is longer", async () => {
      assert.equal((await ask("/bytes")).data["base64"], "/wA=")
      const { data } = await ask("/large")
      assert.deepEqual([(data["text"] as string).length, data["truncated"]], [128 * 1024, true])
    })

    const impossible: { name: string; inputs: object }[] = [
      { name: "a body behind GET", inputs: { body: "x" } },
      { name: "a header that is none", inputs: { headers: { "a b": "c" } } },
      { name: "a header's value with a line break", inputs: { headers: { a: "b\r\nc: d" } } },
      { name: "a header that only the connection may set", inputs: { headers: { "transfer-encoding": "chunked" } } },
      {
        name: "another length than the body's",
        inputs: { method: "POST", body: "x", headers: { "content-length": "9" } },
      },
      { name: "Expect", inputs: { method: "POST", body: "x", headers: { expect: "100-continue" } } },
    ]
    for (const { name, inputs } of impossible) {
      it(`${name} is no request: nothing was sent, and that is known`, async () => {
        assert.deepEqual(await plugin.result("request", { url, ...inputs }), ["HTTP_REQUEST_INVALID", "known"])
      })
    }

    it("a password in the URL is no request", async () => {
      const inputs = { url: url.replace("//", "//me:secret@") }
      assert.deepEqual(await plugin.result("request", inputs), ["HTTP_REQUEST_INVALID", "known"])
    })

    it("nothing sent is `unreachable`; sent without an answer is an error whose outcome nobody knows", async () => {
      assert.deepEqual(
        ((await plugin.result("request", { url: "http://127.0.0.1:10009/" })) as string[])[0],
        "unreachable",
      )
      assert.deepEqual(await plugin.result("request", { url: `${url}/cut`, method: "POST" }), [
        "HTTP_NO_ANSWER",
        "unknown",
      ])
      assert.deepEqual(await plugin.result("request", { url: `${url}/hang`, timeoutMs: 100 }), [
        "HTTP_NO_ANSWER",
        "unknown",
      ])
    })
  })
})
