import { DEFAULTS, type Options } from "./options.ts"

/** Committees that a long run goes through, one after the other: of every size, some of them of random power. */
const MIX: readonly Pick<Options, "validators" | "byzantine" | "heights" | "roughMs" | "powers">[] = [
  { validators: 4, byzantine: 1, heights: 4, roughMs: 60_000, powers: "equal" },
  { validators: 7, byzantine: 2, heights: 4, roughMs: 60_000, powers: "random" },
  { validators: 4, byzantine: 1, heights: 10, roughMs: 5_000, powers: "random" },
  { validators: 1, byzantine: 0, heights: 20, roughMs: 60_000, powers: "equal" },
  { validators: 7, byzantine: 2, heights: 10, roughMs: 5_000, powers: "equal" },
  { validators: 3, byzantine: 0, heights: 4, roughMs: 60_000, powers: "equal" },
  { validators: 4, byzantine: 1, heights: 20, roughMs: 300_000, powers: "equal" },
  { validators: 10, byzantine: 3, heights: 4, roughMs: 60_000, powers: "random" },
  { validators: 5, byzantine: 1, heights: 4, roughMs: 60_000, powers: "random" },
  { validators: 16, byzantine: 5, heights: 4, roughMs: 30_000, powers: "equal" },
]

/** The same seed is the same simulation, in every long run. */
export function mixed(seed: number): Options {
  return { ...DEFAULTS, ...MIX[seed % MIX.length]!, seed }
}

/** What repeats one simulation alone, with all faults. */
export function commandOf({ seed, validators, byzantine, heights, roughMs, powers, plant }: Options): string {
  const words = [
    ...["--seed", seed, "--validators", validators, "--byzantine", byzantine, "--heights", heights],
    ...["--rough-ms", roughMs, "--powers", powers, "--faults", "all", ...(plant === null ? [] : ["--plant", plant])],
  ]
  return `npm run sim -- ${words.join(" ")}`
}
