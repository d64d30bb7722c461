import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { ROOT } from "../support/sources.ts"

interface Cruise {
  readonly modules: readonly { source: string; dependencies: readonly unknown[] }[]
  readonly summary: { readonly violations: readonly { rule: { name: string }; from: string; to: string }[] }
}

function cruise(root: string, folders: readonly string[]): Cruise {
  const tool = join(ROOT, "node_modules/.bin/depcruise")
  const args = ["--config", ".dependency-cruiser.mjs", "--output-type", "json", ...folders]
  const { stdout, stderr } = spawnSync(tool, args, { cwd: root, encoding: "utf8", maxBuffer: 1e8 })
  assert.notEqual(stdout, "", stderr)
  return JSON.parse(stdout) as Cruise
}

const broken = ({ summary }: Cruise) => summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)

describe("the layers", function () {
  this.timeout(60_000)

  it("hold in the whole tree, and the whole tree was looked at", () => {
    const found = cruise(ROOT, ["agent", "plugins", "nodered-nodes", "test"])
    assert.deepEqual(broken(found), [])
    const ours = found.modules.filter(({ source }) => source.startsWith("agent/"))
    assert.ok(ours.length > 100, `${ours.length} modules`)
    assert.ok(ours.filter(({ dependencies }) => dependencies.length > 0).length > 80, "imports were not understood")
  })

  describe("are held: a planted violation is reported", () => {
    let tree: string
    before(() => {
      tree = mkdtempSync(join(tmpdir(), "mesg-layers-"))
      for (const name of [".dependency-cruiser.mjs", "tsconfig.json", "package.json"]) {
        copyFileSync(join(ROOT, name), join(tree, name))
      }
      symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"))
    })
    after(() => rmSync(tree, { recursive: true }))

    const cases: { rule: string; file: string; imports: string; type?: true }[] = [
      { rule: "base-imports-nothing", file: "agent/base/x.ts", imports: "../schema/y.ts" },
      { rule: "schema-imports-base", file: "agent/schema/x.ts", imports: "../core/y.ts" },
      { rule: "core-is-pure", file: "agent/core/workflow/x.ts", imports: "../../ports/y.ts", type: true },
      { rule: "below-io-no-node", file: "agent/core/workflow/x.ts", imports: "node:fs" },
      { rule: "below-io-no-node", file: "agent/base/x.ts", imports: "node:crypto" },
      { rule: "ports-are-types", file: "agent/ports/x.ts", imports: "../engine/y.ts", type: true },
      { rule: "io-implements-ports", file: "agent/io/store/x.ts", imports: "../../core/y.ts" },
      { rule: "io-siblings-are-strangers", file: "agent/io/store/x.ts", imports: "../broker/y.ts" },
      { rule: "peers-are-loaded-late", file: "agent/x.ts", imports: "./io/peers/y.ts" },
      { rule: "network-is-loaded-late", file: "agent/x.ts", imports: "./network.ts" },
      { rule: "engine-not-io", file: "agent/engine/x.ts", imports: "../io/store/y.ts" },
      { rule: "api-over-engine", file: "agent/api/http/x.ts", imports: "../../io/store/y.ts", type: true },
      { rule: "plugins-only-sdk", file: "plugins/http/x.ts", imports: "../../agent/base/y.ts" },
      { rule: "plugins-only-sdk", file: "plugins/http/x.ts", imports: "../mqtt/y.ts" },
      {
        rule: "nodes-only-sdk-and-schema",
        file: "nodered-nodes/src/runtime/x.ts",
        imports: "../../../agent/base/y.ts",
      },
      {
        rule: "nodes-see-types-of-schema",
        file: "nodered-nodes/src/runtime/x.ts",
        imports: "../../../agent/schema/y.ts",
      },
      {
        rule: "nodes-share-where-it-means-the-same",
        file: "nodered-nodes/src/runtime/nodes/x.ts",
        imports: "../../../../agent/base/pause.ts",
      },
      { rule: "nodes-editor-is-a-page", file: "nodered-nodes/src/editor/x.ts", imports: "../runtime/y.ts", type: true },
      { rule: "nodes-editor-is-told-data", file: "nodered-nodes/src/editor/x.ts", imports: "../runtime/panel/view.ts" },
      { rule: "nodes-runtime-knows-no-page", file: "nodered-nodes/src/runtime/x.ts", imports: "../editor/y.ts" },
      { rule: "nodes-host-asks-the-agent", file: "nodered-nodes/src/host/x.ts", imports: "../runtime/nodes/y.ts" },
      { rule: "flow-is-pure", file: "nodered-nodes/src/flow/x.ts", imports: "../runtime/y.ts", type: true },
      { rule: "flow-is-pure", file: "nodered-nodes/src/flow/x.ts", imports: "node:fs" },
      { rule: "product-never-imports-tests", file: "agent/engine/x.ts", imports: "../../test/y.ts" },
      { rule: "no-circular", file: "agent/base/x.ts", imports: "./x.ts" },
      { rule: "resolvable", file: "agent/base/x.ts", imports: "./nothing.ts" },
    ]
    for (const { rule, file, imports, type } of cases) {
      it(`${file} imports ${type ? "a type of " : ""}${imports}: ${rule}`, () => {
        const path = join(tree, file)
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(
          path,
          `import ${type ? "type " : ""}* as y from "${imports}"\nexport { ${type ? "type " : ""}y }\n`,
        )
        const target = join(dirname(path), imports)
        const isThere = !["./x.ts", "./nothing.ts"].includes(imports) && imports.startsWith(".")
        if (isThere) {
          mkdirSync(dirname(target), { recursive: true })
          writeFileSync(target, "export const y = 1\n")
        }
        const rules = cruise(tree, [file.split("/")[0]!]).summary.violations.map((violation) => violation.rule.name)
        rmSync(path)
        if (isThere) rmSync(target)
        assert.ok(rules.includes(rule), `reported: ${rules.join(", ") || "nothing"}`)
      })
    }
  })
})
