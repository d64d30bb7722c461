import assert from "node:assert/strict"
import { mkdtempSync, rmSync } from "node:fs"
import { join } from "node:path"
import { tmpdir } from "node:os"
import { parseDocument, readDocument, type SourceFile } from "../../../../agent/api/cli/document.ts"
import { APPLICATION_BYTES_MAX, APPLICATION_DEPTH_MAX, YAML_FAULTS_TOLD_MAX } from "../../../../agent/base/limits.ts"
import { isTooDeep } from "../../../../agent/schema/json.ts"

const read = (text: string | Uint8Array): SourceFile =>
  parseDocument("app.yml", typeof text === "string" ? Buffer.from(text) : text)
const said = ({ refusals }: SourceFile) => refusals.map(({ line, column, rule }) => `${line}:${column} ${rule}`)

/** Far more than anything here takes, and far less than what hangs. */
const BOUND_MS = 8000

describe("a document that a person wrote", () => {
  describe("is read as plain JSON", () => {
    const cases: { name: string; text: string | Uint8Array; value: unknown }[] = [
      { name: "nothing", text: "", value: null },
      { name: "only a comment", text: "# later\n", value: null },
      {
        name: "JSON, indented by tabs",
        text: '{\n\t"a": [1, true, null, "x"]\n}\n',
        value: { a: [1, true, null, "x"] },
      },
      { name: "behind a byte order mark", text: "\ufeffa: 1\n", value: { a: 1 } },
      { name: "with CRLF", text: "a: 1\r\nb:\r\n  - x\r\n", value: { a: 1, b: ["x"] } },
      { name: "CRLF in a text over lines", text: "a: |\r\n  x\r\n  y\r\n", value: { a: "x\ny\n" } },
      {
        name: "words of YAML 1.1 as texts",
        text: "a: [yes, no, on, off, 0777, 1:30]\n",
        value: { a: ["yes", "no", "on", "off", 777, "1:30"] },
      },
      {
        name: "keys that are no texts as texts",
        text: "1: a\ntrue: b\n1.50: c\n",
        value: { 1: "a", true: "b", "1.5": "c" },
      },
      {
        name: "aliases as what they stand for",
        text: "a: &x { b: [1] }\nc: *x\nd: [*x, *x]\n",
        value: { a: { b: [1] }, c: { b: [1] }, d: [{ b: [1] }, { b: [1] }] },
      },
      {
        name: "an anchor set anew as its last meaning above",
        text: "a: &x 1\nb: *x\nc: &x 2\nd: *x\n",
        value: { a: 1, b: 1, c: 2, d: 2 },
      },
      { name: "an anchor on a key", text: "&k a: 1\nb: *k\n", value: { a: 1, b: "a" } },
      { name: "core tags", text: 'a: !!str 1\nb: !!int "2"\n', value: { a: "1", b: 2 } },
      { name: "<< in quotes as any key", text: '"<<": 1\n', value: { "<<": 1 } },
      { name: "markers of one document", text: "---\na: 1\n...\n", value: { a: 1 } },
      {
        name: "the largest whole numbers kept exactly",
        text: "a: [9007199254740991, 0x10, 1e300]\n",
        value: { a: [9007199254740991, 16, 1e300] },
      },
    ]
    for (const { name, text, value } of cases) {
      it(name, () => {
        const source = read(text)
        assert.deepEqual(source.refusals, [])
        assert.deepEqual(source.value, value)
      })
    }

    it("a member named __proto__, as a member", () => {
      const { value } = read("a: { __proto__: { b: 1 } }\n")
      assert.deepEqual(Object.keys((value as { a: object }).a), ["__proto__"])
      assert.equal(({} as { b?: unknown }).b, undefined)
    })
  })

  describe("is refused at the place", () => {
    const cases: { name: string; text: string | Uint8Array; at: string[]; judged: boolean }[] = [
      {
        name: "of a byte that is no UTF-8",
        text: Buffer.from("a: ü\nb: é\xff", "latin1"),
        at: ["1:4 SYNTAX"],
        judged: false,
      },
      {
        name: "of a character cut off at the end",
        text: Buffer.from("ä: 1\nb: €").subarray(0, -1),
        at: ["2:4 SYNTAX"],
        judged: false,
      },
      { name: "of UTF-16", text: Buffer.from("\ufeffa: 1\n", "utf16le"), at: ["1:1 SYNTAX"], judged: false },
      {
        name: "of a surrogate in UTF-8",
        text: Buffer.from([0x61, 0x3a, 0x20, 0xed, 0xa0, 0x80]),
        at: ["1:4 SYNTAX"],
        judged: false,
      },
      { name: "of a tab that indents", text: "a:\n\tb: 1\n", at: ["2:1 SYNTAX"], judged: false },
      { name: "of the second of two keys", text: "a: 1\r\nb: 2\r\na: 3\r\n", at: ["3:1 DUPLICATE"], judged: true },
      {
        name: "of the second of two keys in a flow",
        text: "x: { a: 1, a: 2 }\n",
        at: ["1:12 DUPLICATE"],
        judged: true,
      },
      { name: "of keys that are the same as texts", text: '1: a\n"1": b\n', at: ["2:1 DUPLICATE"], judged: true },
      {
        name: "where the next document begins",
        text: "a: 1\n---\nb: 1\n---\nc: 1\n",
        at: ["2:1 SYNTAX"],
        judged: true,
      },
      { name: "of a merge key", text: "a: &x { b: 1 }\nc:\n  <<: *x\n", at: ["3:3 SYNTAX"], judged: true },
      { name: "of an alias without anchor", text: "a: *x\nb: &x 1\n", at: ["1:4 SYNTAX"], judged: true },
      { name: "of an alias inside of its anchor", text: "a: &x [1, *x]\n", at: ["1:11 SYNTAX"], judged: true },
      { name: "of a tag", text: "a: !secret b\n", at: ["1:4 SYNTAX"], judged: true },
      {
        name: "of a tag of YAML 1.1",
        text: "a: !!binary aGk=\nb: !!set { x }\n",
        at: ["1:4 SYNTAX", "2:4 SYNTAX"],
        judged: true,
      },
      { name: "of a directive", text: "%YAML 1.1\n---\na: yes\n", at: ["1:1 SYNTAX"], judged: false },
      {
        name: "of numbers that JSON cannot carry",
        text: "a: .nan\nb: -.inf\nc: 1e999\n",
        at: ["1:4 SYNTAX", "2:4 SYNTAX", "3:4 SYNTAX"],
        judged: true,
      },
      {
        name: "of a whole number that would become another one",
        text: "a: 9007199254740993\n",
        at: ["1:4 SYNTAX"],
        judged: true,
      },
      {
        name: "of keys that are lists, maps or empty",
        text: "? [a]\n: 1\n? { b: 1 }\n: 2\n~: 3\n",
        at: ["1:3 SYNTAX", "3:3 SYNTAX", "5:1 SYNTAX"],
        judged: true,
      },
    ]
    for (const { name, text, at, judged } of cases) {
      it(`${name}, and ${judged ? "the rest is judged" : "nothing else is read"}`, () => {
        const source = read(text)
        assert.deepEqual(said(source), at)
        assert.equal(source.value !== undefined, judged)
        for (const { message, remedy, file } of source.refusals) {
          assert.ok(message.length > 10 && remedy.length > 10, `${message}: ${remedy}`)
          assert.equal(file, "app.yml")
        }
      })
    }

    it("of the first byte that is wrong, by its offset", () => {
      const [refusal] = read(Buffer.from("a: 1\nb: x\xe9y\n", "latin1")).refusals
      assert.match(refusal!.message, /offset 9: e9 79 0a$/)
    })

    it("of each part, under its pointer, through aliases too", () => {
      const { placeOf } = read("a: &x\n  b/c: [1, { d: 2 }]\ne: { f: *x }\n")
      const places = ["", "/a", "/a/b~1c/1/d", "/e/f", "/e/f/b~1c/1", "/e/f/none/more", "/none"].map(placeOf)
      assert.deepEqual(
        places.map(({ line, column }) => `${line}:${column}`),
        ["1:1", "1:1", "2:14", "3:6", "2:12", "3:6", "1:1"],
      )
    })

    it("of one fault once, however often its alias stands there", () => {
      assert.deepEqual(said(read("a: &x { b: .inf }\nc: [*x, *x, *x]\n")), ["1:12 SYNTAX"])
    })

    it(`of at most ${YAML_FAULTS_TOLD_MAX} faults`, () => {
      assert.equal(read("a: 1\n".repeat(1000)).refusals.length, YAML_FAULTS_TOLD_MAX)
    })
  })

  describe("nests no deeper than it may", () => {
    const kinds: { name: string; nested: (levels: number) => string }[] = [
      { name: "lists in brackets", nested: (levels) => "[".repeat(levels) + "]".repeat(levels) },
      { name: "lists that never end", nested: (levels) => "[".repeat(levels) },
      { name: "maps in braces", nested: (levels) => "{a: ".repeat(levels) + "}".repeat(levels) },
      { name: "lists in dashes", nested: (levels) => "- ".repeat(levels) },
      { name: "keys in question marks", nested: (levels) => "? ".repeat(levels) },
      {
        name: "maps by indentation",
        nested: (levels) => Array.from({ length: Math.min(levels, 500) }, (_, i) => `${" ".repeat(i)}a:`).join("\n"),
      },
      {
        name: "aliases of aliases",
        nested: (levels) =>
          `a0: &a0 x\n${Array.from({ length: Math.min(levels, 5000) }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}]\n`).join("")}`,
      },
    ]
    for (const { name, nested } of kinds) {
      for (const levels of [3000, 50_000]) {
        it(`${levels} ${name}`, () => {
          const startMs = performance.now()
          const { value, refusals } = read(nested(levels))
          assert.equal(value, undefined)
          const [{ rule, line, column, message } = {}] = refusals
          assert.equal(rule, "LIMIT")
          assert.match(message!, new RegExp(`deeper than ${APPLICATION_DEPTH_MAX}|aliases unfold`))
          assert.ok(line! >= 1 && column! >= 1)
          assert.ok(performance.now() - startMs < BOUND_MS)
        })
      }
    }

    it("and as deep as it may", () => {
      const text = `${"[".repeat(APPLICATION_DEPTH_MAX)}1${"]".repeat(APPLICATION_DEPTH_MAX)}`
      const { value, refusals } = read(text)
      assert.deepEqual(refusals, [])
      assert.equal(isTooDeep(value, APPLICATION_DEPTH_MAX), false)
      assert.deepEqual(said(read(`[${text}]`)), [`1:${APPLICATION_DEPTH_MAX + 1} LIMIT`])
    })
  })

  describe("unfolds to no more than it may", () => {
    const bombs: { name: string; text: string }[] = [
      {
        name: "lists of ten of the one before",
        text: `a0: &a0 [x, x]\n${Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(", ")}]\n`).join("")}`,
      },
      {
        name: "a long text, often",
        text: `a: &a ${"x".repeat(50_000)}\nb: [${Array(10_000).fill("*a").join(", ")}]\n`,
      },
      {
        name: "maps in maps",
        text: `a0: &a0 { b: 1, c: 2 }\n${Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} { l: *a${i}, r: *a${i} }\n`).join("")}`,
      },
    ]
    for (const { name, text } of bombs) {
      it(name, () => {
        const startMs = performance.now()
        const { value, refusals } = read(text)
        assert.equal(value, undefined)
        assert.deepEqual(
          refusals.map(({ rule }) => rule),
          ["LIMIT"],
        )
        assert.ok(performance.now() - startMs < BOUND_MS)
      })
    }
  })

  describe("takes no longer than its size", () => {
    const length = Math.floor(APPLICATION_BYTES_MAX / 8)
    const large: { name: string; text: string }[] = [
      { name: "keys", text: Array.from({ length: 25_000 }, (_, i) => `k${i}: 1\n`).join("") },
      { name: "aliases", text: `a: &a 1\nb: [${Array(25_000).fill("*a").join(",")}]\n` },
      { name: "anchors", text: Array.from({ length: 15_000 }, (_, i) => `- &a${i} x\n`).join("") },
      { name: "a quote that is never closed", text: `a: "${"x\n".repeat(length)}` },
      { name: "empty lines", text: "\n".repeat(length) },
      { name: "colons", text: ":".repeat(length) },
      { name: "commas", text: `[${",".repeat(length)}` },
      { name: "closing brackets", text: "]".repeat(length) },
      { name: "tags", text: "!a ".repeat(length) },
      { name: "documents", text: "---\n".repeat(length) },
      { name: "ampersands", text: "&a ".repeat(length) },
    ]
    for (const { name, text } of large) {
      it(name, () => {
        const startMs = performance.now()
        read(text)
        const took = performance.now() - startMs
        assert.ok(took < BOUND_MS, `${Math.round(took)} ms`)
      })
    }

    it(`more than ${APPLICATION_BYTES_MAX} bytes are not looked at`, () => {
      const source = read(new Uint8Array(APPLICATION_BYTES_MAX + 1).fill(0x20))
      assert.deepEqual([said(source), source.value], [["1:1 LIMIT"], undefined])
    })
  })

  describe("is a file", () => {
    const folder = mkdtempSync(join(tmpdir(), "mesg-document-"))
    after(() => rmSync(folder, { recursive: true }))

    it("that is there", () => {
      assert.throws(() => readDocument(join(folder, "none.yml")), { code: "FILE_UNREADABLE", remedy: /file/ })
      assert.throws(() => readDocument(folder), { code: "FILE_UNREADABLE" })
    })

    it("that ends, or is read no further than it may be long", () => {
      assert.deepEqual(said(readDocument("/dev/zero")), ["1:1 LIMIT"])
    })
  })
})
