/** A line that a figure must not cross. `of: "ratio"` compares with the peer or limit of the same run. */
export interface Bound {
  readonly of: "value" | "ratio"
  readonly atLeast?: number
  readonly atMost?: number
}

/** A value of at most so much. */
export function upTo(atMost: number): Bound {
  return { of: "value", atMost }
}

/** What was measured beside the figure. A peer does the same work; a limit does less than anybody must. */
export interface Against {
  readonly kind: "peer" | "limit"
  readonly name: string
  readonly value: number
}

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly against?: Against
  /** value / against.value, as the median of the rounds; for a figure without `against` there is none. */
  readonly ratio?: number
  /** All of them must hold. */
  readonly gate?: readonly Bound[]
  readonly aim?: readonly Bound[]
  /** Counts and latencies that stand beside the figure. */
  readonly beside?: Readonly<Record<string, number | string>>
}

/** @returns whether every bound holds; a bound on a ratio that was not measured does not */
export function holds(figure: Figure, bounds: readonly Bound[]): boolean {
  return bounds.every(({ of, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }) => {
    const measured = of === "ratio" ? figure.ratio : figure.value
    return measured !== undefined && measured >= atLeast && measured <= atMost
  })
}

/** The line of one figure, for machines. */
export function lineOf(figure: Figure): string {
  const { name, value, unit, ratio, against, gate = [], aim = [], beside } = figure
  return JSON.stringify({
    name,
    value: rounded(value),
    unit,
    ratio: ratio === undefined ? null : rounded(ratio),
    ...(against === undefined ? {} : { [against.kind]: { name: against.name, value: rounded(against.value) } }),
    gate: textOf(gate),
    aim: textOf(aim),
    ok: holds(figure, gate),
    ...(beside === undefined ? {} : { beside }),
  })
}

/** All figures as a table of Markdown, for people. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { name, value, unit, ratio, against, gate = [], aim = [] } = figure
    const peer = against === undefined ? "" : `${against.name}: ${shown(against.value)}`
    const reached = gate.length === 0 ? "" : holds(figure, gate) ? (holds(figure, aim) ? "aim" : "gate") : "**missed**"
    return [name, `${shown(value)} ${unit}`, peer, ratio === undefined ? "" : `${shown(ratio)}x`, textOf(gate), reached]
  })
  const head = ["figure", "value", "beside it", "ratio", "gate", "reached"]
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")
}

function textOf(bounds: readonly Bound[]): string {
  return bounds
    .map(({ of, atLeast, atMost }) => {
      const bound = atLeast === undefined ? `<= ${atMost}` : `>= ${atLeast}`
      return of === "ratio" ? `${bound}x` : bound
    })
    .join(", ")
}

function rounded(value: number): number {
  return Number(value.toPrecision(4))
}

function shown(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en")
  return String(Number(value.toPrecision(3)))
}
