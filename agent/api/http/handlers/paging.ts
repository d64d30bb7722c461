import { LIST_LIMIT_DEFAULT } from "../../../base/limits.ts"
import type { Page, Paging } from "../../../engine/core.ts"

/** @returns the paging that a query asks for, bounded */
export function pagingOf(query: { limit?: number | undefined; cursor?: string | undefined }): Paging {
  const limit = query.limit ?? LIST_LIMIT_DEFAULT
  return query.cursor === undefined ? { limit } : { limit, cursor: query.cursor }
}

/** Pages through a list that is held whole, in the order of its ids. The cursor is the last id shown. */
export function pageOfList<Item>(items: readonly Item[], idOf: (item: Item) => string, paging: Paging): Page<Item> {
  const { cursor, limit = LIST_LIMIT_DEFAULT } = paging
  const from = cursor === undefined ? 0 : items.findIndex((item) => idOf(item) > cursor)
  const shown = from < 0 ? [] : items.slice(from, from + limit)
  const last = shown.at(-1)
  const more = last !== undefined && from + shown.length < items.length
  return { items: shown, cursor: more ? idOf(last) : null }
}
