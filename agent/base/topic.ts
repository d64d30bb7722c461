/** Topic names and filters of MQTT 3.1.1, section 4.7: pure matching that broker, engine and rights share. */

/** @returns whether the topic name matches the filter; `#` and `+` do not match a first level that starts with `$` [MQTT-4.7.2-1] */
export function topicMatches(filter: string, topic: string): boolean {
  if (filter === topic) return !/[#+]/.test(topic)
  const filterLevels = filter.split("/")
  const levels = topic.split("/")
  if (topic.startsWith("$") && filterLevels[0] !== levels[0]) return false
  for (let i = 0; i < filterLevels.length; i++) {
    const level = filterLevels[i]
    if (level === "#") return true
    if (i >= levels.length) return false
    if (level !== "+" && level !== levels[i]) return false
  }
  return filterLevels.length === levels.length
}

/** @returns whether every topic that `narrow` can match is matched by `wide` too */
export function filterCovers(wide: string, narrow: string): boolean {
  const wideLevels = wide.split("/")
  const narrowLevels = narrow.split("/")
  if (narrow.startsWith("$") !== wide.startsWith("$")) return false
  for (let i = 0; i < wideLevels.length; i++) {
    const level = wideLevels[i]
    if (level === "#") return true
    const other = narrowLevels[i]
    if (other === undefined || other === "#") return false
    if (level !== "+" && level !== other) return false
  }
  return wideLevels.length === narrowLevels.length
}

/** @returns whether the text is a topic filter: not empty, no NUL, `#` only last, `#` and `+` alone in their level [MQTT-4.7.1-2, 4.7.1-3] */
export function isTopicFilter(filter: string): boolean {
  if (filter.length === 0 || filter.includes("\0")) return false
  const levels = filter.split("/")
  return levels.every((level, i) => (level === "#" ? i === levels.length - 1 : level === "+" || !/[#+]/.test(level)))
}

/** @returns whether the text is a topic name: not empty, no NUL, no wildcard [MQTT-3.3.2-2] */
export function isTopicName(topic: string): boolean {
  return topic.length > 0 && !/[#+\0]/.test(topic)
}

const SHOWN_LENGTH = 80

/** As much of a topic as tells which one it is. */
export function shownTopic(topic: string): string {
  return topic.length <= SHOWN_LENGTH ? topic : `${topic.slice(0, SHOWN_LENGTH)}…`
}
