import assert from "node:assert/strict"
import { EXPRESSION_LENGTH_MAX, EXPRESSION_TIME_MS_MAX } from "../../../../agent/base/limits.ts"
import { JsonataExpressions } from "../../../../agent/io/expressions/expressions.ts"
import { FUNCTIONS } from "../../../../agent/io/expressions/refuse.ts"
import type { Evaluated, ExpressionScope } from "../../../../agent/ports/expressions.ts"
import type { Json } from "../../../../agent/schema/json.ts"

const NOW_MS = Date.UTC(2026, 10, 22, 10, 30)
const scope: ExpressionScope = {
  trigger: { data: { kwh: 12.5, list: [1, 2, 3], one: [7], none: [], ok: true } },
  tasks: { pay: { data: { hash: "0xab" } } },
  config: { supplier: "acme" },
  event: { data: { id: "c1" } },
  data: { a: { b: 1 }, "a-b": 2, text: `${"a".repeat(40)}!`, nothing: null, rows: [{ n: 1 }, { n: 2 }] },
}

describe("expressions", () => {
  const expressions = new JsonataExpressions()
  after(() => expressions.stop())
  const evaluate = async (source: string): Promise<Evaluated> => expressions.evaluate(source, scope, NOW_MS)

  describe("give plain JSON", () => {
    const cases: { source: string; value: Json | undefined; fast: boolean }[] = [
      { source: "data.a.b", value: 1, fast: true },
      { source: "data.`a-b`", value: 2, fast: true },
      { source: 'data."a-b"', value: 2, fast: true },
      { source: "data.missing.more", value: undefined, fast: true },
      { source: "data.nothing", value: null, fast: true },
      { source: "data.nothing.more", value: undefined, fast: true },
      { source: "trigger.data.kwh * 3", value: 37.5, fast: true },
      { source: "trigger.data.list", value: [1, 2, 3], fast: true },
      { source: "trigger.data.one", value: [7], fast: true },
      { source: "data.a.b = 1 and $not(trigger.data.kwh < 12)", value: true, fast: true },
      { source: "data.missing = 1 or event.data.id != 'c2'", value: true, fast: true },
      {
        source: "config.supplier & '/' & trigger.data.kwh & trigger.data.ok & data.nothing",
        value: "acme/12.5truenull",
        fast: true,
      },
      { source: "trigger.data.kwh > 10 ? 'much' : 'little'", value: "much", fast: true },
      { source: "-(data.a.b - 3) % 2", value: 0, fast: true },
      { source: "0.1 + 0.2 & ''", value: "0.3", fast: true },
      { source: "data.rows.n", value: [1, 2], fast: false },
      { source: "data.rows[n = 2].n", value: 2, fast: false },
      { source: "data.a.b[]", value: [1], fast: false },
      { source: "$sum(trigger.data.list)", value: 6, fast: false },
      { source: "{'hash': tasks.pay.data.hash, 'gone': data.missing}", value: { hash: "0xab" }, fast: false },
      { source: "$map(data.rows, function($row){ $row.n * 2 })", value: [2, 4], fast: false },
      { source: "data.rows.($$.config.supplier)", value: ["acme", "acme"], fast: false },
      { source: "$now()", value: "2026-11-22T10:30:00.000Z", fast: false },
      { source: "$now('[Y0001]-[M01]')", value: "2026-11", fast: false },
      { source: "$millis()", value: NOW_MS, fast: false },
      { source: "$pad('x', 5) & $pad('x', -3, 'ab')", value: "x    abx", fast: false },
      { source: "$join(['a', 'b'], ', ')", value: "a, b", fast: false },
      { source: "data ~> |a|{'b': 9}| ~> $lookup('a')", value: { b: 9 }, fast: false },
    ]
    for (const { source, value, fast } of cases) {
      it(`${source} is ${JSON.stringify(value)}, ${fast ? "at once" : "from JSONata"}`, async () => {
        const said = expressions.evaluate(source, scope, NOW_MS)
        assert.equal(said instanceof Promise, !fast)
        assert.deepEqual(await said, { ok: true, value })
      })
    }
  })

  it("keep arrays of one and of none that stand in the data", async () => {
    assert.deepEqual(await evaluate("{'one': trigger.data.one, 'none': trigger.data.none}"), {
      ok: true,
      value: { one: [7], none: [] },
    })
  })

  it("two evaluations of one expression side by side each have their own time", async () => {
    const both = await Promise.all([1, 2].map(async (nowMs) => expressions.evaluate("$millis()", scope, nowMs)))
    assert.deepEqual(both, [
      { ok: true, value: 1 },
      { ok: true, value: 2 },
    ])
  })

  describe("refuse at the check", () => {
    const cases: { name: string; source: string; reason: RegExp }[] = [
      { name: "what does not parse, with the position", source: "data.", reason: /end of expression.*character 5/ },
      { name: "a name outside the scope", source: "payload.kwh", reason: /`payload` is none of trigger, tasks/ },
      { name: "a name outside the scope, deep inside", source: "$sum([1, data.a + x])", reason: /`x` is none/ },
      { name: "a name outside the scope behind $$", source: "data.rows.($$.other)", reason: /`other` is none/ },
      {
        name: "a name outside the scope in a function",
        source: "$map(data.rows, function($r){ other })",
        reason: /`other`/,
      },
      {
        name: "a function without its $, with the right name",
        source: "uppercase(data.text)",
        reason: /is \$uppercase/,
      },
      { name: "an unknown function", source: "$uper(data.text)", reason: /\$uper is not known/ },
      { name: "$random", source: "$random() > 0.5", reason: /\$random is refused/ },
      { name: "$random passed on", source: "$map([1], $random)", reason: /\$random is refused/ },
      { name: "$shuffle", source: "$shuffle(data.rows)", reason: /\$shuffle is refused/ },
      { name: "$eval", source: "$eval('data')", reason: /\$eval is refused/ },
      {
        name: "more characters than allowed",
        source: "1 ".padEnd(EXPRESSION_LENGTH_MAX + 1),
        reason: /longer than 4096/,
      },
      {
        name: "defaults nested until the tree explodes",
        source: `${"(".repeat(40)}data.a${" ?: 1)".repeat(40)}`,
        reason: /\?:/,
      },
    ]
    for (const { name, source, reason } of cases) {
      it(name, async () => {
        assert.match(expressions.check(source) ?? "", reason)
        assert.equal((await evaluate(source)).ok, false)
      })
    }
    const accepted = [
      "$x := data.a",
      "($f := function($n){ $n }; $f(data))",
      "data.rows[n = 1]",
      "data.rows^(n)",
      "data.rows{n: 1}",
      "data.rows@$r.{'n': $r.n}",
      "data.rows#$i[$i = 0]",
      "data.text ?: 'a text with ?: in it'",
      "/* why */ data.a",
    ]
    for (const source of accepted) it(`but not ${source}`, () => assert.equal(expressions.check(source), null))
  })

  for (const operator of ["?:", "??"]) {
    it(`parses or refuses ${operator} nested in each other at once, whatever its length`, () => {
      for (let nested = 1; nested < 40; nested++) {
        for (const length of [1, 2, 4, 8, 16, 32, 64, 128, 256, 500]) {
          const source = `${"(".repeat(nested)}data.a${"+data.a".repeat(length)}${`${operator} 1)`.repeat(nested)}`
          const startedMs = performance.now()
          expressions.check(source)
          const tookMs = performance.now() - startedMs
          assert.ok(tookMs < 2000, `${nested} nested, ${source.length} characters: ${tookMs} ms`)
        }
      }
    }).timeout(30_000)
  }

  it("every function that is let through is one of JSONata's", async () => {
    const missing: string[] = []
    for (const name of FUNCTIONS) {
      const said = await evaluate(`$exists($${name})`)
      if (!said.ok || said.value !== true) missing.push(name)
    }
    assert.deepEqual(missing, [])
  })

  describe("end in an error, and the next one is answered", () => {
    const recursive = (body: string) => `($f := function($x,$n){$n=0?$x:$f(${body},$n-1)}; `
    const cases: { name: string; source: string; reason: RegExp }[] = [
      { name: "an endless loop", source: "($f := function($x){ $f($x) }; $f(1))", reason: /steps|timeout|longer than/ },
      {
        name: "an endless recursion",
        source: "($f := function($x){ 1 + $f($x) }; $f(1))",
        reason: /Stack overflow|timeout/,
      },
      { name: "a huge range", source: "[1..10000000]", reason: /sequence/ },
      { name: "a catastrophic regular expression", source: "$contains(data.text, /^(a+)+$/)", reason: /longer than/ },
      { name: "a huge padding", source: "$pad('x', 500000000)", reason: /text longer/ },
      { name: "a text doubled for ever", source: `${recursive("$x & $x")} $f('a', 40))`, reason: /text longer/ },
      {
        name: "an object doubled for ever",
        source: `${recursive("{'a':$x,'b':$x}")} $f(1, 30))`,
        reason: /longer than|MB/,
      },
      {
        name: "a huge text of many",
        source: "$string($map([1..2000], function($i){ $pad('b', 200000) }))",
        reason: /MB|longer/,
      },
      {
        name: "a huge replacement",
        source: "$replace($pad('a',200000,'a'),'a',$pad('b',200000))",
        reason: /length|longer|MB/,
      },
      { name: "a type error", source: "'a' * 2", reason: /left side of the "\*" operator/ },
      { name: "an error of the author's", source: "$error('no kWh')", reason: /no kWh/ },
      { name: "a number that is not finite", source: "1 / (data.a.b - 1)", reason: /not finite/ },
      { name: "a function as the value", source: "function($x){ $x }", reason: /function/ },
    ]
    for (const { name, source, reason } of cases) {
      it(name, async () => {
        const [bad, next] = await Promise.all([evaluate(source), evaluate("$count(data.rows)")])
        assert.equal(bad.ok, false)
        assert.match(bad.ok ? "" : bad.message, reason)
        assert.deepEqual(next, { ok: true, value: 2 })
      }).timeout(20 * EXPRESSION_TIME_MS_MAX)
    }

    it("while the main thread goes on", async () => {
      let turns = 0
      const counting = setInterval(() => turns++, 1)
      await evaluate("$contains(data.text, /^(a+)+$/)")
      clearInterval(counting)
      assert.ok(turns > 10, `${turns} turns`)
    })
  })

  it("answers what waits when stopped", async () => {
    const other = new JsonataExpressions()
    const waiting = [1, 2, 3].map(async () => other.evaluate("$sum([1])", scope, NOW_MS))
    await other.stop()
    for (const said of await Promise.all(waiting))
      assert.deepEqual(said, { ok: false, message: "expressions are stopped" })
    assert.equal((await other.evaluate("$sum([1])", scope, NOW_MS)).ok, false)
  })
})
