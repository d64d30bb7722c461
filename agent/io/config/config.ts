import * as v from "valibot"
import { isMap } from "yaml"
import { type Config, ConfigSchema } from "../../schema/config.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import { wantedOf } from "../../schema/wanted.ts"
import { ConfigError } from "./errors.ts"
import { type ConfigFile, readConfigFile, writeConfigFile } from "./file.ts"
import { judgeOnMachine } from "./judge.ts"
import { SETTINGS, type Setting, valueOfText } from "./settings.ts"
import { suggest } from "../../base/suggest.ts"

/** A setting and where its value comes from. */
export interface Entry {
  readonly key: string
  /** null where it is not set and has no default. */
  readonly value: Json
  readonly source: "default" | "file" | "environment" | "command line"
  /** `config.yml:3`, `MESG_MQTT_PORT` or `--set`; empty for a default. */
  readonly place: string
  readonly description: string
}

export interface LoadedConfig {
  readonly config: Config
  /** Every setting, in the order of docs/reference/config.md. */
  entries(): readonly Entry[]
  /**
   * Changes `config.yml`, keeping comments and order; the running agent goes on with what it has.
   * @param values by key: all are set, or none; null takes a key out, so that the default holds; a text is read as
   *   after `--set key=`
   * @throws ConfigError as loadConfig, and CONFIG_UNWRITABLE; the file is then as it was
   */
  set(values: JsonObject): Promise<{ readonly restart: boolean }>
}

export interface ConfigSources {
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** `mqtt.port=0`, as given to `--set`. */
  readonly sets: readonly string[]
}

/** Variables that are no settings: where to find the agent, and how to log in to it. */
const OTHER_VARIABLES = ["MESG_HOME", "MESG_URL", "MESG_TOKEN", "MESG_BACKUP_PASSPHRASE"]
const UNSET = "config unset"
/** Characters of a wrong value that are shown. */
const SHOWN_MAX = 100
type Tree = { [key: string]: unknown }

/**
 * The configuration: `config.yml` < environment < `--set`, checked as one.
 * @throws ConfigError CONFIG_UNREADABLE, CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY, CONFIG_INVALID
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const file = readConfigFile(sources.home)
  const tree = treeOf(file)
  const given = new Map<string, string>()
  for (const { setting, text } of fromEnvironment(sources.env)) {
    put(tree, setting.key.split("."), valueOfText(setting, text))
    given.set(setting.key, setting.variable)
  }
  for (const set of sources.sets) {
    const { setting, text } = fromArgument(set)
    put(tree, setting.key.split("."), valueOfText(setting, text))
    given.set(setting.key, "--set")
  }
  const config = checked(tree, file, given)
  return {
    config,
    entries: () => SETTINGS.map((setting) => entryOf(setting, config, file, given)),
    set: async (values) => {
      await setConfig(sources.home, values)
      return { restart: true }
    },
  }
}

/** `mesg config set` without a running agent. @see LoadedConfig.set */
export async function setConfig(home: string, values: JsonObject): Promise<void> {
  const file = readConfigFile(home)
  treeOf(file)
  const keys = Object.keys(values)
  for (const [key, value] of Object.entries(values)) {
    const setting = settingNamed(key, commandFor(value))
    const path = key.split(".")
    // The document may be empty or lack the group: then there is nothing to take out.
    if (value === null && file.document.hasIn(path)) file.document.deleteIn(path)
    if (value !== null) file.document.setIn(path, typeof value === "string" ? valueOfText(setting, value) : value)
  }
  // A group that has lost its last setting is as one that was never named.
  for (const group of new Set(keys.map((key) => key.split(".").slice(0, -1)).filter((path) => path.length > 0)))
    dropEmpty(file, group)
  const tree = (file.document.toJS() ?? {}) as Tree
  const given = new Map(Object.entries(values).map(([key, value]) => [key, commandFor(value)]))
  await judgeOnMachine(keys, checked(tree, file, given))
  writeConfigFile(file)
}

function commandFor(value: Json): string {
  return value === null ? UNSET : "config set"
}

function dropEmpty(file: ConfigFile, path: readonly string[]): void {
  if (path.length === 0) return
  const group = file.document.getIn(path)
  if (!isMap(group) || group.items.length > 0) return
  file.document.deleteIn(path)
  dropEmpty(file, path.slice(0, -1))
}

function treeOf(file: ConfigFile): Tree {
  const content = file.content
  if (typeof content === "object" && content !== null && !Array.isArray(content)) return content as Tree
  throw new ConfigError(
    { code: "CONFIG_INVALID", key: "", source: file.path },
    `${file.path}: the file must be a map of settings`,
    { remedy: "Write settings as `name: value`, see docs/reference/config.md." },
  )
}

function fromEnvironment(env: ConfigSources["env"]): { setting: Setting; text: string }[] {
  const found: { setting: Setting; text: string }[] = []
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith("MESG_") || text === undefined || OTHER_VARIABLES.includes(name)) continue
    const setting = SETTINGS.find(({ variable }) => variable === name)
    if (setting === undefined) throw unknownKey(name, name, [...SETTINGS.map(({ variable }) => variable), "MESG_HOME"])
    found.push({ setting, text })
  }
  return found
}

function fromArgument(set: string): { setting: Setting; text: string } {
  const at = set.indexOf("=")
  if (at < 1) {
    throw new ConfigError({ code: "CONFIG_INVALID", key: set, source: "--set" }, `--set ${set}: is not KEY=VALUE`, {
      remedy: "Write it like --set mqtt.port=0.",
    })
  }
  return { setting: settingNamed(set.slice(0, at), "--set"), text: set.slice(at + 1) }
}

function settingNamed(key: string, source: string): Setting {
  const setting = SETTINGS.find((one) => one.key === key)
  if (setting !== undefined) return setting
  const names = SETTINGS.map((one) => one.key)
  const inside = names.filter((name) => name.startsWith(`${key}.`))
  if (inside.length === 0) throw unknownKey(key, source, names)
  throw new ConfigError({ code: "CONFIG_INVALID", key, source }, `${source}: ${key} is a group of settings`, {
    remedy: `Name one of ${inside.join(", ")}.`,
  })
}

function strangeKey(key: string, source: string): ConfigError {
  const names = SETTINGS.map((one) => one.key)
  if (!names.includes(key)) return unknownKey(key, source, names)
  const nested = key.split(".").join(": { ")
  return new ConfigError({ code: "CONFIG_UNKNOWN_KEY", key, source }, `${source}: "${key}" is no key of this file`, {
    remedy: `Write it as a group: ${nested}: …${" }".repeat(key.split(".").length - 1)}.`,
  })
}

function unknownKey(key: string, source: string, names: readonly string[]): ConfigError {
  const near = suggest(key, names)
  const place = source === key ? source : `${source}: ${key}`
  return new ConfigError({ code: "CONFIG_UNKNOWN_KEY", key, source }, `${place} is no setting`, {
    remedy: near === null ? "docs/reference/config.md lists the settings." : `Did you mean ${near}?`,
  })
}

/** An own property, whatever its name. */
function put(tree: Tree, path: readonly string[], value: Json): void {
  let node = tree
  for (const name of path.slice(0, -1)) {
    const inner = node[name]
    // A group that is no map stays for the schema to refuse.
    if (inner !== undefined && (typeof inner !== "object" || inner === null)) return
    node = (node[name] ??= {}) as Tree
  }
  node[path.at(-1)!] = value
}

function checked(tree: Tree, file: ConfigFile, given: ReadonlyMap<string, string>): Config {
  const result = v.safeParse(ConfigSchema, tree)
  if (result.success) return result.output
  const issue = result.issues[0]
  const path = (issue.path ?? []).map((part) => String(part.key))
  const key = path.join(".")
  const inFile = `${file.path}:${file.lineOf(path)}`
  // Only the file can hold a key that is none: the others are looked up.
  if (issue.type === "strict_object" && issue.expected === "never") throw strangeKey(key, inFile)
  const setting = SETTINGS.find((one) => one.key === key || key.startsWith(`${one.key}.`))
  const source = given.get(setting?.key ?? key) ?? inFile
  if (issue.received === "undefined" && source === UNSET) {
    const group = path.slice(0, -1).join(".")
    const remedy = `Unset the other settings of ${group} together with it.`
    throw new ConfigError({ code: "CONFIG_INVALID", key, source }, `${UNSET}: ${group} needs ${key}`, { remedy })
  }
  // What is set now made it necessary: the file never had it.
  const sibling = [...given].find(([name]) => path.length > 1 && name.startsWith(`${path.slice(0, -1).join(".")}.`))
  if (issue.received === "undefined" && !given.has(key) && sibling !== undefined) {
    const [name, by] = sibling
    const remedy = `Set ${key} together with ${name}.`
    throw new ConfigError({ code: "CONFIG_INVALID", key, source: by }, `${by}: ${name} needs ${key} too`, { remedy })
  }
  // A rule on the length of a text speaks of its length, and the text may hold anything.
  const received = typeof issue.input === "string" ? JSON.stringify(issue.input).slice(0, SHOWN_MAX) : issue.received
  const is = received === "undefined" ? "is missing" : `is ${received}`
  const message = `${source}: ${key} ${is}; it must be ${wanted(setting, issue)}`
  const remedy = `Correct it there${setting === undefined || given.has(setting.key) ? "" : ` or set ${setting.variable}`}.`
  throw new ConfigError({ code: "CONFIG_INVALID", key, source }, message, { remedy })
}

function wanted(setting: Setting | undefined, issue: v.InferIssue<typeof ConfigSchema>): string {
  if (setting === undefined) return "a group of settings"
  if (issue.kind === "validation") return wantedOf(issue) ?? issue.message
  if (setting.kind === "choice") return `one of ${setting.options.join(", ")}`
  return { string: "a text", number: "a number", boolean: "true or false", list: "a list of texts" }[setting.kind]
}

function entryOf(setting: Setting, config: Config, file: ConfigFile, given: ReadonlyMap<string, string>): Entry {
  const { key, description } = setting
  const path = key.split(".")
  const value = (at(config, path) ?? null) as Json
  const named = given.get(key)
  if (named === "--set") return { key, value, source: "command line", place: named, description }
  if (named !== undefined) return { key, value, source: "environment", place: named, description }
  if (at(file.content, path) === undefined) return { key, value, source: "default", place: "", description }
  return { key, value, source: "file", place: `config.yml:${file.lineOf(path)}`, description }
}

function at(tree: unknown, path: readonly string[]): unknown {
  let node = tree
  for (const name of path) {
    if (typeof node !== "object" || node === null || !Object.hasOwn(node, name)) return undefined
    node = (node as Tree)[name]
  }
  return node
}
