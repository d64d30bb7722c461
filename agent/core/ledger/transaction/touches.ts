import { type Address, addressOf } from "../../../base/address.ts"
import { fromHex } from "../../../base/bytes.ts"
import {
  accountAt,
  announcementAt,
  applicationAt,
  keyAt,
  lotAt,
  memberAt,
  serviceAt,
  setNumberAt,
  validatorAt,
} from "../state/records.ts"
import type { PublicKey } from "../terms.ts"
import type { Body } from "./body.ts"

/** @returns what a transaction with this body must name (X5), ascending */
export function touchesOf(body: Body, sender: Address, nonce: number): readonly string[] {
  const names = new Set(placesOf(body, sender, nonce).map(({ name }) => name))
  return [...names].filter((name) => name !== accountAt(sender).name).sort()
}

function placesOf(body: Body, sender: Address, nonce: number): readonly { readonly name: string }[] {
  switch (body.kind) {
    case "transfer":
      return [accountAt(body.to)]
    case "bond":
      return [validatorAt(sender), ownerOf(body.key), lotAt(sender, sender, nonce)]
    case "rotate":
      return [validatorAt(sender), ownerOf(body.key)]
    case "delegate":
      return [validatorAt(body.validator), lotAt(body.validator, sender, nonce)]
    case "unbond":
      return [
        validatorAt(body.validator),
        lotAt(body.validator, sender, body.lot),
        lotAt(body.validator, sender, nonce),
      ]
    case "claim":
      return [validatorAt(body.validator), lotAt(body.validator, sender, body.lot)]
    case "report":
      return [validatorAt(body.validator)]
    case "unjail":
      return [validatorAt(sender)]
    case "publish-service":
    case "retire-service":
      return [serviceAt(body.manifest)]
    case "announce":
    case "withdraw":
      return [serviceAt(body.manifest), announcementAt(body.manifest, sender)]
    case "publish-application":
    case "retire-application":
      return [applicationAt(body.application)]
    case "change-set":
      return [
        setNumberAt,
        ...body.validators.flatMap(({ account, key }) => [validatorAt(account), ownerOf(key), memberAt(account)]),
        ...body.members.map(({ account }) => memberAt(account)),
      ]
  }
}

function ownerOf(key: PublicKey): { readonly name: string } {
  return keyAt(addressOf(fromHex(key)!))
}
