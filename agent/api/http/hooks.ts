import { isMesgError, messageOf } from "../../base/errors.ts"
import type { Services } from "../../engine/core.ts"
import type { WebhookResponse } from "../../ports/service-host.ts"
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
  const asked = {
    method: request.method,
    path,
    query: Object.fromEntries(url.searchParams),
    headers: Object.fromEntries(request.headers),
    body,
  }
  const answer = await ofTheService(async () => {
    const said = await services.webhook(asked)
    return said === null ? null : responseOf(said, request.method)
  })
  if (answer !== null) return answer
  throw new ApiError({ code: "HOOK_NOT_FOUND" }, "no service listens here", {
    remedy: "see `mesg service show` of the service that should",
  })
}

/** @throws TypeError where a header cannot be sent */
function responseOf(answer: WebhookResponse, method: string): Response {
  const headers = new Headers({ "content-type": "text/plain; charset=utf-8" })
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    const lower = name.toLowerCase()
    if (PASSED.test(lower) && !KEPT_BY_US.test(lower)) headers.set(lower, value)
  }
  const empty = method === "HEAD" || [204, 205, 304].includes(answer.status)
  const isStatus = Number.isInteger(answer.status) && answer.status >= 200 && answer.status <= 599
  return new Response(empty ? null : (answer.body ?? ""), { status: isStatus ? answer.status : 502, headers })
}

/** The code of a service runs here: what it throws, or says that cannot be sent, is its own failure, not the agent's. */
async function ofTheService<Value>(ask: () => Promise<Value>): Promise<Value> {
  try {
    return await ask()
  } catch (error) {
    if (isMesgError(error)) throw error
    throw new ApiError({ code: "HOOK_FAILED" }, `the service that listens here failed: ${messageOf(error)}`, {
      remedy: "see `mesg logs`",
      cause: error,
    })
  }
}
