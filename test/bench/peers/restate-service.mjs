// The workflow of three steps on Restate: each step is journalled, as each of ours is. Run with the peer's own packages.
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"

const [folder, port] = process.argv.slice(2)
const { serve, service } = await import(
  pathToFileURL(createRequire(`${folder}/`).resolve("@restatedev/restate-sdk")).href
)

const steps = service({
  name: "steps",
  handlers: {
    run: async (ctx, input) => {
      let number = input.number
      for (const name of ["a", "b", "c"]) number = await ctx.run(name, async () => number + 1)
      return { number, text: input.text }
    },
  },
})
await serve({ services: [steps], port: Number(port) })
console.log("ready")
