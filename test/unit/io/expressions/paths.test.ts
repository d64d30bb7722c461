import assert from "node:assert/strict"
import { JsonataExpressions } from "../../../../agent/io/expressions/expressions.ts"

describe("the paths that an expression reads from its scope", () => {
  const expressions = new JsonataExpressions()
  after(() => expressions.stop())

  const cases: { source: string; paths: string[] }[] = [
    { source: "tasks.pay.data.hash", paths: ["tasks.pay.data.hash"] },
    { source: "tasks.`pay`.'data'", paths: ["tasks.pay.data"] },
    { source: "trigger.data.n + config.limit > 3", paths: ["trigger.data.n", "config.limit"] },
    { source: "$sum(trigger.data.rows.n)", paths: ["trigger.data.rows.n"] },
    { source: "trigger.data.rows[n > config.n].total", paths: ["trigger.data.rows.total"] },
    { source: "trigger.data.rows[n > $$.config.n].total", paths: ["trigger.data.rows.total", "config.n"] },
    { source: "trigger.data.rows.(n & m)", paths: ["trigger.data.rows"] },
    { source: "trigger.data.rows^(n).m", paths: ["trigger.data.rows"] },
    { source: "tasks.*.status", paths: ["tasks"] },
    { source: "tasks.**.hash", paths: ["tasks"] },
    { source: "$.tasks.a.status", paths: ["tasks.a.status"] },
    { source: "$lookup(tasks, 'a')", paths: ["tasks"] },
    { source: "tasks.a.data.$uppercase(hash)", paths: ["tasks.a.data"] },
    { source: "($x := tasks.a.data; $x.hash)", paths: ["tasks.a.data"] },
    {
      source: "$map(trigger.data.rows, function($row) { $row.n & config.unit })",
      paths: ["trigger.data.rows", "config.unit"],
    },
    { source: "$exists(tasks.b) ? tasks.b.data : tasks.c.data", paths: ["tasks.b", "tasks.b.data", "tasks.c.data"] },
    { source: '{ "id": event.data.id, "all": [tasks.a.status] }', paths: ["event.data.id", "tasks.a.status"] },
    { source: "trigger.data.rows{ n: m }", paths: ["trigger.data.rows"] },
    { source: "trigger.data.rows@$r.config.n", paths: ["trigger.data.rows"] },
    { source: "trigger.data ~> |rows|{'n': 1}|", paths: ["trigger.data"] },
    { source: "3 + 4", paths: [] },
    { source: "(", paths: [] },
  ]
  for (const { source, paths } of cases) {
    it(`${source}: ${paths.join(", ") || "none"}`, () => {
      assert.deepEqual(
        expressions
          .paths(source)
          .map((names) => names.join("."))
          .toSorted(),
        paths.toSorted(),
      )
    })
  }
})
