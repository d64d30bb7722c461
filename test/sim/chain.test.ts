import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { scaled } from "../support/scale.ts"
import { ROOT } from "../support/sources.ts"
import { tempDir } from "../support/temp-dir.ts"
import { BYZANTINE_FAULTS, DEFAULTS, type Options, type Plant, PLANTS, WORLD_FAULTS } from "./chain/options.ts"
import { byzantineMax, simulate } from "./chain/simulation.ts"

/*
 * Chains of many processes in virtual time: the real driver, a disk that loses what was not flushed, a network that does
 * what it likes until it grows calm, and faulty validators that never stop. docs/spec/consensus.md#simulation
 */
const committees: { name: string; options: Partial<Options>; seeds: number }[] = [
  { name: "4 validators, 1 of them faulty", options: {}, seeds: scaled(200, 5000) },
  { name: "1 validator, that crashes", options: { validators: 1, byzantine: 0, heights: 20 }, seeds: scaled(20, 200) },
  { name: "3 validators, that bear no fault", options: { validators: 3, byzantine: 0 }, seeds: scaled(20, 500) },
  { name: "4 validators, rough for 5 s", options: { roughMs: 5000, heights: 10 }, seeds: scaled(100, 2000) },
  {
    name: "7 validators of random power, 2 of them faulty",
    options: { validators: 7, byzantine: 2, powers: "random" },
    seeds: scaled(60, 1000),
  },
  { name: "16 validators, 5 of them faulty", options: { validators: 16, byzantine: 5 }, seeds: scaled(6, 100) },
]

/** With which faults an error of a correct process shows, and in how many seeds at most. */
const planted: Readonly<Record<Plant, Partial<Options>>> = {
  "sign-before-sync": { faults: ["crash", "delay"] },
  "old-sign-state": { faults: ["crash", "delay"], heights: 10 },
  "log-after-output": { faults: ["crash", "delay"] },
  "replay-twice": { faults: ["crash"] },
  "no-lock": { faults: ["partition", "delay", "drop"], heights: 40, roughMs: 300_000 },
  "no-relay": { faults: ["selective", "drop", "delay"], heights: 40, roughMs: 300_000 },
  "count-heads": { powers: "random" },
}
const says: Readonly<Record<Plant, RegExp>> = {
  "sign-before-sync": /signed both|key died/,
  "old-sign-state": /signed both|key died/,
  "log-after-output": /ends before what a signature follows from|SIGN_CONFLICT/,
  "replay-twice": /does not follow/,
  "no-lock": /was decided/,
  "no-relay": /were due at/,
  "count-heads": /without (?:a proof|its polka)|was decided/,
}
const SEEDS_MAX = 500

describe("a simulated chain", function () {
  this.timeout(1_800_000)

  for (const { name, options, seeds } of committees) {
    it(`agrees, and goes on once it is calm: ${name}`, () => {
      for (let seed = 1; seed <= seeds; seed++) {
        const { broken, heights } = simulate({ ...DEFAULTS, ...options, seed })
        assert.deepEqual(broken, [], `seed ${seed}`)
        assert.ok(heights >= (options.heights ?? DEFAULTS.heights), `seed ${seed}: ${heights} heights`)
      }
    })
  }

  it("comes by every kind of trouble", () => {
    let [rounds, messages] = [0, 0]
    const accused = new Set<string>()
    for (let seed = 1; seed <= 60; seed++) {
      const outcome = simulate({ ...DEFAULTS, seed })
      rounds = Math.max(rounds, outcome.roundMax)
      messages += outcome.messages
      for (const name of outcome.accused) accused.add(name)
    }
    assert.ok(rounds >= 5, `the highest round was ${rounds}`)
    assert.ok(messages > 10_000, `${messages} messages`)
    assert.deepEqual([...accused], ["v004"], "who says two things is found")
  })

  for (const { name, options } of [
    { name: "in a calm world", options: { faults: [] } },
    { name: "while messages are lost", options: { faults: ["drop", "delay"] } },
    { name: "beside one who says two things", options: { faults: ["equivocation", "amnesia"] } },
    { name: "where it is alone", options: { validators: 1, byzantine: 0, faults: [] } },
  ] satisfies { name: string; options: Partial<Options> }[]) {
    it(`bears a power cut before every effect, ${name}`, () => {
      for (let seed = 1; seed <= scaled(3, 50); seed++) {
        let powerCut = 0
        // Until there is no such effect any more.
        for (let crashes = 1; crashes > 0; powerCut++) {
          const outcome = simulate({ ...DEFAULTS, heights: 3, ...options, seed, powerCuts: [powerCut] })
          assert.deepEqual(outcome.broken, [], `seed ${seed}, effect ${powerCut}`)
          crashes = outcome.crashes
        }
        assert.ok(powerCut > 20, `${powerCut} effects`)
      }
    })

    it(`bears another one before every effect of what it does at the start that follows, ${name}`, () => {
      for (let powerCut = 0, crashes = 1; crashes > 0; powerCut++) {
        for (let again = 0; again < scaled(6, 30); again++) {
          const powerCuts = [powerCut, again, again]
          const outcome = simulate({ ...DEFAULTS, heights: 3, ...options, powerCuts })
          assert.deepEqual(outcome.broken, [], `effects ${powerCuts.join(", ")}`)
          crashes = outcome.crashes
        }
      }
    })
  }

  for (const fault of [...WORLD_FAULTS, ...BYZANTINE_FAULTS]) {
    it(`bears ${fault} alone`, () => {
      for (let seed = 1; seed <= scaled(5, 200); seed++) {
        assert.deepEqual(simulate({ ...DEFAULTS, seed, faults: [fault] }).broken, [], `seed ${seed}`)
      }
    })
  }

  it("is the same again from the same seed, and another from another", () => {
    const of = (seed: number) => simulate({ ...DEFAULTS, seed })
    assert.deepEqual(of(7), of(7))
    assert.notDeepEqual(of(7), of(8))
  })

  for (const plant of PLANTS) {
    it(`finds an error put into correct processes: ${plant}`, () => {
      for (let seed = 1; seed <= SEEDS_MAX; seed++) {
        const [broken] = simulate({ ...DEFAULTS, ...planted[plant], plant, seed }).broken
        if (broken !== undefined) return assert.match(broken, says[plant], `seed ${seed}`)
      }
      assert.fail(`nothing was found in ${SEEDS_MAX} seeds`)
    })
  }

  it("finds an old disk by what others hold, nearly always before its key signs anything else", () => {
    let [died, signed] = [0, 0]
    for (let seed = 1; seed <= scaled(200, 2000); seed++) {
      const options = { ...DEFAULTS, heights: 10, faults: ["crash"], plant: "old-sign-state", seed } as const
      const [broken] = simulate(options).broken
      if (broken?.includes("key died")) died++
      else if (broken !== undefined) signed++
    }
    assert.ok(died >= 40, `${died} were found`)
    // What was on its way, or was held by those that did not answer yet.
    assert.ok(signed <= died / 20, `${signed} signed first`)
  })

  it("where a third and more is faulty, forks, and the fork names a third and more, and nobody correct", () => {
    let ofOneRound = 0
    for (let seed = 1; seed <= scaled(200, 2000); seed++) {
      const faults = ["equivocation", "drop", "partition"] as const
      const { forks } = simulate({ ...DEFAULTS, seed, byzantine: 2, faults })
      for (const { isOfOneRound, accused, share } of forks) {
        if (!isOfOneRound) continue
        ofOneRound++
        assert.ok(share >= 1 / 3, `seed ${seed}: ${accused.join(" ")} have ${share}`)
        for (const name of accused) assert.match(name, /v00[34]/, `seed ${seed}`)
      }
    }
    assert.ok(ofOneRound > 0, "there was none")
  })

  it("knows how many faulty validators so many bear", () => {
    assert.deepEqual([1, 2, 3, 4, 6, 7, 10, 100].map(byzantineMax), [0, 0, 0, 1, 1, 2, 3, 33])
  })
})

describe("npm run sim -- OPTIONS", function () {
  this.timeout(60_000)
  const sim = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, "test/sim/chain/main.ts"), ...args], {
      encoding: "utf8",
    })
    return { status, stdout, stderr }
  }

  it("tells of each seed what came of it", () => {
    const { status, stdout, stderr } = sim("--seed", "3", "--seeds", "2", "--validators", "7", "--faults", "drop,crash")
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^seed 3: \d+ heights in [\d.]+ s, \d+ messages, highest round \d+\nseed 4: .*\n$/)
  })

  it("ends with 1 where something broke, and names the seed", () => {
    const { status, stdout } = sim("--plant", "old-sign-state", "--faults", "crash", "--seeds", "100")
    assert.equal(status, 1)
    assert.match(stdout, /^seed \d+: BROKEN: v\d+'s key died: /m)
  })

  for (const { args, why } of [
    { args: ["--faults", "storm"], why: /--faults is one of delay, .*, not storm/ },
    { args: ["--validators", "0"], why: /--validators is a whole number from 1/ },
    { args: ["--byzantine", "4"], why: /of all validators one at least is correct/ },
    { args: ["--speed", "2"], why: /speed/ },
  ]) {
    it(`says how it is used: ${args.join(" ")}`, () => {
      const { status, stderr } = sim(...args)
      assert.equal(status, 2)
      assert.match(stderr, why)
      assert.match(stderr, /^usage: sim /m)
    })
  }
})

describe("npm run sim:long -- OPTIONS", function () {
  this.timeout(60_000)
  const long = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, "test/sim/chain/long.ts"), ...args], {
      encoding: "utf8",
    })
    return { status, stdout, stderr }
  }

  it("goes through committees of every size, and does not do again what has passed", () => {
    const resume = join(tempDir("sim-long"), "passed")
    const first = long("--seeds", "12", "--workers", "2", "--resume", resume)
    assert.deepEqual([first.status, first.stderr], [0, ""])
    assert.match(first.stdout, /^12 passed, 0 failed: \d+ seeds a minute\n$/)
    assert.match(long("--seeds", "14", "--resume", resume).stdout, /^2 passed, 0 failed, 12 before: /)
  })

  it("says what repeats a seed that breaks, and ends with 1", () => {
    const { status, stdout } = long("--seeds", "40", "--plant", "old-sign-state")
    assert.equal(status, 1)
    const [, seed, command] = /^seed (\d+): npm run sim -- (.*)$/m.exec(stdout)!
    const broken = new RegExp(`^seed ${seed}: BROKEN: .*$`, "m").exec(stdout)![0]
    const again = spawnSync(process.execPath, [join(ROOT, "test/sim/chain/main.ts"), ...command!.split(" ")], {
      encoding: "utf8",
    })
    assert.equal(again.status, 1)
    assert.ok(again.stdout.includes(broken), again.stdout)
  })

  for (const { args, why } of [
    { args: ["--seeds", "0"], why: /--seeds is a whole number from 1/ },
    { args: ["--plant", "weeds"], why: /--plant is one of / },
  ])
    it(`says how it is used: ${args.join(" ")}`, () => {
      const { status, stderr } = long(...args)
      assert.equal(status, 2)
      assert.match(stderr, why)
      assert.match(stderr, /^usage: sim:long /m)
    })
})
