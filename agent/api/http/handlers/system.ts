import { LIST_LIMIT_DEFAULT } from "../../../base/limits.ts"
import type { ApiDeps } from "../../deps.ts"
import { ApiError } from "../../errors.ts"
import { recoveryText } from "../../recovery-text.ts"
import { LEVELS } from "../../log-tail.ts"
import { STREAM_KINDS } from "../../operations/schemas/system.ts"
import type { Handlers } from "../handler.ts"
import { openApiDocument } from "../openapi.ts"
import { logView, pageView, tokenView } from "../views.ts"
import { writeBackup } from "./backup.ts"
import { welcome } from "./welcome.ts"
import { pageOfList, pagingOf } from "./paging.ts"

export const SYSTEM_HANDLERS: Handlers<
  | "system.welcome"
  | "system.health"
  | "system.ready"
  | "system.metrics"
  | "system.openapi"
  | "system.status"
  | "system.stop"
  | "system.doctor"
  | "system.logs"
  | "system.backup"
  | "config.show"
  | "config.set"
  | "config.change"
  | "stream.follow"
  | "token.list"
  | "token.create"
  | "token.verify"
  | "token.revoke"
> = {
  "system.welcome": (_deps, _input, { accept }) => welcome(accept),
  "system.health": () => ({ status: "ok" }),
  "system.ready": ({ agent }) => {
    if (!agent.ready()) throw new ApiError({ code: "NOT_READY" }, "the agent is starting or stopping")
    return { status: "ready" }
  },
  "system.metrics": async ({ metrics }) =>
    new Response(await metrics.text(), { headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } }),
  "system.openapi": ({ agent }) => openApiDocument(agent.version),
  "system.status": (deps) => statusOf(deps),
  "system.stop": ({ requestStop }) => {
    requestStop()
    return { stopping: true }
  },
  "system.doctor": ({ doctor }, { query }) => doctor(query.about ?? "health"),
  "system.logs": ({ logTail }, { query }) => {
    const least = LEVELS.indexOf(query.level ?? "debug")
    const lines = logTail.recent().filter((line) => LEVELS.indexOf(line.level) >= least)
    return { items: lines.slice(-(query.limit ?? LIST_LIMIT_DEFAULT)).map(logView), cursor: null }
  },
  "system.backup": (deps, { body }, { signal }) =>
    writeBackup(deps, body?.file ?? null, body?.passphrase ?? null, signal),
  "config.show": ({ configuration }) => ({ items: configuration.entries(), cursor: null }),
  "config.set": async ({ configuration }, { params, body }) => {
    const { restart } = await configuration.set({ [params.key]: body.value })
    return { key: params.key, value: body.value, restart }
  },
  "config.change": async ({ configuration }, { body: { values } }) => {
    const { restart } = await configuration.set(values)
    return { values, restart }
  },
  "stream.follow": (_, { query }, { token, lastEventId, streams }) => {
    const { kinds = STREAM_KINDS.filter((kind) => kind !== "log"), service, app, execution, after } = query
    // Log lines tell more of the gateway than what a reader of events may know.
    if (kinds.includes("log") && token?.scope === "read") {
      throw new ApiError({ code: "FORBIDDEN", scope: "operate" }, "the log needs a token of scope operate")
    }
    return streams.open(token?.id ?? "", { kinds, service, app, execution }, lastEventId ?? after ?? null)
  },
  "token.list": ({ tokens }, { query }) => {
    return pageView(
      pageOfList(tokens.list(), ({ id }) => id, pagingOf(query)),
      tokenView,
    )
  },
  "token.create": async ({ tokens }, { body }) => {
    const { token, secret } = await tokens.create(body)
    return { ...tokenView(token), token: secret }
  },
  "token.verify": ({ tokens }, { body }) => {
    const token = tokens.verify(body.token)
    if (token === null)
      throw new ApiError({ code: "TOKEN_NOT_FOUND" }, "there is no such token", {
        remedy: "it was revoked, or never made: `mesg token list` shows those that count",
      })
    return tokenView(token)
  },
  "token.revoke": async ({ tokens }, { params }) => {
    await tokens.revoke(params.id)
  },
}

function statusOf({ agent, core }: ApiDeps) {
  const events = core.events.counts()
  const executions = core.executions.counts()
  const recovery = agent.storeRecovery()
  return {
    version: agent.version,
    node: agent.nodeKey,
    uptimeMs: Math.round(agent.uptimeMs()),
    addresses: agent.addresses(),
    events: { accepted: events.accepted, duplicates: events.duplicates },
    executions: {
      running: executions.running,
      waiting: executions.waiting,
      completed: executions.completed,
      failed: executions.failed,
    },
    alarm: recovery === null ? null : `the store was ${recoveryText(recovery)}`,
  }
}
