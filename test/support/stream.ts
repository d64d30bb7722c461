import type { TestAgent } from "./agent.ts"

/** Follows the agent's stream of server-sent events. @returns what came so far, piece by piece, and what is still to come */
export async function followStream(agent: TestAgent, kinds: readonly string[]): Promise<readonly string[]> {
  const told: string[] = []
  const { body } = await agent.api("GET", `/stream?kinds=${kinds.join(",")}`)
  const read = async () => {
    for await (const chunk of body!.pipeThrough(new TextDecoderStream())) told.push(chunk)
  }
  // It is cut when the agent goes.
  read().catch(() => undefined)
  return told
}
