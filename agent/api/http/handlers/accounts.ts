import { type Address, addressOf, readAddress, showAddress } from "../../../base/address.ts"
import { fromHex, toHex } from "../../../base/bytes.ts"
import { NetworkError } from "../../../engine/ledger/error.ts"
import type { OwnAccount } from "../../../engine/ledger/wallet/accounts.ts"
import type { TransactionView } from "../../../engine/ledger/wallet/wallet.ts"
import type { NetworkView } from "../../deps.ts"
import type { OutputOf } from "../../operations/schemas/table.ts"
import type { OperationId } from "../../operations/table.ts"
import { type Handlers, Reply } from "../handler.ts"
import { pageView } from "../views.ts"
import { networkOf } from "./network.ts"
import { pagingOf } from "./paging.ts"

type AccountOperation = Extract<OperationId, `account.${string}` | `transaction.${string}` | `market.${string}`>

export const ACCOUNT_HANDLERS: Handlers<AccountOperation> = {
  "account.list": (deps) => {
    const network = networkOf(deps)
    return { items: network.accounts.list().map((one) => ownView(network, one)), cursor: null }
  },
  "account.show": (deps, { params }) => {
    const network = networkOf(deps)
    const { name, address } = accountOf(network, params.account)
    const { balance, nonce, isMember: member } = network.state().account(address)
    return { name, address: showAddress(address), balance: String(balance), nonce, member }
  },
  "account.create": async (deps, { body }) => {
    const network = networkOf(deps)
    return ownView(network, await network.accounts.create(body.name))
  },
  "account.import": async (deps, { body }) => {
    const network = networkOf(deps)
    return ownView(network, await network.accounts.add(body.name, fromHex(body.seed)!))
  },
  "account.export": (deps, { params: { account: name } }) => ({
    name,
    seed: toHex(networkOf(deps).accounts.seedOf(name)),
  }),
  "account.stake": (deps, { params }) => {
    const network = networkOf(deps)
    const lots = network.state().lots(accountOf(network, params.account).address)
    const items = lots.map(({ validator, number: lot, tokens, from, until }) => ({
      ...{ validator: showAddress(validator), lot, tokens: String(tokens), from, until },
    }))
    return { items, cursor: null }
  },
  "transaction.send": async (deps, { body }, { waitMs, signal }) => {
    const { from, payer = null, feeLimit = null, ...wish } = body
    return sentView(await networkOf(deps).wallet().send(wish, { from, payer, feeLimit, waitMs, signal }))
  },
  "transaction.submit": async (deps, { body }, { waitMs, signal }) =>
    sentView(await networkOf(deps).wallet().submit(fromHex(body.transaction)!, { waitMs, signal })),
  "transaction.show": (deps, { params }) => transactionView(networkOf(deps).wallet().transaction(params.id)),
  "market.list": (deps, { query }) =>
    pageView(
      networkOf(deps).state().services(pagingOf(query)),
      ({ manifest, developer, price, deposit, running, isRetired: retired }) => ({
        ...{ manifest, developer: showAddress(developer), running, retired },
        ...{ price: String(price), deposit: String(deposit) },
      }),
    ),
}

function ownView(network: NetworkView, { name, publicKey: key }: OwnAccount): OutputOf<"account.create"> {
  const address = addressOf(fromHex(key)!)
  const balance = network.status().chain === null ? null : String(network.state().account(address).balance)
  return { name, address: showAddress(address), key, balance }
}

/** @param named an address, or what this home calls an account of its own @throws NetworkError ACCOUNT_NOT_FOUND */
function accountOf(network: NetworkView, named: string): { readonly name: string | null; readonly address: Address } {
  const own = network.accounts.list().map(({ name, publicKey }) => ({ name, address: addressOf(fromHex(publicKey)!) }))
  const address = readAddress(named)
  const found = own.find((one) => one.name === named || one.address === address)
  if (found !== undefined) return found
  if (address !== null) return { name: null, address }
  throw new NetworkError({ code: "ACCOUNT_NOT_FOUND", account: named }, `${named} is no account`, {
    remedy: "give an address, mesg1…, or the name of an account of this gateway: mesg account list",
  })
}

function sentView(sent: TransactionView): OutputOf<"transaction.send"> | Reply<OutputOf<"transaction.send">> {
  const view = transactionView(sent)
  return sent.receipt === null ? view : new Reply(200, view)
}

function transactionView({ id, receipt }: TransactionView): OutputOf<"transaction.show"> {
  if (receipt === null) return { id, state: "waiting", height: null, fee: null, failure: null }
  const { height, fee, failure } = receipt
  return { id, state: failure === null ? "done" : "failed", height, fee: String(fee), failure }
}
