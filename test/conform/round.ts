import { roundTransition } from "../../agent/core/consensus/round/transition.ts"
import { asText, field, type Itf } from "../support/itf.ts"
import {
  ERROR_OUTPUT,
  NO_OUTPUT,
  readRoundInput,
  readRoundState,
  writeRoundOutput,
  writeRoundState,
} from "../support/tendermint-trace.ts"

/** @param line a trace of the round machine @returns the states and outputs that ours has for the same inputs */
export function answer(line: string): string {
  const { states } = JSON.parse(line) as { states: readonly Itf[] }
  const [first, ...rest] = states
  if (first === undefined) throw new TypeError("a trace has a first state")
  const p = asText(field(field(first, "state"), "p"))
  let state = readRoundState(field(first, "state"))
  const answers = rest.map((one) => {
    const input = readRoundInput(field(one, "input"))
    if (input === null) return { output: ERROR_OUTPUT, state: writeRoundState(state, p) }
    const next = roundTransition(state, input)
    state = next.state
    const output = next.output === null ? NO_OUTPUT : writeRoundOutput(next.output, p)
    return { output: next.rejected === null ? output : ERROR_OUTPUT, state: writeRoundState(state, p) }
  })
  return JSON.stringify(answers)
}
