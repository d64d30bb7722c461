import { LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from "../base/limits.ts"
import type { Page, Paging } from "./core.ts"

/** One page of a sorted list. The cursor is the sort key of the last item shown, so that it outlives changes of the list. */
export function pageOf<Item, View>(
  sorted: readonly Item[],
  { limit, cursor }: Paging,
  keyOf: (item: Item) => string,
  viewOf: (item: Item) => View,
): Page<View> {
  const size = pageSize(limit)
  const rest = cursor === undefined ? sorted : sorted.filter((item) => keyOf(item) > cursor)
  const items = rest.slice(0, size)
  const last = items.at(-1)
  return { items: items.map(viewOf), cursor: rest.length > size && last !== undefined ? keyOf(last) : null }
}

export function pageSize(limit: number | undefined): number {
  return Math.min(Math.max(limit ?? LIST_LIMIT_DEFAULT, 1), LIST_LIMIT_MAX)
}
