import assert from "node:assert/strict"
import { copyTree } from "../reliability/mutants/copy.ts"
import { firstSeed, isWellWithout, SEEDS_MAX, SIMULATED } from "../reliability/mutants/simulated.ts"

/** That each shows within SEEDS_MAX is for `npm run test:mutants`; here its recorded seed is done again. */
describe("a simulator", function () {
  this.timeout(120_000)
  let tree: string
  before(() => {
    tree = copyTree()
  })

  for (const mutant of SIMULATED) {
    const { name, seed, says } = mutant
    it(`shows ${name} in seed ${seed}, in which nothing breaks without it`, async () => {
      assert.ok(seed >= 1 && seed <= SEEDS_MAX)
      const shown = await firstSeed(tree, mutant, seed, 1)
      assert.ok("said" in shown, "why" in shown ? shown.why : "")
      assert.match(shown.said, says)
      assert.ok(await isWellWithout(tree, mutant), `seed ${seed} breaks without it`)
    })
  }
})
