/**
 * An array as long as it will be, to be filled: one that grows by `push` takes room for sixteen more entries, which is
 * most of what a short one takes.
 */
export function sized<Item>(length: number): (Item | undefined)[] {
  // oxlint-disable-next-line unicorn/no-new-array
  return new Array<Item | undefined>(length)
}
