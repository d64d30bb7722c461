import { StringDecoder } from "node:string_decoder"
import { CLI_ANSWER_BYTES_MAX } from "../../../base/limits.ts"
import type { ExecutionView } from "../../../schema/execution.ts"
import type { OutputOf } from "../../operations/schemas/table.ts"
import { callAgent, type Endpoint, openRequest } from "../client.ts"
import type { RunnerContext } from "../runner.ts"
import { CliError, EXIT } from "../error.ts"
import { ExchangeError } from "../exchange.ts"
import { executionText } from "../render/execution.ts"
import { shortJson } from "../render/layout.ts"
import { linesOf, paint, printable, type Terminal } from "../terminal.ts"
import { requestOf } from "../values.ts"

interface ServerEvent {
  readonly kind: string
  readonly id: string | null
  readonly data: unknown
}

/** How many refused events are shown before those that are still to come. */
const REFUSED_SHOWN = 20

/** `event tail`: one line per event, until Ctrl-C. With --refused the last ones that were come first. */
export async function runTail({ chosen, terminal, endpoint, signal }: RunnerContext): Promise<number> {
  const agent = endpoint()
  const refused = [...chosen.typed].some(([{ to }, value]) => to === "local" && value === true)
  const query = new URLSearchParams({ kinds: refused ? "refused" : "event" })
  const service = [...chosen.typed].find(([{ to }]) => to === "query.service")?.[1]
  if (typeof service === "string") query.set("service", service)
  const say = (data: unknown) => {
    terminal.out(chosen.json ? `${JSON.stringify(data)}\n` : eventLine(data as EventLine, terminal))
  }
  const opened = Promise.withResolvers<void>()
  const stream = follow(agent, query, signal, opened.resolve)
  let next = stream.next()
  await Promise.race([opened.promise, next])
  // Between the opening of the stream and the look at the list, an event may come by both.
  const shown = new Set<string>()
  if (refused) {
    for (const event of await lastRefused(agent)) {
      if (service !== undefined && event.service !== service) continue
      shown.add(JSON.stringify(event))
      say(event)
    }
  }
  for (let event = await next; event.done !== true; event = await next) {
    const { kind, data } = event.value
    if (kind !== "reset" && !shown.has(JSON.stringify(data))) say(data)
    next = stream.next()
  }
  return EXIT.ok
}

async function lastRefused(agent: Endpoint): Promise<readonly EventLine[]> {
  const path = `/api/v1/events/refused?limit=${REFUSED_SHOWN}`
  const { items } = (await callAgent(agent, { method: "GET", path, headers: {} })).body as OutputOf<"event.refused">
  return items.toReversed()
}

/** `execution watch ID`: each change as it comes, until the execution ended. 0 if it completed, else 1. */
export async function runWatch(context: RunnerContext): Promise<number> {
  const { chosen, endpoint } = context
  const agent = endpoint()
  const id = String([...chosen.typed.values()][0])
  const path = `/api/v1/executions/${encodeURIComponent(id)}`
  const look = async () => (await callAgent(agent, { method: "GET", path, headers: {} })).body as ExecutionView
  const opened = Promise.withResolvers<void>()
  const enough = new AbortController()
  const signal = AbortSignal.any([context.signal, enough.signal])
  const query = new URLSearchParams({ kinds: "execution", execution: id })
  const stream = follow(agent, query, signal, opened.resolve)
  let next = stream.next()
  try {
    // The stream is open before the first look, so no change falls between the two.
    await Promise.race([opened.promise, next])
    let shown = show(await look(), null, context)
    while (!hasEnded(shown.execution)) {
      const event = await next
      if (event.done === true) break
      const execution = event.value.kind === "reset" ? await look() : (event.value.data as ExecutionView)
      shown = show(execution, shown, context)
      next = stream.next()
    }
    return shown.execution.status === "completed" ? EXIT.ok : EXIT.failed
  } finally {
    enough.abort()
    await next.catch(() => {}) // All was seen; a connection that breaks now breaks nothing.
  }
}

/** `logs`: the newest lines, and with -f those that follow. */
export async function runLogs(context: RunnerContext): Promise<number> {
  const { chosen, terminal, endpoint } = context
  if (chosen.entry.kind !== "agent") return EXIT.usage
  const agent = endpoint()
  const following = [...chosen.typed].some(([{ to }, value]) => to === "local" && value === true)
  const request = requestOf(chosen.entry.operation, chosen.typed, {})
  const level = new URLSearchParams(request.path.split("?", 2)[1]).get("level") ?? "debug"
  const { items } = (await callAgent(agent, request)).body as OutputOf<"system.logs">
  // A stream prints one value per line; what is asked for once is one value.
  if (chosen.json && !following) terminal.out(`${JSON.stringify({ items, cursor: null })}\n`)
  else for (const line of items) terminal.out(logLine(line, chosen.json, terminal))
  if (!following) return EXIT.ok
  const levels = ["debug", "info", "warn", "error"]
  for await (const { kind, data } of follow(agent, new URLSearchParams({ kinds: "log" }), context.signal)) {
    const line = data as LogLine
    if (kind === "log" && levels.indexOf(line.level) >= levels.indexOf(level))
      terminal.out(logLine(line, chosen.json, terminal))
  }
  return EXIT.ok
}

/** Server-sent events of the agent, resumed where a connection broke, until the person or the agent ends it. */
async function* follow(
  agent: Endpoint,
  query: URLSearchParams,
  signal: AbortSignal,
  opened: () => void = () => {},
): AsyncGenerator<ServerEvent> {
  const path = `/api/v1/stream?${query.toString()}`
  let lastId: string | null = null
  while (!signal.aborted) {
    const headers: Record<string, string> = lastId === null ? {} : { "last-event-id": lastId }
    const response = await openRequest(agent, { method: "GET", path, headers }, 0)
    opened()
    const end = () => response.destroy()
    signal.addEventListener("abort", end)
    try {
      for await (const event of eventsOf(response.body)) {
        lastId = event.id ?? lastId
        yield event
      }
    } catch (error) {
      // A broken connection is taken up again; if the agent is gone, that says so.
      if (!signal.aborted && !isBroken(error)) throw error
    } finally {
      signal.removeEventListener("abort", end)
      response.destroy()
    }
  }
}

function isBroken(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return error instanceof ExchangeError || code === "ECONNRESET" || code === "EPIPE"
}

async function* eventsOf(body: AsyncIterable<Buffer>): AsyncGenerator<ServerEvent> {
  const decoder = new StringDecoder("utf8")
  let rest = ""
  for await (const part of body) {
    rest += decoder.write(part)
    if (rest.length > CLI_ANSWER_BYTES_MAX) {
      throw new CliError({ code: "AGENT_UNREACHABLE" }, "one event of the stream is too large")
    }
    const frames = rest.split("\n\n")
    rest = frames.pop()!
    for (const frame of frames) {
      const field = (name: string) =>
        frame
          .split("\n")
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2)
      const data = field("data")
      if (data !== undefined)
        yield { kind: field("event") ?? "message", id: field("id") ?? null, data: JSON.parse(data) }
    }
  }
}

interface EventLine {
  readonly time: string
  readonly service: string
  readonly event: string
  readonly id: string | null
  readonly data?: unknown
  readonly code?: string
  readonly reason?: string
}

function eventLine(event: EventLine, terminal: Terminal): string {
  const id = event.id === null ? "" : ` ${paint(terminal, "dim", printable(event.id))}`
  const what = event.code === undefined ? shortJson(event.data, 200) : `${event.code}: ${event.reason ?? ""}`
  const name = paint(terminal, "cyan", printable(`${event.service}.${event.event}`))
  return `${clockText(event.time)} ${name}${id} ${printable(what)}\n`
}

type LogLine = OutputOf<"system.logs">["items"][number]

function logLine(line: LogLine, json: boolean, terminal: Terminal): string {
  if (json) return `${JSON.stringify(line)}\n`
  const style = { debug: "dim", info: "green", warn: "yellow", error: "red" } as const
  const fields = Object.entries(line.fields).map(([name, value]) => `${name}=${shortJson(value, 120)}`)
  const level = paint(terminal, style[line.level], line.level.padEnd(5))
  return `${clockText(line.time)} ${level} ${printable([line.message, ...fields].join("  "))}\n`
}

function clockText(iso: string): string {
  return new Date(iso).toTimeString().slice(0, 8)
}

interface Shown {
  readonly execution: ExecutionView
  readonly lines: number
}

/** On a terminal the tree is drawn over the one before; in a pipe each change is a line. */
function show(execution: ExecutionView, before: Shown | null, { chosen, terminal }: RunnerContext): Shown {
  if (chosen.json) terminal.out(`${JSON.stringify(execution)}\n`)
  else if (terminal.isInteractive) {
    const text = executionText(execution, terminal)
    const back = before === null ? "" : `\u001b[${before.lines}A\u001b[J`
    terminal.out(back + text)
    return { execution, lines: linesOf(terminal, text) }
  } else if (before === null || hasEnded(execution)) terminal.out(executionText(execution, terminal))
  else terminal.out(changesText(before.execution, execution))
  return { execution, lines: 0 }
}

function changesText(before: ExecutionView, now: ExecutionView): string {
  const lines = Object.entries(now.tasks)
    .filter(([name, task]) => before.tasks[name]?.state !== task.state)
    .map(
      ([name, task]) =>
        `${printable(name)}: ${task.state}${task.status === null ? "" : ` (${printable(task.status)})`}\n`,
    )
  return lines.join("")
}

function hasEnded({ status }: ExecutionView): boolean {
  return status === "completed" || status === "failed" || status === "cancelled"
}
