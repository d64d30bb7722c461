import { type Joined, Joins } from "../inline/joins.ts"
import { JOINS_MAX } from "../limits.ts"
import type { Done, Message, RedNode } from "../red.ts"
import type { NodeContext } from "./context.ts"

/** What stands in front of a node whose messages may come in parts. */
export interface Joining {
  /** @returns what goes on now; null: the message waits for others, is late or refused, and `done` is or will be called */
  take(message: Message, done: Done): Joined | null
  close(): void
}

/** Joins the messages of an inline node as its wires and its `join` say. */
export function startJoins({ red, inlineOf }: NodeContext, node: RedNode): Joining {
  const joins = new Joins(() => node.warn(red._("mesg.error.joins-let-go", { count: JOINS_MAX })))
  return {
    take(message, done) {
      const { join = null, fault = null } = inlineOf(node) ?? {}
      if (fault !== null) {
        done(Object.assign(new Error(`${fault.code}: ${fault.message}: ${fault.remedy}`), { code: fault.code }))
        return null
      }
      if (join === null) return { message, sinceMs: performance.now() }
      const joined = joins.take(message, done, join)
      if (joined === "lost") {
        const statuses = join.statuses.map(({ status }) => status).join(", ")
        const text = red._("mesg.error.join-lost", { statuses })
        done(Object.assign(new Error(`JOIN_LOST: ${text}`), { code: "JOIN_LOST" }))
      }
      return typeof joined === "string" ? null : joined
    },
    close: () => joins.close(),
  }
}
