import assert from "node:assert/strict"
import { existsSync, readFileSync } from "node:fs"
import { findPackageJSON } from "node:module"
import { join } from "node:path"
import { linesWith, ROOT, sources } from "../support/sources.ts"

const LINES_MAX = 400
const TEST_LINES_MAX = 800
const product = sources(/^(agent|plugins|nodered-nodes)\/.*\.ts$/)
const tests = sources(/^test\/.*\.ts$/)
const scripts = sources(/^packaging\/.*\.(ts|mjs)$/)
const code = [...product, ...tests, ...scripts]
// Words that a rule looks for are put together, so that the rule does not find itself.
const word = (...parts: string[]) => parts.join("")

describe("the repository", () => {
  it("is looked at", () => {
    assert.ok(product.length > 100, `${product.length} files of the product`)
    assert.ok(tests.length > 20, `${tests.length} files of tests`)
  })

  it(`has no file longer than ${LINES_MAX} lines, tables of tests ${TEST_LINES_MAX}`, () => {
    const long = code
      .map(({ path, text }) => ({ path, lines: text.split("\n").length }))
      .filter(({ path, lines }) => lines > (path.startsWith("test/") ? TEST_LINES_MAX : LINES_MAX))
    assert.deepEqual(long, [])
  })

  it("has no barrel but agent/sdk.ts", () => {
    const barrels = linesWith(product, /^export (?:type )?(?:\*|\{[^}]*\}) from /).map((line) => line.split(":")[0])
    assert.deepEqual(
      [...new Set(barrels)].filter((path) => path !== "agent/sdk.ts"),
      [],
    )
  })

  it("names its files in kebab-case, and none utils or helpers", () => {
    const wrong = [...product, ...tests]
      .map(({ path }) => path)
      .filter((path) => /[A-Z_]|\b(?:utils?|helpers?)\b/.test(path))
    assert.deepEqual(wrong, [])
  })

  it("leaves nothing for later", () => {
    assert.deepEqual(
      linesWith(
        code,
        new RegExp(`\\b(?:${word("TO", "DO")}|${word("FIX", "ME")}|${word("XX", "X")}|${word("HA", "CK")})\\b`),
      ),
      [],
    )
  })

  it("runs every test it has", () => {
    assert.deepEqual(
      linesWith(tests, new RegExp(`\\b(?:describe|it|context)\\.(?:${word("on", "ly")}|${word("sk", "ip")})\\b`)),
      [],
    )
    assert.deepEqual(linesWith(tests, new RegExp(`\\b(?:x(?:it|describe)|${word("this", "\\.skip")})\\b`)), [])
  })

  it("asserts something in every file of tests", () => {
    const silent = tests.filter(
      ({ path, text }) => path.endsWith(".test.ts") && !/\bassert\b|\bcontract\b|Contract\(|abstract/.test(text),
    )
    assert.deepEqual(
      silent.map(({ path }) => path),
      [],
    )
  })

  it("takes no time and no chance but through ports", () => {
    // The CLI is a process of its own and has no ports; io and main.ts are what fills them.
    const own = product.filter(({ path }) =>
      /^(?:agent\/(?:base|schema|core|ports|engine|api\/(?!cli\/))|nodered-nodes\/src\/flow\/)/.test(path),
    )
    const impure = /\bMath\.random\(|\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\brandomUUID\(/
    assert.deepEqual(linesWith(own, impure), [])
  })

  it("takes what it imports on demand by its default, where that is no ES module: the bundle has no other name", () => {
    const isModule = (name: string) => {
      const file = import.meta.resolve(name)
      const { type } = JSON.parse(readFileSync(findPackageJSON(file)!, "utf8")) as { type?: string }
      return file.endsWith(".mjs") || (type === "module" && !file.endsWith(".cjs"))
    }
    const onDemand = linesWith(product, /await import\("(?!node:|\.)/)
    assert.ok(onDemand.length > 0)
    const wrong = onDemand.filter((line) => {
      const [, taken, name] = /const (.*) = await import\("([^"]+)"\)/.exec(line) ?? []
      return name === undefined || !(isModule(name) || /^\{ default: \w+ \}$/.test(taken!))
    })
    assert.deepEqual(wrong, [])
  })

  it("uses every bound of limits.ts and network-limits.ts", () => {
    const files = ["agent/base/limits.ts", "agent/base/network-limits.ts"]
    const source = files.map((file) => readFileSync(join(ROOT, file), "utf8")).join("\n")
    const names = [...source.matchAll(/^export const (\w+)/gm)].map(([, name]) => name!)
    assert.ok(names.length > 50)
    const text = [...product, ...scripts]
      .filter(({ path }) => !files.includes(path))
      .map((file) => file.text)
      .join("\n")
    const used = new Set(text.match(/\b[A-Z][A-Z0-9_]+\b/g))
    assert.deepEqual(
      names.filter((name) => !used.has(name)),
      [],
    )
  })

  it("cites sections of its documents that exist", () => {
    const missing: string[] = []
    for (const { path, text } of code) {
      for (const [cited, file, anchor] of text.matchAll(/\b(docs\/[\w/-]+\.md)(?:#([\w-]+))?/g)) {
        if (!hasSection(file!, anchor)) missing.push(`${path}: ${cited}`)
      }
    }
    assert.deepEqual(missing, [])
  })

  it("makes folders in one place, where the system's refusal ends it", () => {
    const made = linesWith(product, /\bmkdir(?:Sync)?\(.*recursive/).map((line) => line.split(":")[0])
    assert.deepEqual(made, [])
    assert.ok(product.some(({ path }) => path === "agent/io/folder.ts"))
  })

  it("lists every document of the specification in its index", () => {
    const index = readFileSync(join(ROOT, "docs/spec/README.md"), "utf8")
    const names = sources(/^docs\/spec\/(?!README).*\.md$/).map(({ path }) => path.split("/").at(-1)!)
    assert.deepEqual(
      names.filter((name) => !index.includes(`(${name})`)),
      [],
    )
  })

  it("has documents whose links lead somewhere", () => {
    const missing: string[] = []
    for (const { path, text } of sources(/^(?:[A-Z]+\.md|docs\/.*\.md|plugins\/.*\.md)$/)) {
      for (const [, target] of text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)) {
        const [file, anchor] = target!.split("#")
        const whole = file === "" ? path : join(path, "..", file!)
        if (!hasSection(whole, anchor)) missing.push(`${path}: ${target}`)
      }
    }
    assert.deepEqual(missing, [])
  })

  it("numbers its decisions, each with a number of its own", () => {
    const names = sources(/^docs\/adr\/.*\.md$/).map(({ path }) => path.split("/").at(-1)!)
    assert.deepEqual(
      names.filter((name) => !/^\d{3}-[a-z0-9-]+\.md$/.test(name)),
      [],
    )
    const numbers = names.map((name) => name.slice(0, 3))
    assert.equal(new Set(numbers).size, numbers.length, names.join(", "))
  })

  it("pins every dependency exactly", () => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
      readFileSync(join(ROOT, "package.json"), "utf8"),
    ) as Record<string, Record<string, string>>
    const loose = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
      ([, version]) => !/^(?:npm:(?:@[\w-]+\/)?[\w-]+@)?\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version),
    )
    assert.deepEqual(loose, [])
  })

  it("sends its reader nowhere outside itself", () => {
    const outside = new RegExp(
      `(?<!\\w)${word("/wo", "rk/")}|\\b${word("sub", "agent")}\\b|\\bas an ${word("A", "I")}\\b`,
    )
    assert.deepEqual(linesWith(sources(/\.(?:ts|mjs|md|ya?ml|json|sh|py|c)$/), outside), [])
  })
})

function hasSection(path: string, anchor: string | undefined): boolean {
  if (!existsSync(join(ROOT, path))) return false
  if (anchor === undefined) return true
  const text = readFileSync(join(ROOT, path), "utf8")
  const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) => anchorOf(title!))
  return anchors.includes(anchor)
}

/** As GitHub makes them. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .trim()
    .replaceAll(" ", "-")
}
