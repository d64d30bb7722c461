import { defineService, type JsonObject } from "../../agent/sdk.ts"

interface Line {
  readonly message: string
  readonly level?: "debug" | "info" | "warn" | "error"
  readonly fields?: JsonObject
}

export default defineService({
  tasks: {
    write({ message, level = "info", fields = {} }: Line, ctx) {
      ctx.log[level](message, fields)
      return { status: "written", data: {} }
    },
  },
})
