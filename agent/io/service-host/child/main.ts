import { Socket } from "node:net"
import type { RecoverAnswer, TaskAnswer, TaskCall, WebhookRequest } from "../../../ports/service-host.ts"
import type { ServiceModule } from "../../../ports/service-author.ts"
import type { Json, JsonObject } from "../../../schema/json.ts"
import { Channel } from "../channel.ts"
import { isAccessDenied, sentenceOf, ServiceRunner } from "../runner.ts"
import { handlerNames, moduleOf } from "../service-module.ts"
import { AgentBackend } from "./agent-backend.ts"

/** File descriptor of the channel to the agent (docs/spec/service.md#confined). */
const CHANNEL_FD = 3
const EXIT_UNCAUGHT = 70
/** What the agent needs to read the last words of a process. */
const LAST_WORDS_MS = 200

interface Load {
  readonly id: string
  readonly url: string
  readonly config: JsonObject
  readonly network: "declared" | "any"
}

let module: ServiceModule | undefined
let runner: ServiceRunner | undefined
let backend: AgentBackend | undefined

const channel: Channel = new Channel(new Socket({ fd: CHANNEL_FD, readable: true, writable: true }), {
  ask: async (op, args, signal) => serve(op, args as never, signal),
  tell: () => undefined,
  // Without its agent a service has nothing to do.
  broken: () => process.exit(0),
})

process.on("uncaughtException", (error) => {
  const code = isAccessDenied(error) ? "SERVICE_FORBIDDEN" : "SERVICE_CRASHED"
  channel.tell("dying", { code, message: `uncaught in the service: ${sentenceOf(error)}` })
  setTimeout(() => process.exit(EXIT_UNCAUGHT), LAST_WORDS_MS)
})

async function serve(op: string, args: never, signal: AbortSignal): Promise<Json | undefined> {
  switch (op) {
    case "ping":
      return null
    case "load":
      return load(args)
    case "start":
      await running().start()
      return null
    case "stop":
      await runner?.stop()
      return null
    case "execute":
      return asJson(await running().execute(args as TaskCall, { signal }))
    case "recover":
      return asJson(await running().recover(args as TaskCall, signal))
    case "verify": {
      const { call, result } = args as { call: TaskCall; result: { status: string; data: Json } }
      return running().verify(call, result, signal)
    }
    case "deliver":
      return reached().deliver(args)
    case "request":
      return reached().request(args as { hook: number; request: Omit<WebhookRequest, "body"> & { body: string } })
    default:
      throw new Error(`the agent asked for ${op}, which this service's process does not know`)
  }
}

async function load({ id, url, config, network }: Load): Promise<Json> {
  const loaded = (await import(url)) as { default?: unknown }
  module = moduleOf(loaded.default, url)
  backend = new AgentBackend(channel, network)
  runner = new ServiceRunner(id, module, config, backend)
  return { ...handlerNames(module) }
}

function running(): ServiceRunner {
  if (runner === undefined) throw new Error("the service's code is not loaded")
  return runner
}

function reached(): AgentBackend {
  if (backend === undefined) throw new Error("the service's code is not loaded")
  return backend
}

// The runner's answers are plain JSON; only their types do not say so.
function asJson(answer: TaskAnswer | RecoverAnswer): Json {
  return answer as Json
}
