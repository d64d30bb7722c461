import type { Slot } from "../../../core/consensus/message.ts"
import { judge, type SignRefusal, type SignState, UNSIGNED, withSignature } from "../../../core/consensus/sign-state.ts"
import type { ConsensusKey } from "../../../ports/consensus-key.ts"
import type { DurableFile } from "../../../ports/durable-file.ts"
import { ValidatorError } from "./error.ts"
import { decodeSignState, encodeSignState } from "./sign-state-record.ts"

export type Signed =
  | { readonly ok: true; readonly signature: Uint8Array }
  | { readonly ok: false; readonly code: SignRefusal }

/** The one place where a consensus key signs. */
export interface Signer {
  readonly state: SignState
  /**
   * @param logged bytes of the height's log that are on the disk
   * @throws DiskError: then nothing was signed
   */
  sign(slot: Slot, bytes: Uint8Array, logged: number): Signed
  /** The key signs nothing more, for ever. @param why a sentence for its owner */
  kill(why: string): void
  close(): void
}

/** What a sign-state belongs to. */
export interface KeyOnChain {
  readonly key: ConsensusKey
  /** 32 bytes */
  readonly chain: Uint8Array
  readonly file: DurableFile
}

const REMEDY = "this key signs nothing any more: rotate it on the ledger, and never put back an older sign-state"

/**
 * The first sign-state of a new key on a chain. No start of an agent may make one: it would forget what was signed.
 * @throws ValidatorError SIGN_STATE_EXISTS
 */
export function createSignState({ key, chain, file }: KeyOnChain): void {
  if (file.read() !== null) {
    throw new ValidatorError(
      { code: "SIGN_STATE_EXISTS", key: key.address },
      `the key ${key.address} has a sign-state on this chain already`,
      { remedy: "join with a new key" },
    )
  }
  file.replace(encodeSignState(chain, key.address, UNSIGNED))
}

/** @throws ValidatorError SIGN_STATE_MISSING, SIGN_STATE_DAMAGED: the key is dead */
export function openSigner({ key, chain, file }: KeyOnChain): Signer {
  const bytes = file.read()
  if (bytes === null) {
    throw new ValidatorError(
      { code: "SIGN_STATE_MISSING", key: key.address },
      `what the key ${key.address} signed on this chain is not on record`,
      { remedy: REMEDY },
    )
  }
  const read = decodeSignState(bytes, chain, key.address)
  if (!read.ok) {
    throw new ValidatorError(
      { code: "SIGN_STATE_DAMAGED", key: key.address },
      `the sign-state of the key ${key.address} cannot be believed: ${read.reason}`,
      { remedy: REMEDY },
    )
  }
  return new DurableSigner({ key, chain, file }, read.state)
}

class DurableSigner implements Signer {
  readonly #of: KeyOnChain
  #state: SignState

  constructor(of: KeyOnChain, state: SignState) {
    this.#of = of
    this.#state = state
  }

  get state(): SignState {
    return this.#state
  }

  sign(slot: Slot, bytes: Uint8Array, logged: number): Signed {
    const verdict = judge(this.#state, slot, bytes)
    if (verdict.kind === "refused") return { ok: false, code: verdict.code }
    if (verdict.kind === "again") return { ok: true, signature: verdict.signature }
    const signature = this.#of.key.sign(bytes)
    // On the device before anybody can see the signature.
    this.#keep(withSignature(this.#state, slot, { bytes, signature }, logged))
    return { ok: true, signature }
  }

  kill(why: string): void {
    if (this.#state.dead === null) this.#keep({ ...this.#state, dead: why })
  }

  close(): void {
    this.#of.file.close()
  }

  #keep(state: SignState): void {
    const { file, chain, key } = this.#of
    file.replace(encodeSignState(chain, key.address, state))
    this.#state = state
  }
}
