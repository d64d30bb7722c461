import { parseJson } from "../../agent/sdk.ts"

/** Room for the fields beside the payload inside the agent's 256 KiB for an event. */
const DATA_BYTES_MAX = 250 * 1024
/** The agent takes data of 64 levels; the payload stands one below the top. */
const DEPTH_MAX = 60
const decoder = new TextDecoder("utf-8", { fatal: true })
/** Numbers, objects and the rest: what can begin a JSON text. */
const JSON_START = /^[\s]*[[{"0-9tfn-]/

/**
 * The event's data. The text and the JSON of the payload are added where the payload is that, and where there is room:
 * of a large message only the bytes are given.
 */
export function messageData(
  broker: string,
  { topic, payload, qos, retained }: { topic: string; payload: Uint8Array; qos: 0 | 1 | 2; retained: boolean },
): Record<string, unknown> {
  const data: Record<string, unknown> = { broker, topic, payload: payload.toBase64(), qos, retained }
  // Base64 takes 4/3; text and JSON once each, with room for what JSON escapes.
  if (payload.length * 4 > DATA_BYTES_MAX) return data
  const text = textOf(payload)
  if (text === undefined) return data
  data["text"] = text
  const json = jsonOf(text)
  if (json !== undefined) data["json"] = json
  return data
}

function textOf(payload: Uint8Array): string | undefined {
  try {
    return decoder.decode(payload)
  } catch {
    return undefined
  }
}

function jsonOf(text: string): unknown {
  if (!JSON_START.test(text) || nestsDeeper(text, DEPTH_MAX)) return undefined
  const parsed = parseJson(text)
  return parsed.ok ? parsed.value : undefined
}

/** Brackets inside strings count too: such a payload is then given as text only, which loses nothing. */
function nestsDeeper(text: string, depthMax: number): boolean {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x5b || c === 0x7b) depth++
    else if (c === 0x5d || c === 0x7d) depth--
    if (depth > depthMax) return true
  }
  return false
}
