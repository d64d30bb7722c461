// The first code of a confined service's process, in plain JavaScript: loading Node's own TypeScript support would cost
// 30 MB in every child. The agent takes the types off instead, asked over file descriptor 4, which is read and written
// synchronously and used for nothing else. See docs/spec/service.md#confined.
import { readSync, writeSync } from "node:fs"
import { registerHooks, syncBuiltinESMExports } from "node:module"
import { fileURLToPath } from "node:url"

const SOURCE_FD = 4
const SDK_URL = new URL("../../../sdk.ts", import.meta.url).href

/** @returns {Buffer} exactly so many bytes of the agent's answer */
function read(length) {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; ) {
    const count = readSync(SOURCE_FD, bytes, at, length - at, null)
    if (count === 0) throw new Error("the agent is gone")
    at += count
  }
  return bytes
}

/** @returns {string} the JavaScript of a TypeScript file */
function sourceOf(file) {
  const name = Buffer.from(file)
  const head = Buffer.alloc(4)
  head.writeUInt32BE(name.length)
  writeSync(SOURCE_FD, Buffer.concat([head, name]))
  const [ok] = read(1)
  const text = read(read(4).readUInt32BE(0)).toString("utf8")
  if (ok === 1) return text
  throw new SyntaxError(text)
}

registerHooks({
  // The agent's own sdk, whatever the service's folder holds: its classes are the ones the host knows.
  resolve(specifier, context, nextResolve) {
    return specifier === "@mesg/sdk"
      ? { url: SDK_URL, format: "module", shortCircuit: true }
      : nextResolve(specifier, context)
  },
  load(url, context, nextLoad) {
    if (!url.startsWith("file:") || !url.endsWith(".ts")) return nextLoad(url, context)
    return { format: "module", source: sourceOf(fileURLToPath(url)), shortCircuit: true }
  },
})

// Node's permission model does not cover signals: without these a service could end the agent, which runs as the same user.
for (const name of [
  "kill",
  "_kill",
  "_debugProcess",
  "_debugEnd",
  "setuid",
  "setgid",
  "seteuid",
  "setegid",
  "setgroups",
  "initgroups",
]) {
  Object.defineProperty(process, name, { value: undefined, writable: false, configurable: false })
}
syncBuiltinESMExports()

await import("./main.ts")
