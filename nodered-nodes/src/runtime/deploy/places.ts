import type { CompiledApplication } from "../../flow/compile.ts"
import type { Place } from "../../flow/scopes.ts"

/** Where what concerns an application as a whole is said. */
export function wholeOf(application: CompiledApplication): Place {
  return application.places.get("") ?? anyOf(application)
}

/** A node of the application that runs: settings are no node that can show anything. */
export function anyOf({ places }: CompiledApplication): Place {
  const trigger = [...places].find(([pointer]) => pointer.endsWith("/trigger"))
  return trigger?.[1] ?? { node: "", instances: [] }
}
