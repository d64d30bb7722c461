import { spawnSync } from "node:child_process"

/** One instruction of a Dockerfile: its word, and what follows it in one line per line of the file. */
export interface Instruction {
  readonly word: string
  readonly rest: string
}

/** What an engine knows of an image beside its files. */
export interface ImageConfig {
  readonly user: string
  readonly env: Readonly<Record<string, string>>
  readonly workdir: string
  /** Of HEALTHCHECK, without the word CMD. */
  readonly check: readonly string[]
  readonly command: readonly string[]
}

/** A recipe's parts: for each FROM what it begins with, its name and its instructions; ARGs before the first are put in. */
export interface Stage {
  readonly from: string
  readonly name: string
  readonly instructions: readonly Instruction[]
}

const WORDS = "ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK RUN SHELL STOPSIGNAL USER VOLUME WORKDIR".split(" ")

export function instructionsOf(recipe: string): Instruction[] {
  const lines = recipe.split("\n").filter((line) => !/^\s*(?:#|$)/.test(line))
  const whole = lines.join("\n").replaceAll(/\\\n\s*/g, " ")
  return whole.split("\n").map((line) => {
    const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(line)!
    return { word, rest: rest.trim() }
  })
}

/** @returns the stages in their order; the last one is the image */
export function stagesOf(recipe: string): Stage[] {
  const values: Record<string, string> = {}
  const stages: (Stage & { instructions: Instruction[] })[] = []
  for (const { word, rest } of instructionsOf(recipe)) {
    if (word === "FROM") {
      const [, from = "", name = ""] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? []
      stages.push({
        from: from.replace(/^\$\{(\w+)\}$/, (_, key: string) => values[key] ?? ""),
        name,
        instructions: [],
      })
    } else if (stages.length === 0) {
      const [key = "", value = ""] = rest.split("=")
      values[key] = value
    } else {
      stages.at(-1)!.instructions.push({ word, rest })
    }
  }
  return stages
}

export function configOf({ instructions }: Stage): ImageConfig {
  const last = (word: string) => instructions.findLast((each) => each.word === word)?.rest ?? ""
  const list = (word: string) => JSON.parse(last(word) || "[]") as string[]
  const env = instructions.filter(({ word }) => word === "ENV").flatMap(({ rest }) => rest.split(" "))
  return {
    user: last("USER"),
    env: Object.fromEntries(env.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)])),
    workdir: last("WORKDIR"),
    check: JSON.parse(/CMD (\[.*\])$/.exec(last("HEALTHCHECK"))?.[1] ?? "[]") as string[],
    command: [...list("ENTRYPOINT"), ...list("CMD")],
  }
}

/** @returns a sentence for each thing that a builder, or who runs the image, would stumble over */
export function faultsOf(recipe: string): string[] {
  const stages = stagesOf(recipe)
  const all = instructionsOf(recipe)
  const names = stages.map(({ name }) => name)
  const faults = all.filter(({ word }) => !WORDS.includes(word)).map(({ word }) => `there is no instruction ${word}`)
  for (const [nth, { from, instructions }] of stages.entries()) {
    if (from !== "scratch" && (!/:[^/]+$/.test(from) || from.endsWith(":latest")))
      faults.push(`${from || "a base"} has no version`)
    for (const { word, rest } of instructions) faults.push(...faultsOfOne(word, rest, names.slice(0, nth)))
  }
  const user = stages.at(-1)?.instructions.findLast(({ word }) => word === "USER")?.rest ?? ""
  // Kubernetes compares numbers, not names, when it is told that nothing may run as root.
  if (!/^[1-9]\d*:[1-9]\d*$/.test(user)) faults.push(`it runs as "${user}", not as a number that is not root's`)
  return faults
}

function faultsOfOne(word: string, rest: string, before: readonly string[]): string[] {
  switch (word) {
    case "RUN":
      return faultsOfScript(rest)
    case "COPY": {
      const from = /^--from=(\S+)/.exec(rest)?.[1]
      return from === undefined || before.includes(from) ? [] : [`there is no stage ${from}`]
    }
    case "WORKDIR":
    case "VOLUME":
      return rest.startsWith("/") ? [] : [`${word} ${rest} is not from the root`]
    case "ENTRYPOINT":
    case "CMD":
    case "SHELL":
      return isList(rest) ? [] : [`${word} needs a shell: ${rest}`]
    case "HEALTHCHECK":
      return isList(/CMD (.*)$/.exec(rest)?.[1] ?? "") ? [] : [`${word} needs a shell: ${rest}`]
    default:
      return []
  }
}

function faultsOfScript(script: string): string[] {
  const installs = script.match(/apt-get install[^;&|]*/g) ?? []
  const isBare = (words: string) => !words.includes("--yes") || !words.includes("--no-install-recommends")
  const faults = installs.filter(isBare).map((words) => `${words.trim()}: it asks, or takes more than it names`)
  const { stdout, error } = spawnSync("shellcheck", ["-s", "sh", "-f", "gcc", "-"], { input: script, encoding: "utf8" })
  if (error) throw error
  return [...faults, ...stdout.split("\n").filter((line) => line !== "")]
}

function isList(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text))
  } catch {
    return false
  }
}
