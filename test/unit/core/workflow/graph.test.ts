import assert from "node:assert/strict"
import fc from "fast-check"
import {
  countPaths,
  followersOf,
  pathsFrom,
  reachableFrom,
  tasksOnCycles,
} from "../../../../agent/core/workflow/graph.ts"

describe("the graph of tasks", () => {
  it("turns who is followed into who follows, each once", () => {
    assert.deepEqual(followersOf([[], [0], [0, 0], [1, 2]]), [[1, 2], [3], [3], []])
  })

  it("finds what lies on a cycle, and what only leads to one", () => {
    //      0 -> 1 -> 2 -> 1, 2 -> 3
    assert.deepEqual(tasksOnCycles([[1], [2], [1, 3], []]), [1, 2])
    assert.deepEqual(tasksOnCycles([[0]]), [0])
    assert.deepEqual(tasksOnCycles([[1], []]), [])
  })

  it("reaches itself only by a cycle", () => {
    assert.deepEqual([...reachableFrom([[1], [2], []], 0)], [1, 2])
    assert.deepEqual([...reachableFrom([[1], [0]], 0)].sort(), [0, 1])
  })

  const acyclic = fc
    .array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 9 })
    .map((drafts) => followersOf(drafts.map((parents, i) => (i === 0 ? [] : parents.map((parent) => parent % i)))))

  it("counts exactly the paths it lists, each from the first task to one that nothing follows", () => {
    fc.assert(
      fc.property(acyclic, (followers) => {
        const paths = pathsFrom(followers, 0)
        assert.equal(countPaths(followers, 0), paths.length)
        assert.equal(new Set(paths.map((path) => path.join())).size, paths.length)
        for (const path of paths) {
          assert.equal(path[0], 0)
          assert.deepEqual(followers[path.at(-1)!], [])
          path.slice(1).forEach((task, i) => assert.ok(followers[path[i]!]!.includes(task)))
        }
      }),
    )
  })

  it("counts what it could never list", () => {
    // 80 diamonds in a row: 2^80 paths.
    const followers: number[][] = []
    for (let i = 0; i < 80; i++) followers.push([3 * i + 1, 3 * i + 2], [3 * i + 3], [3 * i + 3])
    followers.push([])
    assert.equal(countPaths(followers, 0), 2 ** 80)
  })
})
