import type { Address } from "../../../base/address.ts"
import { announcementAt, applicationAt, dueAt, serviceAt } from "../state/records.ts"
import type { State } from "../state/state.ts"
import type { Hash } from "../terms.ts"
import type { BodyOf } from "../transaction/body.ts"
import type { Context, Failure } from "./context.ts"
import { countRecord, credit, debit, uncountRecord } from "./purses.ts"

/* The marketplace's register. docs/spec/ledger.md#register */

/** G1: also gives a service that is there another price, or a greater deposit. */
export function publishService(context: Context, body: BodyOf<"publish-service">): Failure | null {
  const { state, sender, parameters } = context
  const at = serviceAt(body.manifest)
  const known = state.get(at)
  if (known !== null && known.developer !== sender) return "NOT_THE_DEVELOPER"
  if (known?.isRetired) return "SERVICE_RETIRED"
  const deposit = (known?.deposit ?? 0n) + body.deposit
  if (deposit < parameters.deposit) return "DEPOSIT_TOO_LOW"
  if (known === null && !countRecord(state, sender, parameters.recordsMax)) return "RECORDS_FULL"
  if (!debit(state, sender, body.deposit, "deposits")) return "BALANCE_TOO_LOW"
  const running = known?.running ?? 0
  state.put(at, { developer: sender, price: body.price, deposit, running, isRetired: false })
  return null
}

/** G2: nobody announces it any more; when the last announcement must have ended, the deposit comes back. */
export function retireService(context: Context, { manifest }: BodyOf<"retire-service">): Failure | null {
  const { state, sender, parameters, time } = context
  const at = serviceAt(manifest)
  const service = state.get(at)
  if (service === null) return "SERVICE_UNKNOWN"
  if (service.developer !== sender) return "NOT_THE_DEVELOPER"
  if (service.isRetired) return "SERVICE_RETIRED"
  state.put(at, { ...service, isRetired: true })
  state.put(dueAt(time + parameters.announcementMs + parameters.unbondingMs, at.name), {})
  return null
}

/** G3: also makes an announcement that stands longer, or its bond greater. */
export function announce(context: Context, body: BodyOf<"announce">): Failure | null {
  const { state, sender, parameters, time } = context
  const { manifest, until } = body
  const [at, serviceIs] = [announcementAt(manifest, sender), serviceAt(manifest)]
  const service = state.get(serviceIs)
  if (service === null) return "SERVICE_UNKNOWN"
  if (service.isRetired) return "SERVICE_RETIRED"
  const known = state.get(at)
  if (until <= time || until > time + parameters.announcementMs) return "TIME_NOT_ALLOWED"
  if (known !== null && !known.isLeaving && until < known.until) return "TIME_NOT_ALLOWED"
  const bond = (known?.bond ?? 0n) + body.bond
  if (bond < parameters.marketBond) return "BOND_TOO_LOW"
  if (known === null && !countRecord(state, sender, parameters.recordsMax)) return "RECORDS_FULL"
  if (!debit(state, sender, body.bond, "bonds")) return "BALANCE_TOO_LOW"
  if (known !== null) state.drop(dueAt(known.due, at.name))
  if (known === null || known.isLeaving) state.put(serviceIs, { ...service, running: service.running + 1 })
  state.put(at, { bond, until, isLeaving: false, due: until })
  state.put(dueAt(until, at.name), {})
  return null
}

/** G4 */
export function withdraw({ state, sender, time, parameters }: Context, body: BodyOf<"withdraw">): Failure | null {
  const known = state.get(announcementAt(body.manifest, sender))
  if (known === null || known.isLeaving) return "NOT_ANNOUNCED"
  state.drop(dueAt(known.due, announcementAt(body.manifest, sender).name))
  endAnnouncement(state, body.manifest, sender, time, time + parameters.unbondingMs)
  return null
}

/** G4: from `until` on it does not run the service; its bond answers for what it did, until `due`. */
export function endAnnouncement(state: State, manifest: Hash, by: Address, until: number, due: number): void {
  const at = announcementAt(manifest, by)
  const service = state.must(serviceAt(manifest))
  state.put(serviceAt(manifest), { ...service, running: service.running - 1 })
  state.put(at, { ...state.must(at), until, isLeaving: true, due })
  state.put(dueAt(due, at.name), {})
}

/** G5 */
export function publishApplication(context: Context, body: BodyOf<"publish-application">): Failure | null {
  const { state, sender, parameters } = context
  const at = applicationAt(body.application)
  if (state.get(at) !== null) return "APPLICATION_EXISTS"
  if (body.deposit < parameters.deposit) return "DEPOSIT_TOO_LOW"
  if (!countRecord(state, sender, parameters.recordsMax)) return "RECORDS_FULL"
  if (!debit(state, sender, body.deposit, "deposits")) return "BALANCE_TOO_LOW"
  state.put(at, { developer: sender, deposit: body.deposit })
  return null
}

/** G5: nothing rests on it, so its deposit comes back at once. */
export function retireApplication({ state, sender }: Context, body: BodyOf<"retire-application">): Failure | null {
  const at = applicationAt(body.application)
  const known = state.get(at)
  if (known === null) return "APPLICATION_UNKNOWN"
  if (known.developer !== sender) return "NOT_THE_DEVELOPER"
  state.drop(at)
  uncountRecord(state, sender)
  credit(state, sender, known.deposit, "deposits")
  return null
}
