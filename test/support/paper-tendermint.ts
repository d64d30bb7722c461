/*
 * Algorithm 1 of arXiv 1807.04938, line by line and as slow as it stands there: all messages that ever came lie in one
 * list, and after each of them every rule is asked anew. It shares no code with the real one; it is what the real one
 * is compared with.
 *
 * What the paper leaves open is settled as docs/spec/consensus.md does: of a process that says two things in one round
 * the first counts; of several proposals of a round the valid ones go first; only votes make a round be skipped to;
 * asking for a value starts the timer of the step propose.
 */
type Id = string | null

export type Message =
  | { is: "PROPOSAL"; h: number; round: number; v: string; vr: number; from: string; valid: boolean }
  | { is: "PREVOTE" | "PRECOMMIT"; h: number; round: number; id: Id; from: string }

type Proposed = Extract<Message, { is: "PROPOSAL" }>

export type Clock = "OnTimeoutPropose" | "OnTimeoutPrevote" | "OnTimeoutPrecommit"

export interface World {
  readonly p: string
  readonly powers: Readonly<Record<string, number>>
  /** Lines of the paper that were come by. */
  readonly lines: Set<number>
  proposer(round: number): string
}

const STEPS = ["propose", "prevote", "precommit"] as const

export class PaperProcess {
  /** What it did, in words. */
  readonly did: string[] = []
  decision: string | null = null
  #round = -1
  #step: (typeof STEPS)[number] = "propose"
  #lockedValue: Id = null
  #lockedRound = -1
  #validValue: Id = null
  #validRound = -1
  #waitsForValue = false
  readonly #messages: Message[] = []
  readonly #onlyOnce = new Set<string>()
  readonly #h: number
  readonly #world: World

  constructor(h: number, world: World) {
    this.#h = h
    this.#world = world
  }

  get round(): number {
    return this.#round
  }

  /** L10 */
  start(): void {
    this.#startRound(10, 0)
    this.#upon()
  }

  receive(message: Message): void {
    this.#messages.push(message)
    if (this.#round >= 0) this.#upon()
  }

  /** L18 returns. */
  gotValue(v: string): void {
    if (!this.#waitsForValue || this.decision !== null) return
    this.#waitsForValue = false
    this.#do(19, `PROPOSAL ${this.#round} ${v} ${this.#validRound}`)
  }

  elapsed(clock: Clock, round: number): void {
    if (this.decision !== null || round !== this.#round) return
    if (clock === "OnTimeoutPropose" && this.#step === "propose") this.#prevote(59, null)
    if (clock === "OnTimeoutPrevote" && this.#step === "prevote") this.#precommit(63, null)
    if (clock === "OnTimeoutPrecommit") this.#startRound(67, round + 1)
    this.#upon()
  }

  /** L11 */
  #startRound(line: number, round: number): void {
    this.#at(line)
    this.#round = round // L12
    this.#step = "propose" // L13
    this.#waitsForValue = false
    if (this.#world.proposer(round) !== this.#world.p) this.#do(21, `timer propose ${round}`)
    else if (this.#validValue !== null) this.#do(16, `PROPOSAL ${round} ${this.#validValue} ${this.#validRound}`)
    else {
      this.#waitsForValue = true
      this.#do(18, `getValue ${round}`)
    }
  }

  /** Every rule, until none applies. */
  #upon(): void {
    const rules = [
      () => this.#line49(),
      () => this.#line55(),
      () => this.#validFirst().some((said) => this.#line22(said) || this.#line28(said)),
      () => this.#line44(),
      () => this.#line34(),
      () => this.#line36(),
      () => this.#line47(),
    ]
    while (this.decision === null && rules.some((rule) => rule()));
  }

  #line22({ v, vr, valid }: Proposed): boolean {
    if (this.#step !== "propose" || (valid && vr !== -1)) return false
    const mayVote = valid && (this.#lockedRound === -1 || this.#lockedValue === v) // L23
    this.#prevote(mayVote ? 24 : 26, mayVote ? v : null)
    return true
  }

  #line28({ v, vr }: Proposed): boolean {
    if (this.#step !== "propose" || vr < 0 || vr >= this.#round || !this.#quorum("PREVOTE", vr, v)) return false
    const mayVote = this.#lockedRound <= vr || this.#lockedValue === v // L29
    this.#prevote(mayVote ? 30 : 32, mayVote ? v : null)
    return true
  }

  #line34(): boolean {
    if (this.#step !== "prevote" || !this.#quorum("PREVOTE", this.#round, "*")) return false
    return this.#once(`L34 ${this.#round}`, () => this.#do(35, `timer prevote ${this.#round}`))
  }

  #line36(): boolean {
    if (this.#step === "propose") return false
    const said = this.#proposals(this.#round).find(({ v, valid }) => valid && this.#quorum("PREVOTE", this.#round, v))
    if (said === undefined) return false
    return this.#once(`L36 ${this.#round}`, () => {
      this.#validValue = said.v // L42
      this.#validRound = this.#round // L43
      if (this.#step !== "prevote") return this.#at(42)
      this.#lockedValue = said.v // L38
      this.#lockedRound = this.#round // L39
      this.#precommit(40, said.v)
    })
  }

  #line44(): boolean {
    if (this.#step !== "prevote" || !this.#quorum("PREVOTE", this.#round, null)) return false
    this.#precommit(45, null)
    return true
  }

  #line47(): boolean {
    if (!this.#quorum("PRECOMMIT", this.#round, "*")) return false
    return this.#once(`L47 ${this.#round}`, () => this.#do(48, `timer precommit ${this.#round}`))
  }

  #line49(): boolean {
    const rounds = [...new Set(this.#messages.map(({ round }) => round))]
    for (const round of rounds) {
      const said = this.#proposals(round).find(({ v, valid }) => valid && this.#quorum("PRECOMMIT", round, v))
      if (said === undefined) continue
      this.decision = said.v
      this.#do(51, `decide ${round} ${said.v}`)
      return true
    }
    return false
  }

  #line55(): boolean {
    const later = this.#votes().map(({ round }) => round)
    const rounds = later.filter((round) => round > this.#round && 3 * this.#power(this.#votes(round)) > this.#all())
    if (rounds.length === 0) return false
    this.#startRound(56, Math.max(...rounds))
    return true
  }

  #prevote(line: number, id: Id): void {
    this.#step = "prevote"
    this.#do(line, `PREVOTE ${this.#round} ${id}`)
  }

  #precommit(line: number, id: Id): void {
    this.#step = "precommit"
    this.#do(line, `PRECOMMIT ${this.#round} ${id}`)
  }

  #do(line: number, words: string): void {
    this.#at(line)
    this.did.push(words)
  }

  #at(line: number): void {
    this.#world.lines.add(line)
  }

  #once(what: string, act: () => void): boolean {
    if (this.#onlyOnce.has(what)) return false
    this.#onlyOnce.add(what)
    act()
    return true
  }

  #proposals(round: number): Proposed[] {
    return this.#messages.filter(
      (m) => m.is === "PROPOSAL" && m.h === this.#h && m.round === round && m.from === this.#world.proposer(round),
    ) as Proposed[]
  }

  /** A faulty proposer may say more than one thing. */
  #validFirst(): Proposed[] {
    const said = this.#proposals(this.#round)
    return [...said.filter(({ valid }) => valid), ...said.filter(({ valid }) => !valid)]
  }

  #votes(round?: number): Extract<Message, { id: Id }>[] {
    return this.#messages.filter(
      (m) => m.is !== "PROPOSAL" && m.h === this.#h && (round === undefined || m.round === round),
    ) as Extract<Message, { id: Id }>[]
  }

  /** 2f + 1 of the paper, by power; "*" is any. */
  #quorum(is: "PREVOTE" | "PRECOMMIT", round: number, id: Id): boolean {
    const votes = this.#votes(round).filter((vote) => vote.is === is)
    const first = votes.filter((vote, i) => votes.findIndex(({ from }) => from === vote.from) === i)
    return 3 * this.#power(first.filter((vote) => id === "*" || vote.id === id)) > 2 * this.#all()
  }

  #power(votes: readonly { from: string }[]): number {
    return [...new Set(votes.map(({ from }) => from))].reduce((sum, from) => sum + (this.#world.powers[from] ?? 0), 0)
  }

  #all(): number {
    return Object.values(this.#world.powers).reduce((sum, power) => sum + power, 0)
  }
}
