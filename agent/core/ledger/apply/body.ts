import type { Body, BodyKind, BodyOf } from "../transaction/body.ts"
import { changeSet } from "./change-set.ts"
import type { Context, Failure } from "./context.ts"
import { credit, debit } from "./purses.ts"
import { announce, publishApplication, publishService, retireApplication, retireService, withdraw } from "./registry.ts"
import { report } from "./slash.ts"
import { bond, claim, delegate, rotate, unbond, unjail } from "./stake.ts"

/** What each kind does: null, or why nothing of it was done. */
const KINDS: { readonly [Kind in BodyKind]: (context: Context, body: BodyOf<Kind>) => Failure | null } = {
  transfer,
  bond,
  delegate,
  unbond,
  claim,
  unjail,
  rotate,
  "publish-service": publishService,
  "retire-service": retireService,
  announce,
  withdraw,
  "publish-application": publishApplication,
  "retire-application": retireApplication,
  "change-set": changeSet,
  report,
}

/** N1: stake belongs to chains where anybody may have some, changes of an enrolled set to the others. */
const STAKED: ReadonlySet<BodyKind> = new Set(["bond", "delegate", "unbond", "claim", "unjail", "report", "rotate"])
const ENROLLED: ReadonlySet<BodyKind> = new Set(["change-set"])

export function applyBody(context: Context, body: Body): Failure | null {
  const elsewhere = context.parameters.isEnrolled ? STAKED : ENROLLED
  if (elsewhere.has(body.kind)) return "NOT_ON_THIS_CHAIN"
  const act = KINDS[body.kind] as (context: Context, body: Body) => Failure | null
  return act(context, body)
}

/** Z1 */
function transfer({ state, sender }: Context, { to, amount }: BodyOf<"transfer">): Failure | null {
  if (amount === 0n) return "AMOUNT_ZERO"
  if (!debit(state, sender, amount, "accounts")) return "BALANCE_TOO_LOW"
  credit(state, to, amount, "accounts")
  return null
}
