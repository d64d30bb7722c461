/*
 * CometBFT's proposer selection, written down once more from its specification and in small whole numbers, so that it
 * shares nothing with the real one: each validator is a line of a table, and every rule a sentence about the table.
 */
export interface Line {
  readonly name: string
  readonly power: number
  priority: number
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0)
const powerOfAll = (table: readonly Line[]) => sum(table.map(({ power }) => power))

/** The spread is made to fit within twice the power, then the average is taken away. */
export function level(table: readonly Line[]): Line[] {
  const priorities = table.map(({ priority }) => priority)
  const spread = Math.max(...priorities) - Math.min(...priorities)
  let parts = 1
  while (spread > 2 * powerOfAll(table) * parts) parts++
  const fitting = table.map((line) => ({ ...line, priority: Math.trunc(line.priority / parts) }))
  const average = Math.floor(sum(fitting.map(({ priority }) => priority)) / table.length)
  return fitting.map((line) => ({ ...line, priority: line.priority - average }))
}

/** Changes the table, line by line. @returns who proposed in each turn */
export function turn(table: Line[], times: number): string[] {
  const proposed: string[] = []
  table.splice(0, table.length, ...level(table))
  for (let i = 0; i < times; i++) {
    for (const line of table) line.priority += line.power
    const [front] = [...table].sort((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1))
    front!.priority -= powerOfAll(table)
    proposed.push(front!.name)
  }
  return proposed
}

/** @param powers of who joins or changes, 0 for who leaves */
export function change(table: readonly Line[], powers: Readonly<Record<string, number>>): Line[] {
  const names = [...new Set([...table.map(({ name }) => name), ...Object.keys(powers)])].sort()
  const before = (name: string) => table.find((line) => line.name === name)
  // Who leaves still counts for how far back a newcomer begins.
  const crowd = sum(names.map((name) => powers[name] || (before(name)?.power ?? 0)))
  const behind = -(crowd + Math.floor(crowd / 8))
  const next = names
    .filter((name) => powers[name] !== 0)
    .map((name) => ({
      name,
      power: powers[name] ?? before(name)!.power,
      priority: before(name)?.priority ?? behind,
    }))
  return level(next)
}
