import { setFlagsFromString } from "node:v8"
import type { AgentOptions, RunningAgent } from "./compose.ts"

/**
 * V8 while the agent starts, and from then on. What runs once is not worth compiling: the compilers' own code alone
 * takes 10 MB of memory until there is load. The garbage of starting must not leave a large young generation behind.
 */
const FLAGS: readonly { readonly starting: string; readonly running: string }[] = [
  { starting: "--no-turbofan", running: "--turbofan" },
  { starting: "--no-maglev", running: "--maglev" },
  { starting: "--no-sparkplug", running: "--sparkplug" },
  { starting: "--semi-space-growth-factor=1", running: "--semi-space-growth-factor=2" },
]

/**
 * Starts the agent so that it takes little memory until it has work.
 * @throws MesgError of the part that could not start
 */
export async function launchAgent(options: AgentOptions): Promise<RunningAgent> {
  for (const { starting } of FLAGS) setFlagsFromString(starting)
  const { startAgent } = await import("./compose.ts")
  const agent = await startAgent(options)
  for (const { running } of FLAGS) setFlagsFromString(running)
  giveBackMemory()
  return agent
}

/** glibc keeps what was freed, in an arena for each thread: malloc_trim(3) gives it back to the kernel. */
function giveBackMemory(): void {
  const ffi = process.getBuiltinModule("node:ffi")
  if (ffi === undefined) return
  const { malloc_trim } = ffi.dlopen(null, { malloc_trim: { arguments: ["uint64"], return: "int32" } }).functions
  malloc_trim(0n)
}
