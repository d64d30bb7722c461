import type { CommandArgument, Operation } from "./operation.ts"
import { PAGING_OPTIONS } from "./paging.ts"

export const CHANGE = {
  name: "CHANGE",
  to: "body",
  kind: "json",
  summary: "validators with their enrolment and power, members: JSON, @file or -",
} as const satisfies CommandArgument

export const NETWORK_OPERATIONS = [
  {
    id: "network.status",
    summary: "The chain of this gateway, and the other Cores that it is connected to",
    method: "GET",
    path: "/api/v1/network",
    scope: "read",
    status: 200,
    problems: ["NETWORK_DISABLED"],
    commands: [{ name: "network status" }],
  },
  {
    id: "network.blocks",
    summary: "The blocks of the chain, newest first",
    method: "GET",
    path: "/api/v1/network/blocks",
    scope: "read",
    status: 200,
    problems: ["NETWORK_DISABLED"],
    commands: [{ name: "network blocks", options: PAGING_OPTIONS }],
  },
  {
    id: "network.validators",
    summary: "Who decides the next block, and with which power",
    method: "GET",
    path: "/api/v1/network/validators",
    scope: "read",
    status: 200,
    problems: ["NETWORK_DISABLED"],
    commands: [{ name: "network validators" }],
  },
  {
    id: "network.join",
    summary: "Join a chain by its genesis document, for as long as this home lives",
    method: "POST",
    path: "/api/v1/network:join",
    scope: "admin",
    status: 200,
    idempotency: "store",
    problems: [
      "NETWORK_DISABLED",
      "GENESIS_UNREADABLE",
      "GENESIS_REFUSED",
      "GENESIS_UNSIGNED",
      "CHAIN_JOINED",
      "SIGN_STATE_EXISTS",
    ],
    commands: [
      {
        name: "network join",
        arguments: [
          {
            name: "GENESIS",
            to: "body",
            kind: "json",
            summary: "what mesg network genesis gave: JSON, @file or -",
          },
        ],
        example: "mesg network join @fleet.json",
      },
    ],
  },
  {
    id: "network.init",
    summary: "Begin a chain of which this gateway is the one validator, and join it",
    method: "POST",
    path: "/api/v1/network:init",
    scope: "admin",
    status: 200,
    idempotency: "store",
    problems: ["NETWORK_DISABLED", "CHAIN_JOINED", "ACCOUNT_LOST", "GENESIS_REFUSED"],
    commands: [
      {
        name: "network init",
        arguments: [{ name: "NAME", to: "body.name", summary: "what the chain is called" }],
        options: [
          { flags: "--account <name>", to: "body.account", summary: "an account of this home; main by default" },
          {
            flags: "--balance <amount>",
            to: "body.balance",
            summary: "tokens that it has: the chain is no fleet then",
          },
          { flags: "--stake <amount>", to: "body.stake", summary: "tokens that it stakes" },
        ],
        example: "mesg network init farm",
      },
    ],
  },
  {
    id: "network.genesis",
    summary: "The genesis document of the chain: others join with it",
    method: "GET",
    path: "/api/v1/network/genesis",
    scope: "read",
    status: 200,
    problems: ["NETWORK_DISABLED", "CHAIN_NOT_JOINED"],
    commands: [{ name: "network genesis", example: "mesg network genesis > farm.json" }],
  },
  {
    id: "network.leave",
    summary: "Leave the chain: this gateway forgets it, and joins another one with another key",
    method: "POST",
    path: "/api/v1/network:leave",
    scope: "admin",
    status: 204,
    problems: ["NETWORK_DISABLED", "CHAIN_NOT_JOINED", "VALIDATOR_LEAVES"],
    commands: [
      {
        name: "network leave",
        options: [
          {
            flags: "--force",
            to: "body.force",
            kind: "flag",
            summary: "also where this gateway decides, and others may wait for it",
          },
        ],
      },
    ],
  },
  {
    id: "network.enrolment",
    summary: "What the owners of a fleet need to make this gateway a validator",
    method: "GET",
    path: "/api/v1/network/enrolment",
    scope: "admin",
    status: 200,
    problems: ["NETWORK_DISABLED", "CHAIN_NOT_JOINED", "STATE_INCOMPLETE", "ACCOUNT_NOT_FOUND", "ACCOUNT_LOST"],
    commands: [
      {
        name: "network enrolment",
        options: [
          { flags: "--account <name>", to: "query.account", summary: "an account of this home; main by default" },
        ],
        example: "mesg network enrolment > barn.json",
      },
    ],
  },
  {
    id: "network.approve",
    summary: "Agree to a change of a fleet, with this gateway's vote",
    method: "POST",
    path: "/api/v1/network:approve",
    scope: "admin",
    status: 200,
    problems: ["NETWORK_DISABLED", "CHAIN_NOT_JOINED", "STATE_INCOMPLETE", "CHAIN_NOT_ENROLLED", "NOT_A_VALIDATOR"],
    commands: [
      {
        name: "network approve",
        arguments: [CHANGE],
        example: "mesg network approve @change.json > approval.json",
      },
    ],
  },
] as const satisfies readonly Operation[]
