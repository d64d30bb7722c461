import type { ApplicationName } from "../../../base/ids.ts"
import type { Json, JsonObject } from "../../../schema/json.ts"
import { ApiError } from "../../errors.ts"
import type { Handlers } from "../handler.ts"
import { applicationView, pageView } from "../views.ts"
import { pagingOf } from "./paging.ts"

export const APPLICATION_HANDLERS: Handlers<
  | "application.validate"
  | "application.dryRun"
  | "application.deploy"
  | "application.list"
  | "application.show"
  | "application.pause"
  | "application.resume"
  | "application.remove"
  | "application.run"
> = {
  "application.validate": ({ core }, { body }) => core.applications.validate(body.application),
  "application.dryRun": ({ core }, { body }) => {
    const { application, config, workflow = null, data, outcomes } = body
    return core.applications.dryRun(application, { config, workflow, data, outcomes })
  },
  "application.deploy": async ({ core }, { params, body }) => {
    checkName(params.name, body.application)
    const { warnings, ...application } = await core.applications.deploy(body.application, body.config)
    return { ...applicationView(application), warnings }
  },
  "application.list": ({ core }, { query }) => pageView(core.applications.list(pagingOf(query)), applicationView),
  "application.show": ({ core }, { params }) => {
    const { document, ...application } = core.applications.show(params.name)
    return { ...applicationView(application), document: document as unknown as JsonObject }
  },
  "application.pause": async ({ core }, { params }) => applicationView(await core.applications.pause(params.name)),
  "application.resume": async ({ core }, { params }) => applicationView(await core.applications.resume(params.name)),
  "application.remove": async ({ core }, { params }) => {
    await core.applications.remove(params.name)
  },
  "application.run": ({ core }, { params, body }) =>
    core.applications.run(params.name, body.workflow ?? null, body.data),
}

/** A document without a name, or with a wrong one, is left to the rules. */
function checkName(name: ApplicationName, document: Json): void {
  const said = (document as { name?: unknown } | null)?.name
  if (typeof said !== "string" || said === name) return
  throw new ApiError({ code: "NAME_MISMATCH" }, `the address says ${name}, the document ${said}`, {
    remedy: `send it to /api/v1/applications/${encodeURIComponent(said)}`,
  })
}
