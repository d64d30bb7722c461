import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { chainIdOf, readGenesis } from "../../../agent/core/ledger/genesis.ts"
import { openKeys } from "../../../agent/io/keys/keys.ts"
import { createLog } from "../../../agent/io/log/log.ts"
import { consensusKey } from "../../support/ledger/signed.ts"
import { newDisk, startNetworked } from "../../support/ledger/networked-validator.ts"
import { FalsePeers, type Sin, SINS } from "./false-peers.ts"

/*
 * A validator that is not right, in a process of its own: all of a Core's parts for a chain, behind a way to the others that
 * says something else. Each line that it reads begins a sin, or ends it: `+flood`, `-flood`. It answers with how often it
 * did each, how high its chain is, and how many others it is connected to, in JSON.
 */
export interface Instructions {
  readonly name: string
  /** The document, encoded, in this file. */
  readonly genesis: string
  /** The folder of its node key. */
  readonly keys: string
  readonly listen: { readonly address: string; readonly port: number }
  readonly known: readonly string[]
}

const FLOOD_EVERY_MS = 20
const FLOOD_MESSAGES = 5

const [, , file] = process.argv
if (file === undefined) throw new Error("usage: main INSTRUCTIONS")
const { name, listen, known, ...files } = JSON.parse(readFileSync(file, "utf8")) as Instructions
const genesis = readGenesis(readFileSync(files.genesis))!
const shell = new FalsePeers(chainIdOf(genesis), createLog({ level: "error", format: "json" }), consensusKey(name))
const place = { shell, listen, keys: openKeys(files.keys) }
const node = await startNetworked(await newDisk(genesis, name), genesis, name, known, place)
setInterval(() => shell.flood(FLOOD_MESSAGES), FLOOD_EVERY_MS)
for await (const line of createInterface(process.stdin)) {
  const sin = line.slice(1)
  if (isSin(sin)) {
    if (line.startsWith("+")) shell.begin(sin)
    else shell.end(sin)
  }
  const { done } = shell
  const { height } = node.validator
  process.stdout.write(`${JSON.stringify({ done, height, peers: node.peers.connected().length })}\n`)
}
process.exit()

function isSin(word: string): word is Sin {
  return (SINS as readonly string[]).includes(word)
}
