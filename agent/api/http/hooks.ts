import { isMesgError, messageOf } from "../../base/errors.ts"
import type { Services } from "../../engine/core.ts"
import type { WebhookRequest, WebhookResponse } from "../../ports/service-host.ts"
import { ApiError } from "../errors.ts"
import { readBody } from "./body.ts"

/** Headers of a service's answer that pass: none that sets cookies, lifts our policies or breaks the connection. */
const PASSED = /^(?:content-type|content-language|location|retry-after|etag|last-modified|allow|x-[a-z0-9-]+)$/
const KEPT_BY_US = /^x-(?:content-type-options|frame-options)$/

/**
 * A request to `/hooks/<path>`: no token of ours, the service checks its own secret.
 * @throws ApiError HOOK_NOT_FOUND, HOOK_FAILED, BODY_TOO_LARGE
 */
export async function answerHook(services: Services, request: Request): Promise<Response> {
  const url = new URL(request.url)
  const path = url.pathname.slice("/hooks/".length)
  const body = await readBody(request)
  const answer = await ask(services, {
    method: request.method,
    path,
    query: Object.fromEntries(url.searchParams),
    headers: Object.fromEntries(request.headers),
    body,
  })
  if (answer === null) {
    throw new ApiError({ code: "HOOK_NOT_FOUND" }, "no service listens here", {
      remedy: "see `mesg service show` of the service that should",
    })
  }
  const headers = new Headers({ "content-type": "text/plain; charset=utf-8" })
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    const lower = name.toLowerCase()
    if (PASSED.test(lower) && !KEPT_BY_US.test(lower)) headers.set(lower, value)
  }
  const empty = request.method === "HEAD" || [204, 205, 304].includes(answer.status)
  const status = answer.status >= 200 && answer.status <= 599 ? answer.status : 502
  return new Response(empty ? null : (answer.body ?? ""), { status, headers })
}

/** The code of a service runs here: what it throws is its own failure, not the agent's. */
async function ask(services: Services, request: WebhookRequest): Promise<WebhookResponse | null> {
  try {
    return await services.webhook(request)
  } catch (error) {
    if (isMesgError(error)) throw error
    throw new ApiError({ code: "HOOK_FAILED" }, `the service that listens here failed: ${messageOf(error)}`, {
      remedy: "see `mesg logs`",
      cause: error,
    })
  }
}
