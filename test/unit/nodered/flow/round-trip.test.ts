import assert from "node:assert/strict"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { readDocument } from "../../../../agent/api/cli/document.ts"
import type { Catalogue } from "../../../../agent/core/workflow/compile.ts"
import type { Application } from "../../../../agent/schema/application.ts"
import { type CompiledApplication, compileFlow } from "../../../../nodered-nodes/src/flow/compile.ts"
import { decompile } from "../../../../nodered-nodes/src/flow/decompile.ts"
import { sizeOf } from "../../../../nodered-nodes/src/flow/layout.ts"
import type { Raw } from "../../../../nodered-nodes/src/flow/raw.ts"
import { agentSays, asKept, FLOW_CATALOGUE, FLOW_NAMES, readFlow } from "../../../support/flows.ts"
import { anyApplication } from "../../../support/random-application.ts"
import { scaled } from "../../../support/scale.ts"
import { ROOT } from "../../../support/sources.ts"
import { catalogueOf, SERVICE_S } from "../../../support/workflow.ts"

/** What random applications call. */
const PAY = asKept({
  name: "pay",
  visibility: "public",
  workflows: { w: { trigger: { service: "s", event: "e" }, tasks: { a: { run: "s.t" } } } },
  outputs: { done: { from: "a.ok" }, no: { from: "a.no" } },
})
const SERVICES = catalogueOf([SERVICE_S], [PAY])
const NOTHING = catalogueOf([])

/** What comes back when the drawing has been through Node-RED, which keeps it as JSON. */
function redrawn(application: Application, catalogue: Catalogue): { flow: Raw[]; back: CompiledApplication } {
  const flow = JSON.parse(JSON.stringify(decompile(application, catalogue))) as Raw[]
  const { applications, inline } = compileFlow(flow, catalogue)
  assert.deepEqual(inline, [])
  assert.equal(applications.length, 1)
  return { flow, back: applications[0]! }
}

/** Equal, and written in the same order. */
function assertSame(back: CompiledApplication, application: Application): void {
  assert.deepEqual(back.faults, [])
  assert.deepEqual(asKept(back.document), application)
  assert.equal(JSON.stringify(asKept(back.document)), JSON.stringify(application))
}

/** Every wire leads to the right, and no two nodes lie on one another. */
function assertReadable(flow: readonly Raw[]): void {
  const drawn = flow
    .filter((node) => Array.isArray(node["wires"]))
    .map((node) => {
      const wires = node["wires"] as string[][]
      // Where nothing is said, the editor takes the number of the type.
      if ("statuses" in node) assert.equal(node["outputs"], wires.length)
      const { width, height } = sizeOf({ label: node["name"] as string, ports: wires.length, from: [] })
      return { id: node["id"], x: node["x"] as number, y: node["y"] as number, width, height, wires }
    })
  const at = new Map(drawn.map((node) => [node.id, node]))
  for (const node of drawn) {
    assert.ok(node.x - node.width / 2 >= 0 && node.y - node.height / 2 >= 0, "on the tab")
    for (const to of node.wires.flat()) {
      const next = at.get(to)!
      assert.ok(next.x - next.width / 2 > node.x + node.width / 2, `${String(node.id)} -> ${to} leads to the right`)
    }
  }
  const columns = Map.groupBy(drawn, ({ x, width }) => x - width / 2)
  for (const column of columns.values()) {
    column.sort((a, b) => a.y - b.y)
    column.slice(1).forEach((node, i) => {
      const above = column[i]!
      assert.ok(
        node.y - node.height / 2 >= above.y + above.height / 2,
        `${above.id as string} ends above ${node.id as string}`,
      )
    })
  }
}

describe("an application that is drawn and compiled again", () => {
  const folder = join(ROOT, "test/golden/rules")
  const golden = readdirSync(folder).filter((name) => /^valid-.*\.yml$/.test(name))
  const files = [...golden.map((name) => join(folder, name)), join(ROOT, "docs/examples/electric-car/app.yml")]

  it("is there to be tried", () => assert.ok(files.length > 25, `${files.length} files`))

  for (const file of files) {
    it(`is the same: ${file.slice(ROOT.length + 1)}`, () => {
      const application = asKept(readDocument(file).value)
      for (const catalogue of [SERVICES, NOTHING]) {
        const { flow, back } = redrawn(application, catalogue)
        assertSame(back, application)
        assertReadable(flow)
      }
    })
  }

  it("is the same, whatever it is", () => {
    fc.assert(
      fc.property(anyApplication, fc.boolean(), (application, known) => {
        const { flow, back } = redrawn(application, known ? SERVICES : NOTHING)
        assertSame(back, application)
        assertReadable(flow)
        assert.equal(new Set(flow.map(({ id }) => id)).size, flow.length, "every node has an id of its own")
      }),
      { numRuns: scaled(300, 1500) },
    )
  })
})

describe("a flow that is compiled, drawn and compiled again", () => {
  for (const name of FLOW_NAMES) {
    const applications = compileFlow(readFlow(name), FLOW_CATALOGUE).applications.filter(
      ({ faults, document }) => faults.length === 0 && agentSays(document).refusals.length === 0,
    )
    if (applications.length === 0) continue
    it(`says the same: ${name.replaceAll("-", " ")}`, () => {
      for (const { document } of applications) {
        const application = asKept(document)
        const { back } = redrawn(application, FLOW_CATALOGUE)
        assertSame(back, application)
        assert.deepEqual(agentSays(back.document).refusals, [])
      }
    })
  }

  it("does not sink where ways part and come together again", () => {
    const application = asKept(readDocument(join(ROOT, "test/golden/rules/valid-256-branches.yml")).value)
    const heights = decompile(application, SERVICES).flatMap(({ y }) => (typeof y === "number" ? [y] : []))
    assert.ok(Math.max(...heights) - Math.min(...heights) <= 100, heights.join(", "))
  })

  it("has the same ids each time it is drawn", () => {
    const application = asKept(compileFlow(readFlow("plain-chain"), FLOW_CATALOGUE).applications[0]!.document)
    assert.deepEqual(decompile(application, FLOW_CATALOGUE), decompile(application, FLOW_CATALOGUE))
  })
})
