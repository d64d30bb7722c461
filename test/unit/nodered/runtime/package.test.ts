import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { NODE_TYPES, nodeKind } from "../../../../nodered-nodes/src/flow/nodes.ts"
import { nodeRedPackage } from "../../../support/node-red.ts"

interface Manifest {
  readonly name: string
  readonly license: string
  readonly keywords: readonly string[]
  readonly engines: { readonly node: string }
  readonly repository: object
  readonly bugs: object
  readonly type?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly "node-red": { readonly version: string; readonly nodes: Readonly<Record<string, string>> }
}

const TYPES = Object.values(NODE_TYPES)
const LANGUAGES = ["en-US", "de"]

describe("the package for Node-RED, by the rules of its scorecard", function () {
  this.timeout(30_000)
  let folder: string
  let manifest: Manifest
  const read = (...path: string[]) => readFileSync(join(folder, ...path), "utf8")
  before(async () => {
    folder = await nodeRedPackage()
    manifest = JSON.parse(read("package.json")) as Manifest
  })

  it("has a licence, with its text (P01)", () => {
    assert.equal(manifest.license, "Apache-2.0")
    assert.match(read("LICENSE"), /Apache License/)
  })

  it("has a scoped name, a repository and a place for bugs (P03, P04)", () => {
    assert.match(manifest.name, /^@mesg\//)
    assert.ok(manifest.repository && manifest.bugs)
  })

  it("has the keyword, and says for which Node-RED and Node it is (P05, P06, P07)", () => {
    assert.ok(manifest.keywords.includes("node-red"))
    assert.equal(manifest["node-red"].version, ">=4.1.0")
    assert.match(manifest.engines.node, /^>=\d+/)
  })

  it("says on an older Node what it needs, and does not begin", () => {
    const older = `Object.defineProperty(process.versions, "node", { value: "20.20.2" }); require("./mesg.js")({})`
    const { stderr } = spawnSync(process.execPath, ["-e", older], { cwd: folder, encoding: "utf8" })
    assert.match(stderr, /Error: @mesg\/node-red needs Node 22; this is 20\.20\.2/)
  })

  it("can be loaded by `require`, and needs no other package (D01)", () => {
    assert.equal(manifest.type, undefined)
    assert.deepEqual(manifest.dependencies ?? {}, {})
    for (const file of Object.values(manifest["node-red"].nodes)) assert.ok(existsSync(join(folder, file)), file)
  })

  it("has a dialog for each of its types, and no type of somebody else's (N01)", () => {
    const types = [...read("mesg.html").matchAll(/data-template-name="([^"$]+)"/g)].map(([, type]) => type!)
    assert.deepEqual(types.sort(), [...TYPES].sort())
  })

  it("uses each node that can be wired in an example (N02)", () => {
    const flows = readdirSync(join(folder, "examples")).map(
      (file) => JSON.parse(read("examples", file)) as { type: string }[],
    )
    const used = new Set(flows.flat().map(({ type }) => type))
    const wired = TYPES.filter((type) => type !== NODE_TYPES.agent && type !== NODE_TYPES.settings)
    assert.deepEqual(
      wired.filter((type) => !used.has(type)),
      [],
    )
  })

  it("has examples that hold nothing but its nodes and those of Node-RED itself", () => {
    const core = ["tab", "comment", "inject", "debug", "catch", "function"]
    for (const file of readdirSync(join(folder, "examples"))) {
      const flow = JSON.parse(read("examples", file)) as { type: string }[]
      assert.deepEqual(
        flow.filter(({ type }) => !core.includes(type) && nodeKind(type) === null),
        [],
        file,
      )
    }
  })

  for (const language of LANGUAGES) {
    it(`has help for each node, in the order of the style guide, in ${language}`, () => {
      const parts = read("locales", language, "mesg.html").split("<script ").slice(1)
      const helped = parts.map((part) => /data-help-name="([^"]+)"/.exec(part)![1]!)
      assert.deepEqual(helped.sort(), [...TYPES].sort())
      const order =
        language === "de"
          ? ["Eingaben", "Ausgaben", "Details", "Verweise"]
          : ["Inputs", "Outputs", "Details", "References"]
      for (const part of parts) {
        const titles = [...part.matchAll(/<h3>([^<]+)<\/h3>/g)].map(([, title]) => title!)
        assert.deepEqual(
          titles,
          order.filter((title) => titles.includes(title)),
        )
      }
    })
  }

  it("says the same things in every language", () => {
    const [first, ...others] = LANGUAGES.map((language) => keysOf(JSON.parse(read("locales", language, "mesg.json"))))
    for (const other of others) assert.deepEqual(other, first)
  })

  it("has every text that its code asks for", () => {
    const keys = new Set(keysOf(JSON.parse(read("locales", "en-US", "mesg.json"))))
    const asked = [
      ...[...read("mesg.js").matchAll(/\._\("(mesg\.[\w.-]+)"/g)].map(([, key]) => key!),
      ...[...read("mesg.html").matchAll(/\btext\("([\w.-]+)"/g)].map(([, key]) => `mesg.${key}`),
      ...[...read("mesg.html").matchAll(/data-i18n="(?:\[placeholder\])?(mesg\.[\w.-]+)"/g)].map(([, key]) => key!),
    ]
    assert.ok(asked.length > 40, `${asked.length} texts were found`)
    assert.deepEqual(
      [...new Set(asked)].filter((key) => !keys.has(key)),
      [],
    )
  })

  it("has no text that its code does not ask for, by its key or by a part of it", () => {
    const code = read("mesg.js") + read("mesg.html")
    const asks = (words: string) => [`"${words}"`, `\`${words}\``, `]${words}"`].some((quoted) => code.includes(quoted))
    const begins = [...code.matchAll(/`(?:mesg\.)?([\w.-]+\.)\$\{/g)].map(([, begin]) => begin!)
    const isAsked = (key: string) => {
      const short = key.replace(/^mesg\./, "")
      const rests = begins.filter((begin) => short.startsWith(begin)).map((begin) => short.slice(begin.length))
      return asks(key) || asks(short) || rests.some((rest) => asks(rest) || asks(rest.replace(/-input$/, "")))
    }
    const keys = keysOf(JSON.parse(read("locales", "en-US", "mesg.json")))
    assert.deepEqual(
      keys.filter((key) => !isAsked(key)),
      [],
    )
  })

  it("takes its colours from the theme, but those of nodes", () => {
    const style = /<style>([\s\S]*?)<\/style>/.exec(read("mesg.html"))![1]!
    assert.doesNotMatch(style, /#[0-9a-f]{3,8}\b|\brgb|\b(?:white|black)\b/i)
  })

  it("has icons in white on nothing, 40 to 60", () => {
    const icons = readdirSync(join(folder, "icons"))
    for (const icon of [...new Set([...read("mesg.html").matchAll(/"(mesg-\w+\.svg)"/g)].map(([, name]) => name!))]) {
      assert.ok(icons.includes(icon), icon)
    }
    for (const icon of icons) assert.match(read("icons", icon), /width="40" height="60".*stroke="#fff"/s)
  })
})

function keysOf(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [path]
  return Object.entries(value)
    .flatMap(([key, inner]) => keysOf(inner, path === "" ? key : `${path}.${key}`))
    .sort()
}
