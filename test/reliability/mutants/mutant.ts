/** One broken promise, and the test that must notice. */
export interface Mutant {
  readonly name: string
  /** Each `from` stands exactly once in its file: a change there breaks the mutant loudly. */
  readonly patches: readonly { readonly file: string; readonly from: string; readonly to: string }[]
  readonly spec: string
  /** Which of its tests; all by default. */
  readonly grep?: string
  readonly env?: Readonly<Record<string, string>>
  /** What the test must say: a broken build that does not even start has shown nothing. */
  readonly says: RegExp
}
