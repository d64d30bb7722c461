import { JSON_DEPTH_MAX } from "../base/limits.ts"

/** What JSON can carry: the data of events, inputs and results. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** @returns whether the value nests deeper than the limit; never recurses, so a hostile value cannot overflow the stack */
export function isTooDeep(value: unknown, depthMax = JSON_DEPTH_MAX): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > depthMax) return true
    const next: unknown[] = []
    for (const item of level) {
      if (typeof item === "object" && item !== null) for (const inner of Object.values(item)) next.push(inner)
    }
    level = next
  }
  return false
}

export type ParsedJson = { ok: true; value: Json } | { ok: false; message: string }

/** Parses JSON text of the outside world: bounded in depth, never throws. */
export function parseJson(text: string): ParsedJson {
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (error) {
    return { ok: false, message: (error as Error).message }
  }
  if (isTooDeep(value)) return { ok: false, message: `nests deeper than ${JSON_DEPTH_MAX} levels` }
  return { ok: true, value }
}
