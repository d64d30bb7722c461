import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { parse } from "yaml"
import type { Catalogue } from "../../agent/core/workflow/compile.ts"
import { checkApplication, type CheckedApplication } from "../../agent/core/workflow/rules.ts"
import { JsonataExpressions } from "../../agent/io/expressions/expressions.ts"
import { type Application, ApplicationSchema } from "../../agent/schema/application.ts"
import { checkManifest } from "../../agent/schema/manifest-check.ts"
import { catalogueOf } from "./workflow.ts"

export const FLOWS = join(import.meta.dirname, "../golden/flows")

/** Names of the flows that are kept, one folder each. */
export const FLOW_NAMES: readonly string[] = readdirSync(FLOWS, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort()

/** @returns the `flows.json` of a kept flow */
export function readFlow(name: string): unknown {
  return JSON.parse(readFileSync(join(FLOWS, name, "flow.json"), "utf8"))
}

/** The services and applications that the kept flows are drawn with. */
export const FLOW_CATALOGUE: Catalogue = readCatalogue()

function readCatalogue(): Catalogue {
  const { services, applications } = parse(readFileSync(join(FLOWS, "services.yml"), "utf8")) as {
    services: unknown[]
    applications: unknown[]
  }
  const manifests = services.map((document) => {
    const checked = checkManifest(document)
    assert.ok(checked.ok, JSON.stringify(checked))
    return checked.manifest
  })
  return catalogueOf(
    manifests,
    applications.map((document) => v.parse(ApplicationSchema, document)),
  )
}

const expressions = new JsonataExpressions()

/** What the agent says of an application, with the catalogue of the kept flows. */
export function agentSays(document: unknown, catalogue: Catalogue = FLOW_CATALOGUE): CheckedApplication {
  return checkApplication(document, catalogue, expressions)
}

/** @returns the application as the agent keeps it, with every default in its place */
export function asKept(document: unknown): Application {
  return v.parse(ApplicationSchema, document)
}
