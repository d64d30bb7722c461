import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar, type YAMLMap } from "yaml"
import { APPLICATION_DEPTH_MAX, YAML_UNFOLDED_MAX } from "../../base/limits.ts"
import type { Json } from "../../schema/json.ts"
import type { TextFault } from "./document-fault.ts"

interface PlainValue {
  /** Undefined where it is larger or deeper than it may be: half of it would be judged for what it is not. */
  readonly value: Json | undefined
  readonly faults: readonly TextFault[]
  /** @returns the offset of the part, or of the nearest one above it that is there */
  offsetOf(pointer: string): number
}

const CORE_TAG = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)$/

/** The plain JSON of a YAML document, and what JSON cannot carry of it. Keeps where each part stands. */
export function plainValue(root: Node | null): PlainValue {
  const unfolding = new Unfolding()
  const value = root === null ? null : unfolding.valueOf(root, "", 0)
  return {
    value: unfolding.faults.some(({ rule }) => rule === "LIMIT") ? undefined : value,
    faults: unfolding.faults,
    offsetOf(pointer) {
      for (let at = pointer; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
        const offset = unfolding.offsets.get(at)
        if (offset !== undefined) return offset
      }
      return root === null ? 0 : offsetOf(root)
    },
  }
}

class Unfolding {
  readonly faults: TextFault[] = []
  readonly offsets = new Map<string, number>()
  readonly #anchors = new Map<string, Node>()
  /** Nodes that are being unfolded: an alias to one of them contains itself. */
  readonly #open = new Set<Node>()
  /** The alias of the text that is being unfolded, with all that stands behind it. */
  #unfolding: Node | null = null
  #unfolded = 0

  valueOf(node: Node, pointer: string, depth: number): Json {
    if (this.#unfolding !== null && !this.#mayUnfold(node, this.#unfolding)) return null
    if (depth > APPLICATION_DEPTH_MAX) {
      this.#fault(this.#unfolding ?? node, "LIMIT", `nests deeper than ${APPLICATION_DEPTH_MAX} levels`, "flatten it")
      return null
    }
    if (isAlias(node)) return this.#aliased(node, node.source, pointer, depth)
    const { anchor, tag } = node as { anchor?: string; tag?: string }
    if (anchor !== undefined) this.#anchors.set(anchor, node)
    // A tag that is not known has been told by the parser.
    if (tag !== undefined && !CORE_TAG.test(tag)) return null
    this.#open.add(node)
    const value = this.#plain(node, pointer, depth)
    this.#open.delete(node)
    return value
  }

  /** Each part costs one, and each character of a text. Told once: what comes after is not looked at. */
  #mayUnfold(node: Node, alias: Node): boolean {
    const before = this.#unfolded
    if (before > YAML_UNFOLDED_MAX) return false
    this.#unfolded += 1 + (isScalar(node) ? String(node.value).length : 0)
    if (this.#unfolded <= YAML_UNFOLDED_MAX) return true
    const message = `aliases unfold to more than ${YAML_UNFOLDED_MAX} parts and characters`
    this.#fault(alias, "LIMIT", message, "write less by reference")
    return false
  }

  #plain(node: Node, pointer: string, depth: number): Json {
    if (isMap(node)) return this.#map(node as YAMLMap, pointer, depth)
    if (isSeq(node)) {
      return node.items.map((item, i) => {
        const at = `${pointer}/${i}`
        this.offsets.set(at, offsetOf(item as Node))
        return this.valueOf(item as Node, at, depth + 1)
      })
    }
    return isScalar(node) ? this.#scalar(node) : null
  }

  #aliased(node: Node, name: string, pointer: string, depth: number): Json {
    const target = this.#anchors.get(name)
    if (target === undefined) {
      this.#fault(node, "SYNTAX", `*${name} names no anchor above it`, `write &${name} where the value stands first`)
      return null
    }
    if (this.#open.has(target)) {
      this.#fault(node, "SYNTAX", `*${name} stands inside of what it names`, "write the value out")
      return null
    }
    const before = this.#unfolding
    this.#unfolding ??= node
    const value = this.valueOf(target, pointer, depth)
    this.#unfolding = before
    return value
  }

  #map(node: YAMLMap, pointer: string, depth: number): Json {
    const members: [string, Json][] = []
    const seen = new Set<string>()
    for (const pair of node.items as Pair<Node | null, Node | null>[]) {
      const key = this.#key(pair, node)
      if (key === null) continue
      if (seen.has(key)) {
        // Each occurrence is judged; the last one counts, as it would without this refusal.
        this.#fault(pair.key ?? node, "DUPLICATE", `\`${key}\` stands twice in this map`, "keep one of them")
      }
      seen.add(key)
      const at = `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`
      this.offsets.set(at, offsetOf(pair.key ?? node))
      members.push([key, pair.value === null ? null : this.valueOf(pair.value, at, depth + 1)])
    }
    return Object.fromEntries(members)
  }

  /** @returns null where the pair cannot be a member */
  #key({ key }: Pair<Node | null, Node | null>, map: YAMLMap): string | null {
    const target = isAlias(key) ? this.#anchors.get(key.source) : key
    const { anchor } = (key ?? {}) as { anchor?: string }
    if (anchor !== undefined && key !== null) this.#anchors.set(anchor, key)
    if (target === null || (isScalar(target) && target.value === null)) {
      this.#fault(key ?? map, "SYNTAX", "a key is empty", "write `name: value`")
    } else if (!isScalar(target)) {
      this.#fault(key ?? map, "SYNTAX", "a key is a text, not a list or a map", "write `name: value`")
    } else if (target.value === "<<" && target.type === "PLAIN") {
      const remedy = "write the members out; an alias (`*name`) can stand for a whole value"
      this.#fault(key ?? map, "SYNTAX", "merge keys (`<<`) are not used here", remedy)
    } else return String(target.value)
    return null
  }

  #scalar(node: Scalar): Json {
    const { value, source = "" } = node
    if (typeof value !== "number") return value as Json
    if (!Number.isFinite(value)) {
      this.#fault(
        node,
        "SYNTAX",
        `${source} is no number that JSON can carry`,
        "write a finite number, or a text in quotes",
      )
      return null
    }
    // 12345678901234567890 would silently become another number.
    if (/^[-+]?\d+$|^0[xo]/.test(source) && !Number.isSafeInteger(value)) {
      this.#fault(node, "SYNTAX", `${source} is too large to be kept exactly`, "write it as a text, in quotes")
    }
    return value
  }

  #fault(node: Node, rule: TextFault["rule"], message: string, remedy: string): void {
    this.faults.push({ rule, offset: offsetOf(node), message, remedy })
  }
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0
}
