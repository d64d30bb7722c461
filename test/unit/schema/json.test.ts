import assert from "node:assert/strict"
import { JSON_DEPTH_MAX } from "../../../agent/base/limits.ts"
import { parseJson } from "../../../agent/schema/json.ts"
import { plainJson } from "../../../agent/schema/plain-json.ts"

const NUMBER = "is a number that JSON carries and a double does not"
const HALF = "holds half a surrogate pair"

describe("JSON of the outside world", () => {
  for (const [text, message] of [
    ["1e400", `it ${NUMBER}`],
    ['{"a":[0,-1e400]}', `/a/1 ${NUMBER}`],
    ['{"a":{"b/c~d":1E+999}}', `/a/b~1c~0d ${NUMBER}`],
    ['{"n":9007199254740993}', `/n ${NUMBER}`],
    ['{"n":-9007199254740993}', `/n ${NUMBER}`],
    ['{"n":18446744073709551615}', `/n ${NUMBER}`],
    [`{"n":${"9".repeat(400)}}`, `/n ${NUMBER}`],
    [`{"n":${"9".repeat(30)}}`, `/n ${NUMBER}`],
    [String.raw`{"t":"\ud800"}`, `/t ${HALF}`],
    [String.raw`["ok","\uDC00x"]`, `/1 ${HALF}`],
    [String.raw`{"a":{"\uDFFF":1}}`, `a name in /a ${HALF}`],
  ] as const) {
    it(`is refused where it says what is lost: ${text.slice(0, 40)}`, () => {
      assert.deepEqual(parseJson(text), { ok: false, why: "value", message })
    })
  }

  for (const text of [
    "9007199254740991",
    "9007199254740992",
    "-9007199254740994",
    "1152921504606847000",
    "10000000000000000000000",
    "3.4028234663852886e+38",
    "1.7976931348623157e308",
    "0.30000000000000004",
    "3.14159265358979323846264338327950288",
    "1e-400",
    String.raw`"\ud83d\ude00"`,
    '"1e400 and 9007199254740993"',
    '{"__proto__":{"n":1e300}}',
  ]) {
    it(`is taken where a value carries it: ${text}`, () => {
      assert.deepEqual(parseJson(text), { ok: true, value: JSON.parse(text) as unknown })
    })
  }

  it("takes back whatever was written of a value", () => {
    for (let exponent = -320; exponent <= 308; exponent++) {
      const value = Number(`1.2345678901234567e${exponent}`)
      assert.deepEqual(parseJson(JSON.stringify({ value, whole: Math.round(value) })).ok, true, `e${exponent}`)
    }
  })

  it("tells apart what is no JSON and what nests too deep", () => {
    const why = (text: string) => {
      const parsed = parseJson(text)
      return parsed.ok ? null : parsed.why
    }
    assert.equal(why("{"), "syntax")
    assert.equal(why("[".repeat(JSON_DEPTH_MAX + 2) + "]".repeat(JSON_DEPTH_MAX + 2)), "depth")
  })

  it("is bounded by the same rule where a service hands over a value", () => {
    const half = "holds half a surrogate pair, which UTF-8 cannot carry"
    assert.deepEqual(plainJson({ t: ["\ud800"] }, 1000), { ok: false, why: "value", path: "/t/0", message: half })
    assert.deepEqual(plainJson({ t: { "\udc00": 1 } }, 1000), {
      ok: false,
      why: "value",
      path: "/t",
      message: "has a name with half a surrogate pair, which UTF-8 cannot carry",
    })
  })
})
