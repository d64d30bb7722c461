import type { Readable } from "node:stream"
import { LOG_LINE_BYTES_MAX, NODE_RED_LOG_LINES_PER_S_MAX } from "../../base/limits.ts"
import { LineQuota } from "../../base/line-quota.ts"
import type { Log } from "../../ports/log.ts"

/**
 * What Node-RED writes, line by line into the agent's log: what went wrong as warnings. A flow may write as much as it
 * likes: of a second, NODE_RED_LOG_LINES_PER_S_MAX lines are kept, of a line LOG_LINE_BYTES_MAX.
 */
export function logLines(stream: Readable, log: Log): void {
  let rest = ""
  const quota = new LineQuota(NODE_RED_LOG_LINES_PER_S_MAX, performance.now.bind(performance), (leftOut) => {
    log.warn("Node-RED wrote more than is kept", { leftOut })
  })
  const line = (text: string) => {
    if (text.trim() === "" || !quota.allows()) return
    if (/\[(?:error|warn)\]|Error:/.test(text)) log.warn("Node-RED", { line: text })
    else log.debug("Node-RED", { line: text })
  }
  stream.setEncoding("utf8")
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop()!.slice(0, LOG_LINE_BYTES_MAX)
    for (const text of lines) line(text.slice(0, LOG_LINE_BYTES_MAX))
  })
  stream.on("end", () => {
    line(rest)
    quota.tellLeftOut()
  })
}
