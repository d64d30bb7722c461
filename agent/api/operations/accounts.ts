import type { Command, CommandArgument, CommandOption, Operation } from "./operation.ts"
import { CHANGE } from "./network.ts"
import { PAGING_OPTIONS } from "./paging.ts"

const ACCOUNT = {
  name: "ACCOUNT",
  to: "params.account",
  summary: "an address, or the name of an account of this gateway",
} as const satisfies CommandArgument
const VALIDATOR = {
  name: "VALIDATOR",
  to: "body.validator",
  summary: "the address of its account: mesg network validators",
} as const satisfies CommandArgument
const AMOUNT = { name: "AMOUNT", to: "body.amount", summary: "in base units" } as const satisfies CommandArgument
const LOT = {
  name: "LOT",
  to: "body.lot",
  kind: "number",
  summary: "its number: mesg stake show",
} as const satisfies CommandArgument
const SENDING = [
  { flags: "--from <name>", to: "body.from", summary: "the account that sends it; main by default" },
  { flags: "--payer <name>", to: "body.payer", summary: "another account of this gateway, which pays the fee" },
  { flags: "--fee-limit <amount>", to: "body.feeLimit", summary: "the most that the fee may be; else what it costs" },
] as const satisfies readonly CommandOption[]

/** One that sends a transaction of a kind, and waits until it is in a block. */
function sends<const Name extends string>(name: Name, kind: string, rest: Omit<Command, "name">) {
  const fixed = { "body.kind": kind, "headers.prefer-wait": "30" }
  return { name, ...rest, fixed, options: SENDING } as const satisfies Command
}

export const ACCOUNT_OPERATIONS = [
  {
    id: "account.list",
    summary: "The accounts of this gateway",
    method: "GET",
    path: "/api/v1/accounts",
    scope: "read",
    status: 200,
    problems: ["NETWORK_DISABLED"],
    commands: [{ name: "account list" }],
  },
  {
    id: "account.show",
    summary: "What an account has",
    method: "GET",
    path: "/api/v1/accounts/{account}",
    scope: "read",
    status: 200,
    problems: ["NETWORK_DISABLED", "CHAIN_NOT_JOINED", "STATE_INCOMPLETE", "ACCOUNT_NOT_FOUND"],
    commands: [{ name: "account show", arguments: [ACCOUNT] }],
  },
  {
    id: "account.create",
    summary: "Make an account",
    method: "POST",
    path: "/api/v1/accounts",
    scope: "admin",
    status: 201,
    idempotency: "store",
    problems: ["NETWORK_DISABLED", "ACCOUNT_EXISTS"],
    commands: [
      { name: "account create", arguments: [{ name: "NAME", to: "body.name", summary: "what this gateway calls it" }] },
    ],
  },
  {
    id: "account.import",
    summary: "Take over an account that was exported",
    method: "POST",
    path: "/api/v1/accounts:import",
    scope: "admin",
    status: 201,
    problems: ["NETWORK_DISABLED", "ACCOUNT_EXISTS"],
    commands: [
      {
        name: "account import",
        arguments: [
          {
            name: "ACCOUNT",
            to: "body",
            kind: "json",
            summary: '{"name", "seed"}, as it was exported: JSON, @file or -',
          },
        ],
        example: "mesg account import @main.json",
      },
    ],
  },
  {
    id: "account.export",
    summary: "The secret of an account: whoever has it has what the account has",
    method: "POST",
    path: "/api/v1/accounts/{account}:export",
    scope: "admin",
    status: 200,
    problems: ["NETWORK_DISABLED", "ACCOUNT_NOT_FOUND", "ACCOUNT_LOST"],
    commands: [
      {
        name: "account export",
        arguments: [{ name: "NAME", to: "params.account", summary: "an account of this gateway" }],
        example: "mesg account export main > main.json",
      },
    ],
  },
  {
    id: "account.stake",
    summary: "The stake of an account, lot by lot",
    method: "GET",
    path: "/api/v1/accounts/{account}/stake",
    scope: "read",
    status: 200,
    problems: ["NETWORK_DISABLED", "CHAIN_NOT_JOINED", "STATE_INCOMPLETE", "ACCOUNT_NOT_FOUND"],
    commands: [{ name: "stake show", arguments: [ACCOUNT] }],
  },
  {
    id: "transaction.send",
    summary: "Sign a transaction in the name of an account of this gateway, and send it",
    method: "POST",
    path: "/api/v1/transactions",
    scope: "admin",
    status: 202,
    alternative: { status: 200, when: "the request said `Prefer: wait=<seconds>` and it was in a block in that time" },
    idempotency: "store",
    problems: [
      "NETWORK_DISABLED",
      "CHAIN_NOT_JOINED",
      "STATE_INCOMPLETE",
      "ACCOUNT_NOT_FOUND",
      "ACCOUNT_LOST",
      "TRANSACTION_REFUSED",
    ],
    commands: [
      sends("transfer", "transfer", {
        summary: "Send tokens to another account",
        arguments: [{ name: "TO", to: "body.to", summary: "an address" }, AMOUNT],
        example: "mesg transfer mesg1… 1000000",
      }),
      sends("stake bond", "bond", {
        summary: "Register this gateway as a validator, with a stake",
        arguments: [AMOUNT],
      }),
      sends("stake delegate", "delegate", { summary: "Stake with a validator", arguments: [VALIDATOR, AMOUNT] }),
      sends("stake unbond", "unbond", {
        summary: "Let a lot of stake leave, or a part of it",
        arguments: [VALIDATOR, LOT, AMOUNT],
      }),
      sends("stake claim", "claim", { summary: "Be paid what a lot has earned", arguments: [VALIDATOR, LOT] }),
      sends("stake unjail", "unjail", { summary: "Vote again after a jail" }),
      sends("stake rotate", "rotate", { summary: "Vote with the key that this gateway has now" }),
      sends("network change", "change-set", {
        summary: "Change who decides on a fleet's chain, and who may send",
        arguments: [{ ...CHANGE, summary: `${CHANGE.summary}; with approvals of others` }],
        example: "mesg network change @change.json",
      }),
    ],
  },
  {
    id: "transaction.submit",
    summary: "Send a transaction that was signed elsewhere",
    method: "POST",
    path: "/api/v1/transactions:submit",
    scope: "operate",
    status: 202,
    alternative: { status: 200, when: "the request said `Prefer: wait=<seconds>` and it was in a block in that time" },
    idempotency: "store",
    problems: ["NETWORK_DISABLED", "CHAIN_NOT_JOINED", "STATE_INCOMPLETE", "TRANSACTION_REFUSED"],
    commands: [
      {
        name: "network submit",
        fixed: { "headers.prefer-wait": "30" },
        arguments: [
          {
            name: "TRANSACTION",
            to: "body",
            kind: "json",
            summary: '{"transaction": "<hex digits>"}: JSON, @file or -',
          },
        ],
      },
    ],
  },
  {
    id: "transaction.show",
    summary: "What became of a transaction",
    method: "GET",
    path: "/api/v1/transactions/{id}",
    scope: "read",
    status: 200,
    problems: ["NETWORK_DISABLED", "CHAIN_NOT_JOINED", "STATE_INCOMPLETE", "TRANSACTION_NOT_FOUND"],
    commands: [{ name: "network tx", arguments: [{ name: "ID", to: "params.id", summary: "64 hex digits" }] }],
  },
  {
    id: "market.list",
    summary: "The services of the market, by manifest",
    method: "GET",
    path: "/api/v1/market",
    scope: "read",
    status: 200,
    problems: ["NETWORK_DISABLED", "CHAIN_NOT_JOINED", "STATE_INCOMPLETE"],
    commands: [{ name: "market show", options: PAGING_OPTIONS }],
  },
] as const satisfies readonly Operation[]
