import assert from "node:assert/strict"
import { connect } from "node:net"
import { text } from "node:stream/consumers"
import { HTTP_HEADER_BYTES_MAX } from "../../../../agent/base/limits.ts"
import { type ApiServer, startApiServer } from "../../../support/api-server.ts"

describe("bytes that are no request", () => {
  let server: ApiServer
  before(async () => {
    server = await startApiServer()
  })
  after(() => server.stop())

  /** @returns everything that comes back until the connection ends */
  const sent = (bytes: string) => {
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    socket.write(bytes)
    return text(socket)
  }
  const host = "Host: 127.0.0.1\r\n"

  for (const [what, bytes, status, code] of [
    ["a method that HTTP does not know", `BREW /api/v1/status HTTP/1.1\r\n${host}\r\n`, 501, "METHOD_UNKNOWN"],
    ["bytes of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 501, "METHOD_UNKNOWN"],
    ["a header without a colon", `GET / HTTP/1.1\r\n${host}nothing\r\n\r\n`, 400, "REQUEST_MALFORMED"],
    [
      "headers that are too long",
      `GET / HTTP/1.1\r\n${host}X: ${"x".repeat(HTTP_HEADER_BYTES_MAX)}\r\n\r\n`,
      431,
      "HEADERS_TOO_LARGE",
    ],
  ] as const) {
    it(`are answered with a problem: ${what}`, async () => {
      const [head, body] = (await sent(bytes)).split("\r\n\r\n") as [string, string]
      assert.match(head, new RegExp(`^HTTP/1.1 ${status} [^]*content-type: application/problem\\+json`))
      const problem = JSON.parse(body) as Record<string, unknown>
      assert.deepEqual([problem["status"], problem["code"]], [status, code])
      assert.equal(typeof problem["remedy"], "string")
    })
  }

  it("get nothing more where they follow an answer", async () => {
    const answers = await sent(`GET /api/v1/none HTTP/1.1\r\n${host}\r\nBREW / HTTP/1.1\r\n\r\n`)
    assert.equal(answers.match(/HTTP\/1\.1/g)?.length ?? 0, 1)
  })
})
