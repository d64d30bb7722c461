import assert from "node:assert/strict"
import { STREAM_BACKLOG_MAX, STREAM_CLIENTS_MAX, STREAM_CLIENTS_PER_TOKEN_MAX } from "../../../../agent/base/limits.ts"
import { type ApiServer, startApiServer } from "../../../support/api-server.ts"

interface Frame {
  readonly event: string
  readonly id: string | undefined
  readonly data: { id?: string; status?: string; count?: number; message?: string }
}

/** Reads server-sent events one by one. */
class Reader {
  readonly #abort = new AbortController()
  #frames: AsyncGenerator<Frame> | undefined
  /** Held, because fetch ends the connection of an answer that is collected unread. */
  response: Response | undefined

  async open(server: ApiServer, query = "", headers: Record<string, string> = {}): Promise<Response> {
    const response = await fetch(new URL(`/api/v1/stream${query}`, server.url), {
      headers: { authorization: `Bearer ${server.tokens.runToken}`, ...headers },
      signal: this.#abort.signal,
    })
    this.response = response
    if (response.status === 200) this.#frames = frames(response.body!)
    else await response.text()
    return response
  }

  async next(): Promise<Frame> {
    const { value } = (await this.#frames!.next()) as { value: Frame }
    return value
  }

  async take(count: number): Promise<Frame[]> {
    const taken: Frame[] = []
    while (taken.length < count) taken.push(await this.next())
    return taken
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#frames?.return(undefined).catch(() => undefined)
  }
}

async function* frames(body: ReadableStream<Uint8Array>): AsyncGenerator<Frame> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const part of body) {
    rest += decoder.decode(part, { stream: true })
    const whole = rest.split("\n\n")
    rest = whole.pop()!
    for (const text of whole) {
      const field = (name: string) =>
        text
          .split("\n")
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2)
      const data = field("data")
      if (data !== undefined) yield { event: field("event")!, id: field("id"), data: JSON.parse(data) as Frame["data"] }
    }
  }
}

describe("GET /stream", () => {
  let server: ApiServer
  let readers: Reader[]
  const reader = async (query?: string, headers?: Record<string, string>) => {
    const one = new Reader()
    readers.push(one)
    assert.equal((await one.open(server, query, headers)).status, 200)
    return one
  }
  beforeEach(async () => {
    server = await startApiServer()
    readers = []
  })
  afterEach(async () => {
    for (const one of readers) await one.close()
    await server.stop()
    assert.deepEqual(server.bugs(), [])
  })

  it("sends events and executions as they are in the API, each with an id", async () => {
    const one = await reader()
    await server.core.events.accept({ service: "ocpp", event: "transaction-stopped", data: { kwh: 1 }, id: "e1" })
    const [event, execution] = (await one.take(2)) as [Frame, Frame]
    assert.deepEqual([event.event, event.data.id], ["event", "e1"])
    const listed = (await server.call("GET", `/api/v1/executions/${execution.data.id}`)).body as object
    assert.deepEqual({ ...execution.data, transitions: [] }, { ...listed, transitions: [] })
    assert.match(event.id ?? "", /^[0-9a-f]{8}\.1$/)
  })

  it("goes on after Last-Event-ID without gap or repeat", async () => {
    const first = await reader()
    const ids = Array.from({ length: 3 }, () => server.core.startExecution("running").id)
    const seen = await first.take(2)
    await first.close()
    ids.push(server.core.startExecution("running").id)
    const second = await reader("", { "last-event-id": seen[1]!.id! })
    ids.push(server.core.startExecution("running").id)
    const rest = await second.take(3)
    assert.deepEqual(
      [...seen, ...rest].map(({ data }) => data.id),
      ids,
    )
  })

  it("goes on after ?after= for clients that cannot send the header", async () => {
    const first = await reader()
    server.core.startExecution("running")
    const [seen] = await first.take(1)
    const missed = server.core.startExecution("running")
    const second = await reader(`?after=${seen!.id}`)
    assert.equal((await second.next()).data.id, missed.id)
  })

  it("says reset where what was missed is no longer held", async () => {
    const first = await reader()
    server.core.startExecution("running")
    const [seen] = await first.take(1)
    await first.close()
    for (let i = 0; i < STREAM_BACKLOG_MAX * 3; i++) server.core.startExecution("running")
    const second = await reader("", { "last-event-id": seen!.id! })
    assert.equal((await second.next()).event, "reset")
    const now = server.core.startExecution("running")
    assert.equal((await second.next()).data.id, now.id)
  })

  for (const id of ["00000000.1", "nonsense", "", "..", "9999999999999999999999.1"]) {
    it(`says reset for the id ${JSON.stringify(id)} of another start`, async () => {
      const one = await reader(`?after=${encodeURIComponent(id)}`)
      assert.equal((await one.next()).event, "reset")
    })
  }

  const filters = [
    { query: "?kinds=event", sees: ["event"] },
    { query: "?kinds=execution", sees: ["execution"] },
    { query: "?kinds=event,execution&service=ocpp", sees: ["event", "execution"] },
    { query: "?kinds=event&service=other", sees: [] },
    { query: "?app=ev-charging", sees: ["execution"] },
    { query: "?app=other", sees: [] },
  ]
  for (const { query, sees } of filters) {
    it(`with ${query} sends ${sees.join(", ") || "nothing"}`, async () => {
      const one = await reader(query)
      const all = await reader()
      await server.core.events.accept({ service: "ocpp", event: "transaction-stopped", data: { kwh: 1 } })
      await all.take(2)
      // The end of what is sent is known by a line that passes every filter.
      server.server.stop().catch(assert.fail)
      const got: string[] = []
      for (let frame = await one.next(); frame !== undefined; frame = await one.next()) got.push(frame.event)
      assert.deepEqual(got, sees)
    })
  }

  it("sends each application as it is in the list, and says when it is gone", async () => {
    const one = await reader("?kinds=application&app=ev-charging")
    const path = "/api/v1/applications/ev-charging"
    const document = { name: "ev-charging", workflows: {} }
    await server.core.applications.deploy({ ...document, name: "other" }, {})
    await server.call("PUT", path, { body: document })
    const listed = await server.call("GET", path)
    await server.call("DELETE", path)
    const { document: _, ...shown } = listed.body as { document: unknown; name: string }
    const frames = await one.take(2)
    assert.deepEqual(
      frames.map(({ event, data }) => [event, data]),
      [
        ["application", { ...shown, removed: false }],
        ["application", { ...shown, removed: true }],
      ],
    )
  })

  it("follows one execution", async () => {
    const one = server.core.startExecution("running")
    const stream = await reader(`?kinds=execution&execution=${one.id}`)
    server.core.startExecution("running")
    server.core.changeExecution(one.id, "completed")
    assert.deepEqual([(await stream.next()).data.status], ["completed"])
  })

  it("sends log lines to who asks for them, and counts those that came too fast", async () => {
    const one = await reader("?kinds=log")
    server.deps.log.info("first", { token: "canary" })
    const line = await one.next()
    assert.deepEqual([line.event, line.id, line.data.message], ["log", undefined, "first"])
    assert.ok(!JSON.stringify(line).includes("canary"))
    for (let i = 0; i < STREAM_BACKLOG_MAX + 5; i++) server.deps.log.info("many")
    const frame = await one.next()
    assert.deepEqual([frame.event, frame.data.count], ["dropped", 5])
  })

  it("gives a slow reader everything, holding no queue for it", async () => {
    const one = await reader("?kinds=execution")
    const ids = Array.from({ length: STREAM_BACKLOG_MAX }, () => server.core.startExecution("running").id)
    const seen = await one.take(ids.length)
    assert.deepEqual(
      seen.map(({ data }) => data.id),
      ids,
    )
  })

  it("refuses more clients than its bound, and takes one again when one goes", async () => {
    const { secret } = await server.tokens.create({ name: "other", scope: "read", services: [], topics: [] })
    for (let i = 0; i < STREAM_CLIENTS_PER_TOKEN_MAX; i++) await reader("", { authorization: `Bearer ${secret}` })
    const own = await server.call("GET", "/api/v1/stream", { token: secret })
    assert.equal((own.body as { code: string }).code, "TOO_MANY_STREAMS", "the rest is for other tokens")
    for (let i = STREAM_CLIENTS_PER_TOKEN_MAX; i < STREAM_CLIENTS_MAX; i++) await reader()
    const refused = await server.call("GET", "/api/v1/stream")
    assert.deepEqual([refused.status, (refused.body as { code: string }).code], [503, "TOO_MANY_STREAMS"])
    assert.equal(refused.headers.get("retry-after"), "10")
    await readers[0]!.close()
    // The server hears of the end through the connection; until then it answers 503.
    for (;;) {
      const one = new Reader()
      readers.push(one)
      if ((await one.open(server)).status === 200) break
    }
  })

  it("ends when the server stops", async () => {
    const response = await fetch(new URL("/api/v1/stream", server.url), {
      headers: { authorization: `Bearer ${server.tokens.runToken}` },
    })
    await server.stop()
    await response.text()
  })
})
