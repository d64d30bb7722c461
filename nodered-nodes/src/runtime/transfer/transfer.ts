import * as v from "valibot"
import { stringify } from "yaml"
import { parseDocument } from "../../../../agent/api/cli/document.ts"
import { ApplicationSchema } from "../../../../agent/schema/application.ts"
import type { Catalogue } from "../../flow/catalogue.ts"
import { compileFlow } from "../../flow/compile.ts"
import { decompile } from "../../flow/decompile.ts"
import type { AgentConnection } from "../agent/connection.ts"
import type { Refusal } from "../api/shapes.ts"
import type { Exported, Imported, Said } from "./view.ts"

/**
 * Draws an application file.
 * @param connection of the agent that judges it; one that is away, or null, judges nothing: it is judged at deploy
 * @param agent id of the `mesg-agent` node that the new nodes are to name, or empty
 */
export async function importApplication(
  text: string,
  catalogue: Catalogue,
  connection: AgentConnection | null,
  agent: string,
): Promise<Imported> {
  const { value, refusals } = parseDocument("the file", Buffer.from(text))
  if (refusals.length > 0) {
    const said = refusals.map(({ rule, message, remedy, line, column }) => {
      return { where: line === undefined ? "" : `${line}:${column}`, code: rule, message, remedy }
    })
    return { ok: false, refusals: said }
  }
  if (connection?.problem === null) {
    const verdict = await connection.client.validate(value, connection.signal)
    if (!verdict.ok) return { ok: false, refusals: verdict.refusals.map(saidOf) }
  }
  const parsed = v.safeParse(ApplicationSchema, value)
  if (!parsed.success) {
    const said = parsed.issues.map((issue) => {
      return { where: v.getDotPath(issue) ?? "", code: "SCHEMA", message: issue.message, remedy: "" }
    })
    return { ok: false, refusals: said }
  }
  return { ok: true, nodes: decompile(parsed.output, catalogue, { agent }) }
}

/** @param flows all nodes of the editor, deployed or not */
export function exportApplications(flows: unknown, catalogue: Catalogue): readonly Exported[] {
  return compileFlow(flows, catalogue).applications.map(({ agent, name, document, faults }) => ({
    agent,
    name,
    text: stringify(document, { lineWidth: 120, aliasDuplicateObjects: false }),
    refusals: faults.map(({ code, message, remedy, node }) => ({ where: node, code, message, remedy })),
  }))
}

function saidOf({ rule, path, message, remedy }: Refusal): Said {
  return { where: path, code: rule, message, remedy }
}
