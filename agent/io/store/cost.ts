/** LMDB's pages here, on every machine: fewer bytes a commit, and a store that moves between machines. */
export const PAGE_BYTES = 4096
const PAGE_HEAD_BYTES = 24
const NODE_HEAD_BYTES = 8
/** A node above this has its record in a run of pages of its own (LMDB's me_nodemax). */
const NODE_BYTES_MAX = 2034
/** A page with less than that is merged with another. */
const PAGE_FILL_BYTES = PAGE_BYTES / 4
/** LMDB's own bookkeeping at a commit: the last page of its free tree, and lists that grow while they are written. */
const PAGES_PER_COMMIT = 6

/** What changes take of the file. */
export interface Cost {
  readonly puts: number
  readonly removals: number
  /** Of keys and records that share pages. */
  readonly smallBytes: number
  /** Sum of the pages of records that have pages of their own. */
  readonly runPages: number
  /** Pages of the longest such record. */
  readonly longestRun: number
}

interface Change {
  readonly key: { readonly length: number }
  /** Null for a removal. */
  readonly record: { readonly length: number } | null
}

export function costOf(changes: readonly Change[]): Cost {
  const cost = { puts: 0, removals: 0, smallBytes: 0, runPages: 0, longestRun: 0 }
  for (const { key, record } of changes) {
    if (record === null) {
      cost.removals++
      continue
    }
    cost.puts++
    const node = NODE_HEAD_BYTES + key.length + record.length
    if (node <= NODE_BYTES_MAX) {
      cost.smallBytes += node
      continue
    }
    const run = Math.ceil((PAGE_HEAD_BYTES + record.length) / PAGE_BYTES)
    cost.smallBytes += NODE_HEAD_BYTES * 2 + key.length
    cost.runPages += run
    cost.longestRun = Math.max(cost.longestRun, run)
  }
  return cost
}

export function sumOf(a: Cost, b: Cost): Cost {
  return {
    puts: a.puts + b.puts,
    removals: a.removals + b.removals,
    smallBytes: a.smallBytes + b.smallBytes,
    runPages: a.runPages + b.runPages,
    longestRun: Math.max(a.longestRun, b.longestRun),
  }
}

/** @returns the bytes by which the changes can let the store grow: small records share half-full pages */
export function growthOf(cost: Cost): number {
  return cost.runPages * PAGE_BYTES + cost.smallBytes * 2 + cost.puts * NODE_HEAD_BYTES
}

/** Pages of the two trees, from LMDB's books. */
export interface TreePages {
  readonly branches: number
  readonly leaves: number
  readonly overflows: number
  readonly depth: number
  /** Of the tree that lists the free pages. */
  readonly free: number
}

/**
 * How many single pages LMDB can take for a commit at the very most: it writes no page in place, so every page that
 * changes is a new one. A put touches one leaf, a removal also the neighbour that it is merged with; above them no more
 * than all branches. A leaf that is full becomes two, and so does the branch above it now and then. The pages given back
 * are written down: eight bytes each.
 */
export function singlePages(cost: Cost, tree: TreePages): number {
  const leaves = Math.min(cost.puts + 2 * cost.removals, tree.leaves)
  const branches = Math.min(leaves * tree.depth, tree.branches)
  const split = Math.min(cost.puts, Math.min(cost.puts, tree.leaves) + Math.ceil(cost.smallBytes / PAGE_FILL_BYTES))
  const above = split === 0 ? 0 : Math.ceil(split / 4) + 1
  const freed = leaves + branches + Math.min(tree.overflows, (cost.puts + cost.removals) * 64)
  return leaves + branches + split + above + tree.free + Math.ceil((freed * 8) / PAGE_BYTES) + PAGES_PER_COMMIT
}
