import { fromHex } from "../../base/bytes.ts"
import {
  chainIdOf,
  type GenesisFault,
  genesisFault,
  readGenesis,
  signaturesOfGenesis,
} from "../../core/ledger/genesis.ts"
import type { Checkpoint } from "../../core/chain/light.ts"
import { UNSIGNED } from "../../core/consensus/sign-state.ts"
import type { ChainId } from "../../core/ledger/terms.ts"
import type { ConsensusKey } from "../../ports/consensus-key.ts"
import type { DurableFile } from "../../ports/durable-file.ts"
import type { Verifier } from "../../ports/verifier.ts"
import type { Blocks } from "./chain/blocks.ts"
import { createSignState, openSigner } from "./consensus/signer.ts"

export type { Checkpoint }

export interface JoinParts {
  readonly blocks: Blocks
  readonly verifier: Verifier
  readonly key: ConsensusKey
  /** Where it is kept what the key signed on that chain. */
  signState(chain: ChainId): DurableFile
}

export type Joined =
  | { readonly ok: true; readonly chain: ChainId }
  | { readonly ok: false; readonly code: "GENESIS_UNREADABLE" | "GENESIS_UNSIGNED" }
  | { readonly ok: false; readonly code: "GENESIS_REFUSED"; readonly fault: GenesisFault }
  | { readonly ok: false; readonly code: "CHAIN_JOINED"; readonly chain: ChainId }

/**
 * A Core joins a chain: the one moment at which a sign-state is made (G8). What a power cut left of it is finished when it
 * is asked for again, as long as nothing was signed.
 * @param document the genesis, encoded
 * @param checkpoint a block of the chain that its owner has seen: trust begins there
 * @throws ValidatorError SIGN_STATE_EXISTS where this key has signed on that chain before
 * @see docs/spec/chain.md#joining
 */
export async function joinChain(
  { blocks, verifier, key, signState }: JoinParts,
  document: Uint8Array,
  checkpoint: Checkpoint | null = null,
): Promise<Joined> {
  const tip = blocks.tip()
  if (tip !== null) return { ok: false, code: "CHAIN_JOINED", chain: tip.chain }
  const genesis = readGenesis(document)
  if (genesis === null) return { ok: false, code: "GENESIS_UNREADABLE" }
  const fault = genesisFault(genesis)
  if (fault !== null) return { ok: false, code: "GENESIS_REFUSED", fault }
  if (!(await verifier.areGood(signaturesOfGenesis(genesis)))) return { ok: false, code: "GENESIS_UNSIGNED" }
  const chain = chainIdOf(genesis)
  const file = signState(chain)
  try {
    if (!isUntouched(key, chain, file)) createSignState({ key, chain: fromHex(chain)!, file })
  } finally {
    file.close()
  }
  await blocks.begin(genesis, checkpoint)
  return { ok: true, chain }
}

/** A sign-state is there, and nothing was ever signed by it. */
function isUntouched(key: ConsensusKey, chain: ChainId, file: DurableFile): boolean {
  if (file.read() === null) return false
  const { state } = openSigner({ key, chain: fromHex(chain)!, file })
  return state.height === UNSIGNED.height && state.dead === null
}
