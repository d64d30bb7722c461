import type { OutputOf } from "../../operations/schemas/table.ts"
import type { Terminal } from "../terminal.ts"
import { facts, more, table, timeText } from "./layout.ts"
import type { Renderers } from "./renderer.ts"

export const NETWORK_RENDERERS: Renderers = {
  "network.status": ({ addresses, peers, key, chain, halted }: OutputOf<"network.status">, terminal: Terminal) =>
    facts(terminal, [
      ["addresses", addresses.length === 0 ? "-" : addresses.join(", ")],
      ["peers", peers.length === 0 ? "-" : peers.join(", ")],
      ["key", key],
      ["chain", chain === null ? "none (mesg network init, mesg network join)" : chain.id],
      ...(chain === null
        ? []
        : ([["height", `${chain.height}, ${chain.waiting} transactions wait`]] satisfies [string, string][])),
      ...(chain?.fetching ? ([["state", "it is fetched from others"]] satisfies [string, string][]) : []),
      ...(chain?.asksPeers ? ([["signs", "nothing yet: it asks its peers first"]] satisfies [string, string][]) : []),
      ...(halted === null ? [] : ([["halted", halted]] satisfies [string, string][])),
    ]),
  "network.blocks": ({ items, cursor }: OutputOf<"network.blocks">, terminal: Terminal) =>
    table(
      terminal,
      ["height", "time", "transactions", "votes", "round", "id"],
      items.map(({ height, time, transactions, votes, round, id }) => [
        String(height),
        timeText(terminal, time),
        String(transactions),
        String(votes),
        String(round),
        id,
      ]),
    ) + more(terminal, cursor),
  "network.validators": ({ items }: OutputOf<"network.validators">, terminal: Terminal) =>
    table(
      terminal,
      ["account", "power", "key", ""],
      items.map(({ account, power, key, proposes }) => [account, power, key, proposes ? "proposes" : ""]),
    ),
  "network.join": ({ chain }: OutputOf<"network.join">) => `joined the chain ${chain}\n`,
  "network.init": ({ chain }: OutputOf<"network.init">) =>
    `began the chain ${chain}\nOthers join with its document: mesg network genesis > genesis.json\n`,
  "account.list": ({ items, cursor }: OutputOf<"account.list">, terminal: Terminal) =>
    table(
      terminal,
      ["name", "address", "balance"],
      items.map(({ name, address, balance }) => [name, address, balance ?? "-"]),
    ) + more(terminal, cursor),
  "account.show": ({ name, address, balance, nonce, member }: OutputOf<"account.show">, terminal: Terminal) =>
    facts(terminal, [
      ["name", name ?? "-"],
      ["address", address],
      ["balance", balance],
      ["transactions", String(nonce)],
      ...(member === null ? [] : ([["member", member ? "yes" : "no"]] satisfies [string, string][])),
    ]),
  "account.create": ownText,
  "account.import": ownText,
  "account.stake": ({ items, cursor }: OutputOf<"account.stake">, terminal: Terminal) =>
    table(
      terminal,
      ["validator", "lot", "tokens", "counts from epoch", "until"],
      items.map(({ validator, lot, tokens, from, until }) => [
        validator,
        String(lot),
        tokens,
        String(from),
        until === null ? "-" : String(until),
      ]),
    ) + more(terminal, cursor),
  "transaction.send": transactionText,
  "transaction.submit": transactionText,
  "transaction.show": transactionText,
  "market.list": ({ items, cursor }: OutputOf<"market.list">, terminal: Terminal) =>
    table(
      terminal,
      ["manifest", "price", "running", "developer", ""],
      items.map(({ manifest, price, running, developer, retired }) => [
        manifest,
        price,
        String(running),
        developer,
        retired ? "retired" : "",
      ]),
    ) + more(terminal, cursor),
}

function ownText({ name, address }: OutputOf<"account.create">): string {
  return `${name}: ${address}\n`
}

function transactionText({ id, state, height, fee, failure }: OutputOf<"transaction.show">): string {
  if (state === "waiting") return `${id} waits to be in a block: mesg network tx ${id}\n`
  const what = state === "done" ? "done" : `failed: ${failure}`
  return `${id} ${what} (block ${height}, fee ${fee})\n`
}
