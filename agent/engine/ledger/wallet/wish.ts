import { toHex } from "../../../base/bytes.ts"
import { consensusAddress } from "../../../core/ledger/apply/committee.ts"
import { setNumberAt } from "../../../core/ledger/state/records.ts"
import { State, type View } from "../../../core/ledger/state/state.ts"
import type { ChainId, Hash, PublicKey, Signature } from "../../../core/ledger/terms.ts"
import type { Body, BodyOf } from "../../../core/ledger/transaction/body.ts"
import { changeSetMessage, possessionMessage } from "../../../core/ledger/transaction/signatures.ts"
import type { Address } from "../../../base/address.ts"
import type { SigningKey } from "../../../ports/signing-key.ts"

/** What wishes are made of. */
export type { Hash, PublicKey, Signature }

/** A change of an enrolled set, as those who are to agree to it are shown it. */
export type SetChange = Pick<BodyOf<"change-set">, "validators" | "members">
export type Enrolment = Omit<BodyOf<"change-set">["validators"][number], "power">
export type Approval = BodyOf<"change-set">["approvals"][number]

/** What an owner asks for. What of it only this Core can say, its consensus key's part, is added here. */
export type Wish =
  | Exclude<Body, { readonly kind: "bond" | "rotate" | "change-set" }>
  | Omit<BodyOf<"bond">, "key" | "proof">
  | Omit<BodyOf<"rotate">, "key" | "proof">
  | Omit<BodyOf<"change-set">, "number">

/** What a wish is completed with. */
export interface Surroundings {
  readonly chain: ChainId
  readonly view: View
  readonly key: SigningKey
}

/** @param sender the account that sends it @param decides whether this Core's vote counts now */
export function bodyOf(wish: Wish, sender: Address, around: Surroundings, decides: boolean): Body {
  switch (wish.kind) {
    case "bond":
    case "rotate": {
      const { key, proof } = enrolmentOf(sender, around)
      return { ...wish, key, proof }
    }
    case "change-set": {
      const own = decides ? [approvalOf(wish, around)] : []
      const others = wish.approvals.filter(({ key }) => key !== around.key.publicKey)
      return { ...wish, number: changeNumber(around.view), approvals: [...own, ...others] }
    }
    default:
      return wish
  }
}

/** What a Core shows to be taken into a set: that its owner holds its consensus key. */
export function enrolmentOf(account: Address, { chain, key }: Surroundings): Enrolment {
  const publicKey = key.publicKey as PublicKey
  const proof = toHex(key.sign(possessionMessage(chain, publicKey, account))) as Signature
  return { account, key: publicKey, proof }
}

/** This Core's agreement to a change: to this one, and as the next one only. */
export function approvalOf({ validators, members }: SetChange, { chain, view, key }: Surroundings): Approval {
  const change = { kind: "change-set", number: changeNumber(view), validators, members, approvals: [] } as const
  return {
    key: key.publicKey as PublicKey,
    signature: toHex(key.sign(changeSetMessage(chain, change))) as Signature,
  }
}

export function isDecider(members: readonly { readonly key: PublicKey }[], { address }: SigningKey): boolean {
  return members.some(({ key }) => consensusAddress(key) === address)
}

function changeNumber(view: View): number {
  return State.over(view).get(setNumberAt) ?? 0
}
