import { showAddress } from "../../../base/address.ts"
import { fromHex, toHex } from "../../../base/bytes.ts"
import type { Joined } from "../../../engine/ledger/join.ts"
import type { ApiDeps, NetworkView } from "../../deps.ts"
import { ApiError } from "../../errors.ts"
import type { Handlers } from "../handler.ts"
import type { OperationId } from "../../operations/table.ts"
import { isoTime, pageView } from "../views.ts"
import { pagingOf } from "./paging.ts"

export const NETWORK_HANDLERS: Handlers<Extract<OperationId, `network.${string}`>> = {
  "network.status": (deps) => networkOf(deps).status(),
  "network.blocks": (deps, { query }) =>
    pageView(networkOf(deps).listBlocks(pagingOf(query)), ({ timeMs, proposer, ...block }) => ({
      ...block,
      proposer: showAddress(proposer),
      time: isoTime(timeMs),
    })),
  "network.validators": (deps) => {
    const items = networkOf(deps)
      .validators()
      .map(({ account, address, power, ...validator }) => ({
        ...validator,
        account: showAddress(account),
        address: showAddress(address),
        power: String(power),
      }))
    return { items, cursor: null }
  },
  "network.join": async (deps, { body }) => {
    const { genesis, checkpoint = null } = body
    return chainOf(await networkOf(deps).join(fromHex(genesis)!, checkpoint))
  },
  "network.init": async (deps, { body: { name, account, balance, stake } }) => {
    const tokens = balance === undefined || stake === undefined ? null : { balance, stake }
    return chainOf(await networkOf(deps).found({ name, account, tokens }))
  },
  "network.genesis": (deps) => {
    const { document, checkpoint } = networkOf(deps).genesis()
    return { genesis: toHex(document), ...(checkpoint === null ? {} : { checkpoint }) }
  },
  "network.leave": async (deps, { body }) => {
    await networkOf(deps).leave(body.force)
  },
  "network.enrolment": (deps, { query }) => {
    const { account, key, proof } = networkOf(deps).wallet().enrolment(query.account)
    return { account: showAddress(account), key, proof }
  },
  "network.approve": (deps, { body }) => networkOf(deps).wallet().approve(body),
}

function chainOf(joined: Joined): { readonly chain: string } {
  if (!joined.ok) throw refusal(joined)
  return { chain: joined.chain }
}

/** @throws ApiError NETWORK_DISABLED */
export function networkOf({ network }: ApiDeps): NetworkView {
  if (network !== null) return network
  throw new ApiError({ code: "NETWORK_DISABLED" }, "this gateway talks to no other Cores", {
    remedy: "mesg config set network.enabled true, and start the agent again",
  })
}

function refusal(joined: Exclude<Joined, { ok: true }>): ApiError {
  switch (joined.code) {
    case "GENESIS_UNREADABLE":
      return new ApiError({ code: "GENESIS_UNREADABLE" }, "this is no genesis document", {
        remedy: "take the file as it was given out: every byte of it counts",
      })
    case "GENESIS_UNSIGNED":
      return new ApiError({ code: "GENESIS_UNSIGNED" }, "a validator in it has not shown that it holds its key", {
        remedy: "ask who made the document for one that all validators have signed",
      })
    case "GENESIS_REFUSED":
      return new ApiError(
        { code: "GENESIS_REFUSED", fault: joined.fault },
        `no chain can begin as this document says: ${joined.fault}`,
        { remedy: "docs/spec/ledger.md, Genesis, says what must hold" },
      )
    case "CHAIN_JOINED":
      return new ApiError(
        { code: "CHAIN_JOINED", chain: joined.chain },
        `this home is on the chain ${joined.chain} already`,
        { remedy: "a home is on one chain: take another home for another one" },
      )
  }
}
