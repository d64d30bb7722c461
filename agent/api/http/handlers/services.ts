import type { JsonObject } from "../../../schema/json.ts"
import { shownSettings } from "../../../schema/settings.ts"
import { type Handlers, Reply } from "../handler.ts"
import { callersKey, keyReused } from "../idempotency.ts"
import { isoTime, pageView, refusedView, serviceView } from "../views.ts"
import { pagingOf } from "./paging.ts"

export const SERVICE_HANDLERS: Handlers<
  | "service.list"
  | "service.show"
  | "service.add"
  | "service.remove"
  | "service.configure"
  | "service.call"
  | "event.emit"
  | "event.refused"
> = {
  "service.list": ({ core }, { query }) => pageView(core.services.list(pagingOf(query)), serviceView),
  "service.show": ({ core }, { params }) => {
    const { manifest, config, ...service } = core.services.show(params.id)
    return {
      ...serviceView(service),
      manifest: manifest as unknown as JsonObject,
      // The engine hides them already; a secret that leaves here is gone for ever, so this looks again.
      config: shownSettings(manifest, config, service.lostSecrets),
    }
  },
  "service.add": async ({ core }, { body }) => {
    const { source, trust, networkAny, config } = body
    const options = { trust, networkAny, ...(config === undefined ? {} : { config }) }
    return serviceView(await core.services.add(source, options))
  },
  "service.remove": async ({ core }, { params }) => {
    await core.services.remove(params.id)
  },
  "service.configure": async ({ core }, { params, body }) =>
    serviceView(await core.services.configure(params.id, body)),
  "service.call": async ({ core }, { params, body }, { waitMs, signal }) => {
    const call = await core.services.call(params.id, params.task, body.inputs, waitMs, signal)
    if (!call.ended || waitMs === 0) return { execution: call.execution }
    return new Reply(200, { execution: call.execution, status: call.status ?? "error", data: call.data })
  },
  "event.emit": async ({ core }, { params, body }, { idempotencyKey, token }) => {
    const id =
      body.id ?? (idempotencyKey === null ? null : `key-${callersKey(token?.id ?? "", idempotencyKey).slice(0, 32)}`)
    const accepted = await core.events.accept({ service: params.id, event: params.event, data: body.data, id })
    const { event, duplicate, differs, executions } = accepted
    if (differs) {
      const by = body.id === undefined ? "Idempotency-Key" : `id ${JSON.stringify(body.id)}`
      throw keyReused(`an event with this ${by} and other data was accepted before`)
    }
    return {
      event: { service: event.service, event: event.event, id: event.id, time: isoTime(event.timeMs) },
      duplicate,
      executions,
    }
  },
  "event.refused": ({ core }, { query }) => pageView(core.events.refused(pagingOf(query)), refusedView),
}
