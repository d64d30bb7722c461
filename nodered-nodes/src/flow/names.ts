/** As in agent/schema/names.ts; the agent judges, this only proposes. */
const LENGTH_MAX = 63
const KEY = /^[a-z][a-z0-9-]{0,62}$/
const TASK = /^[a-z][A-Za-z0-9_]{0,62}$/

/** @returns the label as the name of an application, workflow or status; itself where it is one, "" where nothing is left */
export function keyFrom(label: string): string {
  if (KEY.test(label)) return label
  return wordsOf(label).join("-").toLowerCase().slice(0, LENGTH_MAX)
}

/** @returns the label as the name of a task, in camel case; itself where it is one, "" where nothing is left */
export function taskNameFrom(label: string): string {
  if (TASK.test(label)) return label
  const [first = "", ...others] = wordsOf(label)
  const name = [first.toLowerCase(), ...others.map((word) => word[0]!.toUpperCase() + word.slice(1))].join("")
  return name.slice(0, LENGTH_MAX)
}

/** The runs of ASCII letters and digits, accents taken off; numbers in front left out, so that a letter comes first. */
function wordsOf(label: string): string[] {
  const words =
    label
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .match(/[A-Za-z0-9]+/g) ?? []
  const first = words.findIndex((word) => /[A-Za-z]/.test(word))
  if (first < 0) return []
  const [begin, ...others] = words.slice(first)
  return [/^\d/.test(begin!) ? `n${begin}` : begin!, ...others]
}

/** Names that are each given once: one that is taken gets a number behind it. */
export class UniqueNames {
  readonly #separator: string
  readonly #taken = new Set<string>()
  /** Per name the number to try next, so that a thousand of one name are not counted again for each. */
  readonly #next = new Map<string, number>()

  constructor(separator: string) {
    this.#separator = separator
  }

  has(name: string): boolean {
    return this.#taken.has(name)
  }

  /** @returns the name, or the first free one with a number */
  take(name: string): string {
    let free = name
    let number = this.#next.get(name) ?? 2
    while (this.#taken.has(free)) {
      const suffix = `${this.#separator}${number++}`
      free = name.slice(0, LENGTH_MAX - suffix.length) + suffix
    }
    this.#next.set(name, number)
    this.#taken.add(free)
    return free
  }
}

/** One level of a JSON pointer. RFC 6901, section 3. */
export function pointerToken(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1")
}
