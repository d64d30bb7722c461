import { isDeepStrictEqual } from "node:util"
import { genesisValidators } from "../../agent/core/consensus/rotation.ts"
import type { Address } from "../../agent/core/consensus/terms.ts"
import { asInteger, type Itf, type Tagged } from "../support/itf.ts"
import { NO_OUTPUT } from "../support/tendermint-trace.ts"
import { Search, type Step } from "../support/unseen-votes.ts"

/** A trace of a whole network. Who is not said to be faulty, nor to be correct, is correct. */
interface Line {
  readonly validators: Readonly<Record<string, number | Itf>>
  readonly faulty?: readonly string[]
  readonly correct?: readonly string[]
  readonly steps: readonly Step[]
}

/** @param text one line of the input @returns what each step's validator does. See docs/spec/conformance.md#driver */
export function answer(text: string): string {
  const { validators, steps, ...said } = JSON.parse(text) as Line
  const names = Object.keys(validators) as Address[]
  const powers = names.map((address) => ({ address, power: BigInt(asInteger(validators[address]!)) }))
  const faulty = names.filter((name) => said.faulty?.includes(name) ?? said.correct?.includes(name) === false)
  // A step of the model that moved messages only leaves the last step of a validator standing.
  const idle = steps.map((step, i) => i > 0 && isDeepStrictEqual(step, steps[i - 1]))
  const real = steps.filter((_, i) => !idle[i])
  const search = new Search({ names, validators: genesisValidators(powers) }, real, faulty)
  const answers = new Map(names.map((name) => [name as string, [...search.answers(name)]]))
  let last: Tagged = NO_OUTPUT
  const told = steps.map(({ validator }, i) => {
    if (!idle[i]) last = answers.get(validator)?.shift() ?? NO_OUTPUT
    return last
  })
  return JSON.stringify(told)
}
