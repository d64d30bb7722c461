import { LOCAL } from "./local.ts"
import type { Mutant } from "./mutant.ts"
import { NETWORK } from "./network.ts"

export const MUTANTS: readonly Mutant[] = [...LOCAL, ...NETWORK]
