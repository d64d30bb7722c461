import type { Mutant } from "./mutant.ts"

const SIMULATED = { spec: "test/sim/chain.test.ts", grep: "agrees, and goes on|bears a power cut" } as const
const VALIDATORS = { spec: "test/unit/engine/ledger/validator/validator.test.ts", grep: "believe nothing" } as const
const WALKS = { spec: "test/unit/core/consensus/driver-walk.test.ts" } as const

/** Promises that agents keep to each other. */
export const NETWORK: readonly Mutant[] = [
  {
    name: "any-polka-unlocks",
    patches: [
      {
        file: "agent/core/consensus/round/transition.ts",
        from: "const open = state.lockedRound <= polRound || state.lockedValue === value",
        to: "const open = true",
      },
    ],
    ...WALKS,
    says: /'PREVOTE \d b'|"PREVOTE \d b"/,
  },
  {
    name: "locks-forgotten",
    patches: [
      {
        file: "agent/core/consensus/round/transition.ts",
        from: "return lockedRound < 0 || lockedValue === value ? value : null",
        to: "return value",
      },
    ],
    ...WALKS,
    says: /'PREVOTE \d (?:a|b)'/,
  },
  {
    name: "quorum-in-floats",
    patches: [
      {
        file: "agent/core/consensus/validators.ts",
        from: "return 3n * weight > 2n * total",
        to: "return Number(weight) / Number(total) > 2 / 3",
      },
    ],
    spec: "test/unit/core/consensus/validators.test.ts",
    says: /AssertionError/,
  },
  {
    name: "quorum-of-half",
    patches: [
      {
        file: "agent/core/consensus/validators.ts",
        from: "return 3n * weight > 2n * total",
        to: "return 2n * weight >= total",
      },
    ],
    ...SIMULATED,
    says: /without a proof|where \S+ was decided/,
  },
  {
    name: "no-round-skip",
    patches: [
      {
        file: "agent/core/consensus/votes/keeper.ts",
        from: 'if (round > currentRound && isHonest(votes.heardWeight, total)) return { kind: "skip", round }',
        to: "if (round > currentRound) return null",
      },
    ],
    ...WALKS,
    says: /'timer propose \d'|'getValue \d'/,
  },
  {
    name: "what-was-kept-not-seen",
    patches: [
      {
        file: "agent/core/consensus/driver/driver.ts",
        from: "return act(state, ofEverything(state), proposer)",
        to: "return idle(state)",
      },
    ],
    ...SIMULATED,
    says: /were due at/,
  },
  {
    name: "double-vote-counts-twice",
    patches: [
      {
        file: "agent/core/consensus/votes/tally.ts",
        from: "return { tally: { ...tally, second: withEntry(tally.second, vote.voter, vote) }, conflict: first }",
        to: "return { tally: { ...tally, second: withEntry(tally.second, vote.voter, vote), weight: tally.weight + power }, conflict: first }",
      },
    ],
    spec: "test/unit/core/consensus/votes.test.ts",
    says: /AssertionError/,
  },
  {
    name: "newcomer-proposes-at-once",
    patches: [
      {
        file: "agent/core/consensus/rotation.ts",
        from: "const priority = -(power + (power >> 3n))",
        to: "const priority = 0n",
      },
    ],
    spec: "test/unit/core/consensus/rotation.test.ts",
    says: /places a newcomer/,
  },
  {
    name: "sign-before-sync",
    patches: [
      {
        file: "agent/engine/ledger/consensus/signer.ts",
        from: "    this.#keep(withSignature(this.#state, slot, { bytes, signature }, logged))\n",
        to: "    if (this.#state.height >= 0) this.#keep(this.#state)\n    this.#state = withSignature(this.#state, slot, { bytes, signature }, logged)\n",
      },
    ],
    ...SIMULATED,
    says: /signed both|key died/,
  },
  {
    name: "old-sign-state-believed",
    patches: [
      {
        file: "agent/engine/ledger/consensus/signer.ts",
        from: "return new DurableSigner({ key, chain, file }, read.state)",
        to: "return new DurableSigner({ key, chain, file }, { ...read.state, height: read.state.height - 1 })",
      },
    ],
    ...SIMULATED,
    says: /signed both|key died/,
  },
  {
    name: "log-after-output",
    patches: [
      {
        file: "agent/engine/ledger/consensus/input-log.ts",
        from: "    this.#write()\n    this.#wal.sync()\n",
        to: "    this.#wal.sync()\n    this.#write()\n",
      },
    ],
    ...SIMULATED,
    says: /SIGN_CONFLICT|ends before what a signature follows from|key died/,
  },
  {
    name: "log-played-twice",
    patches: [
      {
        file: "agent/engine/ledger/consensus/consensus.ts",
        from: "of entries.entries()",
        to: "of [...entries, ...entries].entries()",
      },
    ],
    ...SIMULATED,
    says: /does not follow/,
  },
  {
    name: "log-without-checks",
    patches: [
      {
        file: "agent/engine/ledger/consensus/wal.ts",
        from: "return check.every((byte, i) => byte === bytes[at + 8 + i]) ?",
        to: "return check.length > 0 ?",
      },
    ],
    ...SIMULATED,
    says: /halted: /,
  },
  {
    name: "log-of-a-killed-process",
    patches: [
      {
        file: "agent/engine/ledger/consensus/wal.ts",
        from: "    else this.#file.sync()\n",
        to: "",
      },
    ],
    spec: "test/unit/engine/ledger/consensus/wal.test.ts",
    says: /may have been killed before/,
  },
  {
    name: "signs-before-peers-answer",
    patches: [
      {
        file: "agent/engine/ledger/consensus/voice.ts",
        from: "this.#maySign ||= isQuorum(weight, validators.total)",
        to: "this.#maySign ||= weight > 0n",
      },
    ],
    spec: "test/unit/engine/ledger/consensus/consensus.test.ts",
    grep: "a validator after a start",
    says: /signs nothing until a quorum/,
  },
  {
    name: "own-votes-not-recognised",
    patches: [
      {
        file: "agent/engine/ledger/consensus/voice.ts",
        from: "    if (!isBeyond(signer.state, slot, messageBytes(chainId, message))) return\n",
        to: "    if (isBeyond(signer.state, slot, messageBytes(chainId, message))) return\n",
      },
    ],
    spec: "test/unit/engine/ledger/consensus/consensus.test.ts",
    says: /lets its key die|lives with votes/,
  },
  {
    name: "leaf-hashed-as-inner",
    patches: [
      {
        file: "agent/core/ledger/tree/node.ts",
        from: "const LEAF = Uint8Array.of(0)",
        to: "const LEAF = Uint8Array.of(1)",
      },
    ],
    spec: "test/unit/core/ledger/tree.test.ts",
    says: /has the root that/,
  },
  {
    name: "absence-beside-its-own-leaf",
    patches: [
      {
        file: "agent/core/ledger/tree/proof.ts",
        from: "if (proof.other.key === toHex(key)) return false",
        to: "",
      },
    ],
    spec: "test/unit/core/ledger/tree.test.ts",
    says: /own leaf/,
  },
  {
    name: "failed-transaction-keeps-its-writes",
    patches: [
      {
        file: "agent/core/ledger/apply/apply.ts",
        from: "if (failure === null) state.takeOver(tried)",
        to: "state.takeOver(tried)",
      },
    ],
    spec: "test/unit/core/ledger/stake.test.ts",
    says: /changes nothing/,
  },
  {
    name: "touches-not-held",
    patches: [
      {
        file: "agent/core/ledger/apply/apply.ts",
        from: "if (tried.undeclared !== null)",
        to: 'if (tried.undeclared === "")',
      },
    ],
    spec: "test/unit/core/ledger/apply.test.ts",
    says: /UNDECLARED_TOUCH/,
  },
  {
    name: "stake-counts-at-once",
    patches: [
      {
        file: "agent/core/ledger/apply/stake.ts",
        from: "const from = epoch.number + 1",
        to: "const from = epoch.number",
      },
    ],
    spec: "test/unit/core/ledger/stake.test.ts",
    says: /AssertionError|STATE_DAMAGED|damaged/,
  },
  {
    name: "unbonding-from-the-transaction",
    patches: [
      {
        file: "agent/core/ledger/apply/due.ts",
        from: "if (due > time) {",
        to: "if (due < 0) {",
      },
    ],
    spec: "test/unit/core/ledger/stake.test.ts",
    says: /AssertionError|damaged/,
  },
  {
    name: "no-churn-bound",
    patches: [
      {
        file: "agent/core/ledger/apply/epoch.ts",
        from: "const gain = wanted < left ? wanted : left",
        to: "const gain = wanted",
      },
    ],
    spec: "test/unit/core/ledger/stake.test.ts",
    says: /gains no more than a tenth/,
  },
  {
    name: "rewards-rounded-up",
    patches: [
      {
        file: "agent/core/ledger/apply/rewards.ts",
        from: "return (tokens * (to - from)) >> SCALE",
        to: "return ((tokens * (to - from)) >> SCALE) + 1n",
      },
    ],
    spec: "test/unit/core/ledger/walk.test.ts",
    says: /the pot holds|AssertionError|do not add up/,
  },
  {
    name: "one-approval-counted-twice",
    patches: [
      {
        file: "agent/core/ledger/apply/change-set.ts",
        from: "return isQuorum(powerOf(agreed), powerOf(before))",
        to: "return isQuorum(BigInt(approvals.length), powerOf(before))",
      },
    ],
    spec: "test/unit/core/ledger/enrolled.test.ts",
    says: /once/,
  },
  {
    name: "slash-whoever-is-there",
    patches: [
      {
        file: "agent/core/ledger/apply/slash.ts",
        from: "if (epoch < lot.from || (lot.until !== null && epoch >= lot.until)) return lot",
        to: "",
      },
    ],
    spec: "test/unit/core/ledger/slash.test.ts",
    says: /who stood at that time/,
  },
  {
    name: "old-evidence-counts",
    patches: [
      {
        file: "agent/core/ledger/apply/slash.ts",
        from: "const isThen = (from: number, next: number | null) => from <= height && (next === null || height < next)",
        to: "const isThen = (from: number, _next: number | null) => from <= height",
      },
    ],
    spec: "test/unit/core/ledger/slash.test.ts",
    says: /of the epoch and of the committee/,
  },
  {
    name: "chunk-that-lacks-its-only-record",
    patches: [
      {
        file: "agent/core/ledger/tree/chunk.ts",
        from: "if (other !== null && (records.length > 0 || other.key.startsWith(digits))) return false",
        to: "if (other !== null && records.length > 0) return false",
      },
    ],
    spec: "test/unit/core/ledger/chunk.test.ts",
    says: /cannot lack a record/,
  },
  {
    name: "who-was-reported-stays",
    patches: [
      {
        file: "agent/core/ledger/apply/committee.ts",
        from: "const good = members.filter((member) => !isFaulty(member))",
        to: "const good = members.filter((member) => !isFaulty(member) || members.length > 0)",
      },
    ],
    spec: "test/unit/core/ledger/slash.test.ts",
    says: /takes a twentieth/,
  },
  {
    name: "block-known-by-id-alone",
    patches: [
      {
        file: "agent/engine/ledger/chain/mempool.ts",
        from: "return known?.signature === signature && known.payerSignature === payerSignature",
        to: "return known !== undefined || signature === payerSignature",
      },
    ],
    spec: "test/unit/engine/ledger/chain/block-chain.test.ts",
    grep: "where its signature is another one",
    says: /where its signature is another one/,
  },
  {
    name: "commit-not-verified",
    patches: [
      {
        file: "agent/engine/ledger/validator/validator.ts",
        from: "    if (!(await this.#isSigned(said))) return false\n",
        to: "",
      },
    ],
    ...VALIDATORS,
    says: /a signature of the commit/,
  },
  {
    name: "commit-of-any-power",
    patches: [
      {
        file: "agent/core/chain/commit.ts",
        from: "return isQuorum(powerOf(commit, members), totalOf(members))",
        to: "return powerOf(commit, members) <= totalOf(members)",
      },
    ],
    ...VALIDATORS,
    says: /the power of the commit/,
  },
  {
    name: "block-of-another-proposal",
    patches: [
      {
        file: "agent/engine/ledger/validator/validator.ts",
        from: 'if (judged === null || judged.block.id !== proposal.value) return "reject"',
        to: 'if (judged === null) return "reject"',
      },
    ],
    ...VALIDATORS,
    says: /believe nothing that a peer made/,
  },
  {
    name: "vouch-not-of-now",
    patches: [
      {
        file: "agent/core/chain/message.ts",
        from: "const payload = sha256(nonce, encode(",
        to: "const payload = sha256(nonce.subarray(1), encode(",
      },
    ],
    ...VALIDATORS,
    says: /believe nothing that a peer made/,
  },
  {
    name: "time-goes-back",
    patches: [
      {
        file: "agent/core/chain/check.ts",
        from: "return Math.max(commit === null ? 0 : medianTime(commit, tip.last), tip.time + 1)",
        to: "return commit === null ? tip.time + 1 : medianTime(commit, tip.last)",
      },
    ],
    spec: "test/unit/core/chain/block.test.ts",
    says: /even where all clocks went back/,
  },
  {
    name: "light-client-skips-anywhere",
    patches: [
      {
        file: "agent/core/chain/light.ts",
        from: "return isHonest(",
        to: "return true || isHonest(",
      },
    ],
    spec: "test/unit/engine/ledger/light/light.test.ts",
    grep: "believes nothing at once",
    says: /believes nothing at once/,
  },
]
