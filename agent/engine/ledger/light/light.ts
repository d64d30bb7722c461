import { fromHex } from "../../../base/bytes.ts"
import { LIGHT_STEPS_MAX } from "../../../base/network-limits.ts"
import { blockId } from "../../../core/chain/block.ts"
import { type LightBlock, type LightFault, lightFault, signaturesOfLight } from "../../../core/chain/light.ts"
import type { Height } from "../../../core/consensus/terms.ts"
import { decode } from "../../../core/ledger/layout.ts"
import type { Place } from "../../../core/ledger/state/records.ts"
import type { TimeMs } from "../../../core/ledger/terms.ts"
import { isProven, type TreeProof } from "../../../core/ledger/tree/proof.ts"
import type { Verifier } from "../../../ports/verifier.ts"

/** One who has headers, and may lie. */
export interface HeaderSource {
  readonly name: string
  /** @param height null for the newest @returns null where there is none */
  lightBlock(height: Height | null): Promise<LightBlock | null>
  /** @returns null where no answer can be read */
  record(name: string): Promise<ProvenRecord | null>
}

/** What a source says of a record. */
export interface ProvenRecord {
  /** Whose header names the state that it is of. */
  readonly height: Height
  /** Its bytes, null where there is none. */
  readonly value: Uint8Array | null
  readonly proof: TreeProof
}

export type Looked<Value> =
  | { readonly ok: true; readonly value: Value | null; readonly height: Height }
  /** BUSY: blocks were made since, or one is needed to name the newest state. To be asked again after `follow`. */
  | { readonly ok: false; readonly code: "SOURCE_SILENT" | "PROOF_INVALID" | "BUSY" }

export interface LightParts {
  readonly verifier: Verifier
  readonly trustingMs: number
  /** L4: this Core's clock where it is synchronised; else the time of the newest header that it trusts. */
  now(): TimeMs
  /** A header is trusted now: to be kept, so that a restart goes on from it. */
  trusted(block: LightBlock): Promise<void>
}

export type Followed =
  | { readonly ok: true; readonly block: LightBlock }
  | {
      readonly ok: false
      readonly code: LightFault | "SOURCE_SILENT" | "SIGNATURE_INVALID" | "WITNESS_DIFFERS"
      readonly source: string
    }

/** Follows a chain by its headers, from one that is trusted to the newest. */
export class LightClient {
  readonly #parts: LightParts
  #trusted: LightBlock

  /** @param trusted a checkpoint that its owner saw, or the last header before the restart */
  constructor(parts: LightParts, trusted: LightBlock) {
    this.#parts = parts
    this.#trusted = trusted
  }

  get head(): LightBlock {
    return this.#trusted
  }

  /**
   * L2, L5: from the trusted header to the newest of the source, by as few as will do, and no other one says differently.
   * @param witnesses others who are asked for the same height; one that has none says nothing
   */
  async follow(source: HeaderSource, witnesses: readonly HeaderSource[]): Promise<Followed> {
    const newest = await source.lightBlock(null)
    if (newest === null) return { ok: false, code: "SOURCE_SILENT", source: source.name }
    if (newest.header.height <= this.#trusted.header.height) return { ok: true, block: this.#trusted }
    return this.trust(newest, source, witnesses)
  }

  /** As `follow`, to a header that the source has given. */
  async trust(target: LightBlock, source: HeaderSource, witnesses: readonly HeaderSource[]): Promise<Followed> {
    const reached = await this.#reach(target, source)
    if (!reached.ok) return reached
    for (const witness of witnesses) {
      const seen = await witness.lightBlock(target.header.height)
      if (seen === null || blockId(seen.header) === blockId(target.header)) continue
      // What nobody decided says nothing: else any peer could keep all others from trusting.
      if ((await this.#reach(seen, witness)).ok) {
        return { ok: false, code: "WITNESS_DIFFERS", source: witness.name }
      }
    }
    this.#trusted = target
    await this.#parts.trusted(target)
    return reached
  }

  /** L6: a record as the newest trusted header has it. After `follow`. */
  async look<Value>(source: HeaderSource, { name, layout }: Place<Value>): Promise<Looked<Value>> {
    const { height, appHash } = this.#trusted.header
    const answer = await source.record(name)
    if (answer === null) return { ok: false, code: "SOURCE_SILENT" }
    if (answer.height !== height) return { ok: false, code: "BUSY" }
    const value = answer.value === null ? null : decode(layout, answer.value)
    const isRecord = answer.value === null || value !== null
    if (isRecord && isProven(fromHex(appHash)!, name, answer.value, answer.proof)) return { ok: true, value, height }
    return { ok: false, code: "PROOF_INVALID" }
  }

  /** Bisection: the farthest that can be believed, then on from there. */
  async #reach(target: LightBlock, source: HeaderSource): Promise<Followed> {
    let trusted = this.#trusted
    let ahead: readonly LightBlock[] = [target]
    for (let step = 0; step < LIGHT_STEPS_MAX; step++) {
      const next = ahead.at(-1)
      if (next === undefined) return { ok: true, block: trusted }
      const fault = lightFault(trusted, next, this.#parts.now(), this.#parts.trustingMs)
      if (fault === null) {
        if (!(await this.#parts.verifier.areGood(signaturesOfLight(next)))) {
          return { ok: false, code: "SIGNATURE_INVALID", source: source.name }
        }
        trusted = next
        ahead = ahead.slice(0, -1)
        continue
      }
      const middle = Math.floor((trusted.header.height + next.header.height) / 2)
      if (fault !== "TOO_FAR" || middle === trusted.header.height)
        return { ok: false, code: fault, source: source.name }
      const between = await source.lightBlock(middle)
      if (between?.header.height !== middle) return { ok: false, code: "SOURCE_SILENT", source: source.name }
      ahead = [...ahead, between]
    }
    return { ok: false, code: "TOO_FAR", source: source.name }
  }
}
