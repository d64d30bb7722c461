import { REPORT_AGAIN_MS, REPORT_TURN_MS, REPORT_WAIT_MS } from "../../../base/network-limits.ts"
import { type Address, addressOf } from "../../../base/address.ts"
import { fromHex } from "../../../base/bytes.ts"
import { messageOf } from "../../../base/errors.ts"
import type { SignedDoubleVote } from "../../../core/consensus/message.ts"
import { consensusAddress } from "../../../core/ledger/apply/committee.ts"
import { reportOf } from "../../../core/ledger/evidence.ts"
import type { CommitteeMember } from "../../../core/ledger/state/records.ts"
import type { BodyOf } from "../../../core/ledger/transaction/body.ts"
import type { Clock } from "../../../ports/clock.ts"
import type { Log } from "../../../ports/log.ts"
import type { SigningKey } from "../../../ports/signing-key.ts"
import type { Blocks, KeptReceipt } from "../chain/blocks.ts"
import { NetworkError } from "../error.ts"
import { pause } from "../pause.ts"
import type { Validator } from "../validator/validator.ts"
import type { Accounts } from "./accounts.ts"
import type { Wallet } from "./wallet.ts"

export interface ReporterParts {
  readonly blocks: Blocks
  readonly accounts: Accounts
  readonly wallet: Pick<Wallet, "send">
  readonly validator: Pick<Validator, "chain">
  readonly key: SigningKey
  readonly clock: Clock
  readonly log: Log
}

/**
 * Who says two things is reported (L1), by whoever saw it and has an account that can pay. Each validator waits for its
 * turn first, so that one of them reports and the others see it done. What was seen is kept until then.
 */
export class Reporter {
  readonly #parts: ReporterParts
  readonly #over = new AbortController()
  readonly #seen = new Set<Address>()

  constructor(parts: ReporterParts) {
    this.#parts = parts
  }

  /** Goes on with what was seen before. */
  start(): void {
    for (const evidence of this.#parts.blocks.evidence()) {
      if (this.#isNew(evidence)) this.#inBackground(this.#report(evidence))
    }
  }

  stop(): void {
    this.#over.abort()
  }

  saw(evidence: SignedDoubleVote): void {
    const { key, log } = this.#parts
    const { voter, height } = evidence.first
    // One report of a validator is all that counts.
    if (!this.#isNew(evidence)) return
    log.warn("a validator said two things", { validator: voter, height })
    // Nobody reports itself.
    if (voter !== key.address) this.#inBackground(this.#keep(evidence))
  }

  async #keep(evidence: SignedDoubleVote): Promise<void> {
    await this.#parts.blocks.keepEvidence(evidence)
    await this.#report(evidence)
  }

  #isNew({ first }: SignedDoubleVote): boolean {
    const isNew = !this.#seen.has(first.voter)
    this.#seen.add(first.voter)
    return isNew
  }

  async #report(evidence: SignedDoubleVote): Promise<void> {
    const { blocks, clock, log } = this.#parts
    const { signal } = this.#over
    const { voter, height } = evidence.first
    const said = { validator: voter, height }
    await pause(clock, this.#turn() * REPORT_TURN_MS, signal)
    for (; !signal.aborted; await pause(clock, REPORT_AGAIN_MS, signal)) {
      const report = reportOf(blocks, evidence)
      const receipt = typeof report === "string" ? null : await this.#send(report)
      if (typeof report !== "string" && receipt === null) continue
      await blocks.dropEvidence(voter)
      if (receipt === null) return log.info("a validator is not reported any more", { ...said, code: report })
      if (receipt.failure === null) return log.warn("a validator that said two things was reported", said)
      return log.info("a report of a validator came to nothing", { ...said, code: receipt.failure })
    }
  }

  /** @returns null where no account of this home has it in a block, so far */
  async #send(report: BodyOf<"report">): Promise<KeptReceipt | null> {
    const { wallet, log } = this.#parts
    const { signal } = this.#over
    for (const from of this.#accounts()) {
      try {
        const options = { from, payer: null, feeLimit: null, waitMs: REPORT_WAIT_MS, signal }
        return (await wallet.send(report, options)).receipt
      } catch (error) {
        if (!(error instanceof NetworkError)) throw error
        log.info("an account cannot report a validator", { account: from, why: messageOf(error) })
      }
    }
    log.warn("a validator is not reported: no account of this home can", { validator: report.validator })
    return null
  }

  /** Names, the one that this Core's stake belongs to first. */
  #accounts(): readonly string[] {
    const own = this.#own()?.account
    const isOwn = (publicKey: string) => addressOf(fromHex(publicKey)!) === own
    const all = this.#parts.accounts.list()
    return [...all].sort((a, b) => Number(isOwn(b.publicKey)) - Number(isOwn(a.publicKey))).map(({ name }) => name)
  }

  #turn(): number {
    const own = this.#own()
    const { members } = this.#parts.validator.chain.tip.next
    return own === undefined ? members.length : members.indexOf(own)
  }

  #own(): CommitteeMember | undefined {
    const { key, validator } = this.#parts
    return validator.chain.tip.next.members.find((member) => consensusAddress(member.key) === key.address)
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) =>
      this.#parts.log.error("a validator could not be reported", { error: messageOf(error) }),
    )
  }
}
