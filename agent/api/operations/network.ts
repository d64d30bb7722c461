import type { Operation } from "./operation.ts"
import { PAGING_OPTIONS } from "./paging.ts"

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
            summary: 'the document, as {"genesis": "<hex digits>"}: JSON, @file or -',
          },
        ],
        example: "mesg network join @fleet.json",
      },
    ],
  },
] as const satisfies readonly Operation[]
