import { ApplicationSchema } from "../../schema/application.ts"

/** The schema of applications, as far as its maps are read here. */
interface ShapeNode {
  readonly type: string
  readonly wrapped?: ShapeNode
  readonly entries?: Readonly<Record<string, ShapeNode>>
  /** Of a record: any member. */
  readonly value?: ShapeNode
}

type Keys = readonly string[]

const ROOT = ApplicationSchema as unknown as ShapeNode

/** @returns the members that a map at that place may have; empty where it names its own, or is none */
export function membersAt(keys: Keys): readonly string[] {
  let node: ShapeNode | undefined = ROOT
  for (const key of keys) node = node === undefined ? undefined : within(node, key)
  return Object.keys(node === undefined ? {} : (unwrapped(node).entries ?? {}))
}

/** What the schema's own parser does not tell, or tells only the first of. */
export interface Misplaced {
  /** Lists in place of a map; nothing is looked for inside of them. */
  readonly lists: readonly Keys[]
  /** Members that no map has at that place. */
  readonly unknown: readonly Keys[]
}

export function misplacedIn(document: unknown): Misplaced {
  const lists: Keys[] = []
  const unknown: Keys[] = []
  const look = (value: unknown, schema: ShapeNode, keys: Keys): void => {
    const node = unwrapped(schema)
    if (typeof value !== "object" || value === null || !isMap(node)) return
    if (Array.isArray(value)) lists.push(keys)
    else {
      for (const [key, member] of Object.entries(value)) {
        const inner = within(node, key)
        if (inner !== undefined) look(member, inner, [...keys, key])
        else if (node.type === "strict_object") unknown.push([...keys, key])
      }
    }
  }
  look(document, ROOT, [])
  return { lists, unknown }
}

function isMap(node: ShapeNode): boolean {
  return node.entries !== undefined || node.type === "record"
}

function within(schema: ShapeNode, key: string): ShapeNode | undefined {
  const { entries, type, value } = unwrapped(schema)
  if (entries !== undefined) return Object.hasOwn(entries, key) ? entries[key] : undefined
  return type === "record" ? value : undefined
}

function unwrapped(node: ShapeNode): ShapeNode {
  return node.wrapped === undefined ? node : unwrapped(node.wrapped)
}
