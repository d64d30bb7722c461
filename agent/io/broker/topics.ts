import { ownBytes } from "../../base/bytes.ts"
import { MQTT_TOPIC_CACHE_MAX, MQTT_TOPIC_LENGTH_MAX, MQTT_TOPIC_LEVELS_MAX } from "../../base/limits.ts"
import { isTopicFilter, isTopicName } from "../../base/topic.ts"
import { malformed, notAllowed } from "./error.ts"
import { readText } from "./wire.ts"

/** A topic name in use, with what depends on it alone. */
export class Topic<Route> {
  readonly name: string
  readonly bytes: Buffer
  /** Who receives it; recomputed when `routeVersion` is behind. */
  route: Route | null = null
  routeVersion = -1

  constructor(name: string, bytes: Buffer) {
    this.name = name
    this.bytes = bytes
  }
}

/** Topic names by their bytes on the wire: checked once, found again without decoding. */
export class Topics<Route> {
  readonly #byBytes = new Map<string, Topic<Route>>()

  /** @throws ProtocolError where the bytes are no topic name within our bounds */
  read(bytes: Buffer, start: number, end: number): Topic<Route> {
    const key = bytes.toString("latin1", start, end)
    const known = this.#byBytes.get(key)
    if (known !== undefined) return known
    const { text } = readText(bytes, start - 2, end)
    if (!isTopicName(text)) throw malformed("MQTT-3.3.2-2", "PUBLISH to what is no topic name")
    checkBounds(text, end - start)
    return this.#keep(key, new Topic(text, ownBytes(bytes.subarray(start, end))))
  }

  /** @returns null where the text is no topic name within our bounds */
  of(name: string): Topic<Route> | null {
    // Plain ASCII reads the same either way; any other name is found below.
    const known = this.#byBytes.get(name)
    if (known?.name === name) return known
    const bytes = Buffer.from(name)
    if (!isTopicName(name) || !fits(name, bytes.length)) return null
    const key = bytes.toString("latin1")
    return this.#byBytes.get(key) ?? this.#keep(key, new Topic(name, ownBytes(bytes)))
  }

  #keep(key: string, topic: Topic<Route>): Topic<Route> {
    // All at once: cheaper than keeping order of use, and rare.
    if (this.#byBytes.size >= MQTT_TOPIC_CACHE_MAX) this.#byBytes.clear()
    this.#byBytes.set(key, topic)
    return topic
  }
}

/** A filter of SUBSCRIBE or UNSUBSCRIBE. @throws ProtocolError */
export function checkFilter(filter: string, bytes: number): void {
  if (!isTopicFilter(filter)) throw malformed("MQTT-4.7.1-2", "a text that is no topic filter")
  checkBounds(filter, bytes)
}

function checkBounds(text: string, bytes: number): void {
  if (!fits(text, bytes)) throw notAllowed("MQTT_TOPIC_LENGTH_MAX", "a topic that is too long or has too many levels")
}

function fits(text: string, bytes: number): boolean {
  if (bytes > MQTT_TOPIC_LENGTH_MAX) return false
  let levels = 1
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === 47) levels++
  return levels <= MQTT_TOPIC_LEVELS_MAX
}
