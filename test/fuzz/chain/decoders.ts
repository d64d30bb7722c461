import { readAddress, showAddress } from "../../../agent/base/address.ts"
import { concatBytes, fromUtf8, utf8 } from "../../../agent/base/bytes.ts"
import { type Canonical, decodeCanonical, encodeCanonical } from "../../../agent/base/canonical.ts"
import { encodeBlock, header, commit, readBlock } from "../../../agent/core/chain/block.ts"
import { encodeLightBlock, readLightBlock } from "../../../agent/core/chain/light.ts"
import {
  decidedMessage,
  headMessage,
  heldMessage,
  newestMessage,
  partsMessage,
  partsWantedMessage,
  proposedMessage,
  recordMessage,
  transactionsMessage,
  voteMessage,
} from "../../../agent/core/chain/message.ts"
import { encodeTip, genesisTip, readTip } from "../../../agent/core/chain/tip.ts"
import { encodeGenesis, readGenesis } from "../../../agent/core/ledger/genesis.ts"
import { decode, encode, type Layout } from "../../../agent/core/ledger/layout.ts"
import { chunkOf, encodeChunk, readChunk } from "../../../agent/core/ledger/tree/chunk.ts"
import { decodeNode, encodeNode } from "../../../agent/core/ledger/tree/node.ts"
import { prove, treeProof } from "../../../agent/core/ledger/tree/proof.ts"
import { encodeTransaction, readTransaction } from "../../../agent/core/ledger/transaction/transaction.ts"
import { Incoming } from "../../../agent/io/peers/frame.ts"
import { readAddress as readPeerAddress } from "../../../agent/io/peers/known.ts"
import type { Fuzzed } from "../../support/fuzzed.ts"
import { addressFor } from "../../support/ledger/chain.ts"
import { goldenTransactions } from "../../support/ledger/golden-transactions.ts"
import { busyChain } from "./records.ts"
import { GENESIS, type Spoken } from "./spoken.ts"

/** What the blocks of a chain are made of, and what Cores send each other: all but what stands in `records.ts`. */
export function decoders({ topics, requests, answers }: Spoken): readonly Fuzzed[] {
  const decided = answers.decided.map((bytes) => decidedMessage.read(bytes)!)
  const lights = answers.header.map((bytes) => readLightBlock(bytes)!)
  return [
    {
      name: "canonical CBOR",
      seeds: CANONICAL,
      read: canonical,
      write: ({ value }: { value: Canonical }) => encodeCanonical(value),
    },
    {
      name: "a transaction",
      seeds: [
        ...goldenTransactions().map(({ bytes }) => Uint8Array.fromHex(bytes)),
        ...topics.transactions.flatMap((bytes) => transactionsMessage.read(bytes)!),
      ],
      read: readTransaction,
      write: encodeTransaction,
    },
    { name: "a block", seeds: decided.map(({ block }) => block), read: readBlock, write: encodeBlock },
    ofLayout(
      "a header",
      header,
      lights.map((light) => light.header),
    ),
    ofLayout(
      "a commit",
      commit,
      lights.map((light) => light.commit),
    ),
    { name: "a light block", seeds: answers.header, read: readLightBlock, write: encodeLightBlock },
    { name: "a tip", seeds: [encodeTip(genesisTip(GENESIS).tip)], read: readTip, write: encodeTip },
    {
      name: "a genesis document",
      seeds: [encodeGenesis(GENESIS), encodeGenesis(busyChain().genesis)],
      read: readGenesis,
      write: encodeGenesis,
    },
    ...ofTree(),
    {
      name: "transactions",
      seeds: topics.transactions,
      read: transactionsMessage.read,
      write: transactionsMessage.encode,
    },
    { name: "a vote", seeds: topics.votes, read: voteMessage.read, write: voteMessage.encode },
    { name: "a proposal", seeds: topics.proposals, read: proposedMessage.read, write: proposedMessage.encode },
    { name: "what was decided", seeds: answers.decided, read: decidedMessage.read, write: decidedMessage.encode },
    { name: "what is held", seeds: answers.held, read: heldMessage.read, write: heldMessage.encode },
    { name: "what is newest", seeds: answers.newest, read: newestMessage.read, write: newestMessage.encode },
    { name: "a head", seeds: answers.head, read: headMessage.read, write: headMessage.encode },
    { name: "a proven record", seeds: answers.record, read: recordMessage.read, write: recordMessage.encode },
    { name: "wanted parts", seeds: requests.parts, read: partsWantedMessage.read, write: partsWantedMessage.encode },
    { name: "parts", seeds: answers.parts, read: partsMessage.read, write: partsMessage.encode },
    {
      name: "a frame",
      seeds: [3, 700].map((length) => framed(new Uint8Array(length))),
      read: readFrames,
      write: framed,
    },
    {
      name: "an address",
      seeds: ["alice", "bob"].map((name) => utf8(showAddress(addressFor(name)))),
      read: (bytes) => readAddress(fromUtf8(bytes) ?? ""),
    },
    {
      name: "an address of a peer",
      seeds: [utf8(`/ip4/10.0.0.7/tcp/4001/p2p/12D3KooWQjf4y1yKTjZUBQZMtBnqZvKp1N1MXb8J4kmXoVbaaxgs`)],
      read: (bytes) => readPeerAddress(Buffer.from(bytes).toString("latin1")),
      codes: ["PEER_ADDRESS_INVALID"],
    },
  ]
}

const CANONICAL = (
  [
    [1, -1, 2n ** 60n, -(2n ** 64n), "é", new Uint8Array(9), true, false, null, [[], [[0]]]],
    ["a".repeat(300), new Uint8Array(70_000)],
    Array.from({ length: 300 }, (_, i) => [i * i, `${i}`]),
  ] satisfies Canonical[]
).map(encodeCanonical)

/** Null is one of the values: what is refused is told by another one. */
function canonical(bytes: Uint8Array): { readonly value: Canonical } | null {
  const decoded = decodeCanonical(bytes)
  return decoded.ok ? { value: decoded.value } : null
}

function ofLayout<Value>(name: string, layout: Layout<Value>, values: readonly Value[]): Fuzzed {
  return {
    name,
    seeds: values.map((value) => encode(layout, value)),
    read: (bytes) => decode(layout, bytes),
    write: (value) => encode(layout as Layout<unknown>, value),
  }
}

function ofTree(): readonly Fuzzed[] {
  const chain = busyChain()
  const records = [...chain.records].map(([name, value]) => ({ name, value }))
  const names = [...records.map(({ name }) => name), "nobody"]
  const starting = (digits: string) => chunkOf(chain.node, digits, digits === "" ? records : [])
  return [
    ofLayout(
      "a proof",
      treeProof,
      names.map((name) => prove(chain.node, name)),
    ),
    { name: "a part of the state", seeds: [encodeChunk(starting(""))], read: readChunk, write: encodeChunk },
    { name: "a node", seeds: [...chain.nodes.values()], read: decodeNode, write: encodeNode, codes: ["STATE_DAMAGED"] },
  ]
}

const FRAME_MAX = 1000

function framed(bytes: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(bytes.length)
  return concatBytes(head, bytes)
}

/** It comes in pieces, and nothing after it. */
function readFrames(bytes: Uint8Array): Uint8Array | null {
  const incoming = new Incoming(FRAME_MAX)
  for (let at = 0, length = 1; at < bytes.length; at += length, length = (length * 3) % 97) {
    const frame = incoming.take(bytes.subarray(at, at + length))
    if (frame !== undefined) return at + length >= bytes.length ? frame : null
  }
  return null
}
