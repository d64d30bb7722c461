/** The middle value: what one disturbed round cannot move. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error("the median of nothing")
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** @returns the value below which the share `part` of them lies. @param part 0..1 */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

export const ROUNDS = 5

/**
 * Runs every measurement once per round, in turn: what disturbs a shared machine disturbs all of them. Each round begins
 * with another one, A B B A, so that none has always the same one before it.
 * @returns per measurement its samples, one a round
 */
export async function interleaved<Name extends string, Sample>(
  measurements: Readonly<Record<Name, () => Promise<Sample>>>,
  rounds = ROUNDS,
): Promise<Record<Name, Sample[]>> {
  const names = Object.keys(measurements) as Name[]
  const samples = Object.fromEntries(names.map((name) => [name, [] as Sample[]])) as Record<Name, Sample[]>
  for (let round = 0; round < rounds; round++) {
    const first = round % names.length
    for (const name of [...names.slice(first), ...names.slice(0, first)]) samples[name].push(await measurements[name]())
  }
  return samples
}

/** @returns the median of a's value over b's value of the same round */
export function medianRatio<A, B>(a: readonly A[], b: readonly B[], of: (sample: A | B) => number): number {
  return median(a.map((sample, round) => of(sample) / of(b[round]!)))
}
