import assert from "node:assert/strict"
import fc from "fast-check"
import { templateParts } from "../../../../agent/core/workflow/template.ts"
import { BUILT_IN_STATUSES } from "../../../../agent/schema/names.ts"
import { renamedExpression, renamedTemplate, wholeExpression } from "../../../../nodered-nodes/src/flow/expression.ts"
import { keyFrom, taskNameFrom } from "../../../../nodered-nodes/src/flow/names.ts"
import {
  BUILT_IN_PORTS,
  generatedEventType,
  generatedTaskType,
  nodeKind,
  portsOf,
} from "../../../../nodered-nodes/src/flow/nodes.ts"
import { KeySchema, TaskNameSchema } from "../../../../agent/schema/names.ts"
import * as v from "valibot"
import { scaled } from "../../../support/scale.ts"

const names = new Map([
  ["pay", "pay_2"],
  ["tell", "say"],
])

describe("renaming tasks in an expression", () => {
  const cases = [
    ["tasks.pay.data", "tasks.pay_2.data"],
    ["tasks . pay", "tasks . pay_2"],
    ["tasks.`pay`.status", "tasks.pay_2.status"],
    ["tasks.paid", "tasks.paid"],
    ["$$.tasks.pay & tasks.tell.x", "$$.tasks.pay_2 & tasks.say.x"],
    ["data.tasks.pay", "data.tasks.pay"],
    ["'tasks.pay' & \"tasks.pay\"", "'tasks.pay' & \"tasks.pay\""],
    ["/* tasks.pay */ tasks.pay", "/* tasks.pay */ tasks.pay_2"],
    ["$match(data.a, /tasks.pay/)", "$match(data.a, /tasks.pay/)"],
    ["tasks.pay / tasks.tell / 2", "tasks.pay_2 / tasks.say / 2"],
    ["data.rows[tasks.pay = $$.tasks.pay]", "data.rows[tasks.pay = $$.tasks.pay_2]"],
    ["[tasks.pay, tasks.tell]", "[tasks.pay_2, tasks.say]"],
    ["data.rows.(tasks.pay)", "data.rows.(tasks.pay)"],
    ["data.rows.{'a': tasks.pay}", "data.rows.{'a': tasks.pay}"],
    ["(tasks.pay)", "(tasks.pay_2)"],
    [
      "$sum(tasks.pay.data.rows[tasks.pay].n) + tasks.pay.n",
      "$sum(tasks.pay_2.data.rows[tasks.pay].n) + tasks.pay_2.n",
    ],
    ["a and [tasks.pay]", "a and [tasks.pay_2]"],
  ] as const
  for (const [source, renamed] of cases) {
    it(`${source} -> ${renamed}`, () => assert.equal(renamedExpression(source, names), renamed))
  }

  it("changes only what stands in {{ }} of a text", () => {
    assert.equal(
      renamedTemplate("tasks.pay {{ tasks.pay }} tasks.pay {{ '}}' & tasks.tell }}", names),
      "tasks.pay {{ tasks.pay_2 }} tasks.pay {{ '}}' & tasks.say }}",
    )
    assert.equal(renamedTemplate("{{ tasks.pay", names), "{{ tasks.pay_2")
  })

  it("leaves every text as it is where no name is new, and never throws", () => {
    const other = new Map([["zzz", "yyy"]])
    const pieces = fc.constantFrom(
      "tasks.",
      "pay",
      "'",
      '"',
      "`",
      "/",
      "[",
      "]",
      "{{",
      "}}",
      "{",
      "}",
      "(",
      ")",
      "*",
      " ",
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces).map((list) => list.join("")),
        ),
        (text) => {
          assert.equal(renamedExpression(text, other), text)
          assert.equal(renamedTemplate(text, other), text)
        },
      ),
      { numRuns: scaled(300, 5000) },
    )
  })
})

describe("a text that is one expression", () => {
  const pieces = fc.constantFrom("{{ ", " }}", "a", "'", '"', "`", "/", "{", "}", "[", " + ", "/*", "*/", "\\")

  it("is told as the agent tells it", () => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (list) => {
        const text = `{{ ${list.join("")} }}`
        const inner = wholeExpression(text)
        const parts = templateParts(text)
        if (inner === null) return
        assert.deepEqual(parts, [{ expression: inner }])
      }),
      { numRuns: scaled(1000, 20_000) },
    )
  })

  it("is one only if it is written with a space inside of the braces", () => {
    for (const text of ["{{a}}", "{{  a }}", "{{ a }} ", "{{ a }}{{ b }}", "{{ }}", "{{  }}", "a"]) {
      assert.equal(wholeExpression(text), null, text)
    }
    assert.equal(wholeExpression('{{ {"a": "}}"} }}'), '{"a": "}}"}')
  })
})

describe("names and types of nodes", () => {
  it("makes valid names of labels, and leaves valid ones as they are", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "grapheme" }), fc.stringMatching(/^[a-zA-Z0-9 _-]{0,80}$/)), (label) => {
        const [key, task] = [keyFrom(label), taskNameFrom(label)]
        assert.ok(key === "" || v.is(KeySchema, key), key)
        assert.ok(task === "" || v.is(TaskNameSchema, task), task)
        if (v.is(KeySchema, label)) assert.equal(key, label)
        if (v.is(TaskNameSchema, label)) assert.equal(task, label)
      }),
      { numRuns: scaled(300, 5000) },
    )
  })

  it("tells generated types from others", () => {
    assert.deepEqual(nodeKind(generatedTaskType("my-svc", "do-it")), { kind: "task", service: "my-svc", task: "do-it" })
    assert.deepEqual(nodeKind(generatedEventType("s", "e")), { kind: "event", service: "s", event: "e" })
    assert.deepEqual(nodeKind("mesg-wait"), { kind: "wait" })
    for (const type of ["mesg", "mesg:", "mesg:s", "mesg:s.t.u", "mesg:S.t", "inject", "constructor"]) {
      assert.equal(nodeKind(type), null, type)
    }
  })

  it("orders ports: declared statuses, then the built-in ones that are not hidden", () => {
    assert.deepEqual(BUILT_IN_PORTS, BUILT_IN_STATUSES)
    assert.deepEqual(portsOf(["b", "a"]), ["b", "a", "error", "timed-out", "cancelled"])
    assert.deepEqual(portsOf(["b"], ["error", "cancelled"]), ["b", "timed-out"])
  })
})
