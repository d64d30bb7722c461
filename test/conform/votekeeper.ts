import { isDeepStrictEqual } from "node:util"
import { genesisValidators } from "../../agent/core/consensus/rotation.ts"
import type { Address } from "../../agent/core/consensus/terms.ts"
import { applyVote, newKeeper } from "../../agent/core/consensus/votes/keeper.ts"
import type { Threshold } from "../../agent/core/consensus/votes/threshold.ts"
import { asInteger, asMap, asTagged, asText, asTuple, field, type Itf, integer, tagged, tuple } from "../support/itf.ts"
import { readVote } from "../support/tendermint-trace.ts"

const NOTHING = tagged("NoVKOutput")

/** @param line a trace of the vote keeper @returns what ours told at each of its states */
export function answer(line: string): string {
  const { states } = JSON.parse(line) as { states: readonly Itf[] }
  const [first] = states
  if (first === undefined) throw new TypeError("a trace has a first state")
  const bookkeeper = field(first, "bookkeeper")
  const powers = asMap(field(bookkeeper, "validatorSet")).map(([address, power]) => ({
    address: asText(address) as Address,
    power: BigInt(asInteger(power)),
  }))
  let keeper = newKeeper(asInteger(field(bookkeeper, "height")), genesisValidators(powers))
  const told: Itf[] = []
  for (const [i, state] of states.entries()) {
    const { tag, value } = asTagged(field(state, "weightedVote"))
    if (i > 0 && isUnchanged(states[i - 1]!, state)) told.push(told[i - 1]!)
    else if (tag === "NoWeightedVote") told.push(NOTHING)
    else {
      const [vote, , currentRound] = asTuple(value)
      const applied = applyVote(keeper, readVote(vote!), asInteger(currentRound!))
      keeper = applied.keeper
      told.push(applied.threshold === null ? NOTHING : writeThreshold(applied.threshold))
    }
  }
  return JSON.stringify(told)
}

/** The model may look without doing anything: then its state stands there twice. */
function isUnchanged(before: Itf, after: Itf): boolean {
  const state = (all: Itf) => Object.entries(all).filter(([name]) => name !== "#meta")
  return isDeepStrictEqual(state(before), state(after))
}

function writeThreshold(threshold: Threshold): Itf {
  const round = integer(threshold.round)
  switch (threshold.kind) {
    case "polka-any":
      return tagged("PolkaAnyVKOutput", round)
    case "polka-nil":
      return tagged("PolkaNilVKOutput", round)
    case "polka-value":
      return tagged("PolkaValueVKOutput", tuple(round, threshold.value))
    case "precommit-any":
      return tagged("PrecommitAnyVKOutput", round)
    case "precommit-value":
      return tagged("PrecommitValueVKOutput", tuple(round, threshold.value))
    case "skip":
      return tagged("SkipVKOutput", round)
  }
}
