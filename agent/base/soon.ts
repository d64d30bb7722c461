/** A value now, or a promise of it: who can answer at once does, and nobody waits a turn for what is there. */
export type Soon<Value> = Value | Promise<Value>

/** Goes on with a value at once if it is there. */
export function soon<From, To>(value: Soon<From>, next: (value: From) => To): Soon<To> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** Goes on with all values; at once if they are all there. */
export function soonAll<From, To>(values: readonly Soon<From>[], next: (values: readonly From[]) => To): Soon<To> {
  const waits = values.some((value) => value instanceof Promise)
  return waits ? Promise.all(values.map((value) => Promise.resolve(value))).then(next) : next(values as readonly From[])
}
