import type { Manifest } from "./manifest.ts"

/**
 * What a service will be able to do, one sentence each, for whoever is about to add it.
 * @param how what the owner grants beside the manifest
 */
export function permissionWords(
  manifest: Manifest,
  how: { isolation?: "in-process" | "confined"; network?: "declared" | "any" } = {},
): readonly string[] {
  const { isolation = manifest.isolation, network = "declared" } = how
  if (isolation === "in-process") {
    return ["It runs inside the agent, with all rights of the agent: files, network, keys, other services."]
  }
  const { network: hosts = [], files = [], env = [], commands = [] } = manifest.permissions ?? {}
  const words = ["It runs in a process of its own and reads nothing but its own folder and the agent's code."]
  if (network === "any") words.push("It uses the network freely, your local network included.")
  else if (hosts.length > 0) words.push(`It connects to ${hosts.map(hostWords).join(", ")}; to nothing else.`)
  const written = files.filter((file) => file.endsWith(":rw")).map((file) => file.slice(0, -3))
  const read = files.filter((file) => !file.endsWith(":rw"))
  if (read.length > 0) words.push(`It reads ${read.join(", ")}.`)
  if (written.length > 0) words.push(`It reads and writes ${written.join(", ")}.`)
  if (env.length > 0) words.push(`It sees the environment variables ${env.join(", ")}.`)
  if (commands.length > 0) {
    words.push(
      `It starts other programs (${commands.join(", ")}). These are not confined: it can do whatever the agent's user can.`,
    )
  }
  const memoryMb = manifest.constraints?.memoryMb
  if (memoryMb !== undefined) words.push(`It takes up to ${memoryMb} MiB of memory, beside Node's own.`)
  return words
}

function hostWords(pattern: string): string {
  const port = pattern.slice(pattern.lastIndexOf(":") + 1)
  const host = pattern.slice(0, pattern.lastIndexOf(":"))
  const where = host === "*" ? "any host of the internet" : host
  return port === "*" ? `${where} on any port` : `${where} on port ${port}`
}
