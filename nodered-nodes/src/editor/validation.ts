import { keyFrom } from "../flow/names.ts"
import { text } from "./text.ts"

// Node-RED takes a text for a reason from validators with two parameters only.

export function isJson(value: unknown, _options?: object): boolean | string {
  try {
    return typeof value !== "string" || value.trim() === "" || typeof JSON.parse(value) === "object"
  } catch {
    return text("validation.json")
  }
}

/** What is written can be made the name of a service, task or event. */
export function isNamed(value: unknown, _options?: object): boolean | string {
  return (typeof value === "string" && keyFrom(value) !== "") || text("validation.name")
}
