import assert from "node:assert/strict"
import { existsSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { stringify } from "yaml"
import { RULE_CODES } from "../../../../agent/schema/application.ts"
import { type CompiledFlow, compileFlow } from "../../../../nodered-nodes/src/flow/compile.ts"
import { FLOW_CODES } from "../../../../nodered-nodes/src/flow/fault.ts"
import { placeRefusals, placeWarnings } from "../../../../nodered-nodes/src/flow/refusals.ts"
import type { Place } from "../../../../nodered-nodes/src/flow/scopes.ts"
import { agentSays, FLOW_CATALOGUE, FLOW_NAMES, FLOWS, readFlow } from "../../../support/flows.ts"
import { assertGolden } from "../../../support/golden.ts"

/*
 * One folder per flow: `flow.json` as Node-RED keeps it, and what becomes of it: `<application>.yml` for each application
 * that may be deployed, `refused.txt` with what is said on which node, `inline.txt` with what runs in Node-RED and why;
 * in those named so, `warned.txt` with what is warned of on which node.
 */
const seen = new Set<string>()

const where = ({ node, instances }: Place) => [...instances, node].join(" > ")

/** @returns the files that a flow of this kind gives, by name */
function filesOf({ applications, inline }: CompiledFlow, kind: string): Map<string, string> {
  const files = new Map<string, string>()
  const refused: string[] = []
  for (const application of applications) {
    const faults = placeRefusals(application, agentSays(application.document).refusals)
    for (const { code } of faults) seen.add(code)
    if (faults.length === 0) {
      const { name, document } = application
      files.set(`${name}.yml`, stringify(document, { lineWidth: 120, aliasDuplicateObjects: false }))
    } else {
      refused.push(
        `# ${application.name}\n`,
        ...faults.map((one) => `${where(one)}: ${one.code}: ${one.message}\n  ${one.remedy}\n`),
      )
    }
  }
  if (refused.length > 0) files.set("refused.txt", refused.join(""))
  const chains = inline.map(({ nodes, reasons }) => {
    return `${nodes.map(where).join(", ")}\n${reasons.map((one) => `  ${where(one)}: ${one.what}\n`).join("")}`
  })
  if (inline.length > 0) files.set("inline.txt", chains.join(""))
  if (kind === "warned") {
    const warned = applications.flatMap((application) =>
      placeWarnings(application, agentSays(application.document).warnings).map(
        (one) => `${where(one)}: ${one.message}\n`,
      ),
    )
    files.set("warned.txt", warned.join(""))
  }
  return files
}

describe("flows as applications", () => {
  for (const name of FLOW_NAMES) {
    it(`${name.replaceAll("-", " ")}`, () => {
      const kind = name.split("-")[0]!
      const files = filesOf(compileFlow(readFlow(name), FLOW_CATALOGUE), kind)
      const kept = readdirSync(join(FLOWS, name)).filter((file) => file !== "flow.json")
      if (process.env["UPDATE_GOLDEN"] === "1") {
        for (const file of kept) if (!files.has(file)) rmSync(join(FLOWS, name, file))
      }
      for (const [file, text] of files) assertGolden(`flows/${name}/${file}`, text)
      assert.deepEqual(
        kept.filter((file) => !files.has(file) && existsSync(join(FLOWS, name, file))),
        [],
        "is no longer given",
      )
      assert.equal(files.has("refused.txt"), kind === "refused", [...files.keys()].join(", "))
      assert.equal(files.has("inline.txt"), kind === "inline", [...files.keys()].join(", "))
    })
  }

  it("are looked at from all sides", () => {
    assert.ok(FLOW_NAMES.length >= 40, `${FLOW_NAMES.length} flows`)
    // A flow is no text, so it has no syntax to break.
    const codes = [...RULE_CODES.filter((code) => code !== "SYNTAX"), ...FLOW_CODES]
    assert.deepEqual(
      codes.filter((code) => !seen.has(code)),
      [],
    )
  })
})
