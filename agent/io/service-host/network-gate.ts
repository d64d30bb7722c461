import { lookup } from "node:dns/promises"
import { BlockList, isIP } from "node:net"
import { messageOf } from "../../base/errors.ts"
import { SERVICE_CONNECT_TIMEOUT_MS } from "../../base/limits.ts"
import { type NetworkPattern, parseNetworkPattern } from "../../schema/network-pattern.ts"
import { ServiceError } from "./service-error.ts"

/** Addresses that are not of the public internet: a pattern reaches them only by naming them. RFC 6890, 4193, 6598, 6052. */
const LOCAL: readonly [string, number, "ipv4" | "ipv6"][] = [
  ["0.0.0.0", 8, "ipv4"],
  ["10.0.0.0", 8, "ipv4"],
  ["100.64.0.0", 10, "ipv4"],
  ["127.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.0.0.0", 24, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["198.18.0.0", 15, "ipv4"],
  ["224.0.0.0", 3, "ipv4"],
  ["::", 96, "ipv6"],
  ["64:ff9b::", 96, "ipv6"],
  ["64:ff9b:1::", 48, "ipv6"],
  ["2002::", 16, "ipv6"],
  ["fc00::", 7, "ipv6"],
  ["fe80::", 10, "ipv6"],
  ["ff00::", 8, "ipv6"],
]
const local = new BlockList()
for (const [address, prefix, family] of LOCAL) local.addSubnet(address, prefix, family)

/** Names that only mean something on this site, so that naming one is naming a local address. */
const LOCAL_NAME = /^(?:localhost|[^.:]+|.+\.(?:local|lan|home|internal|localhost|home\.arpa))$/

/** The resolver, for tests with names of their own. */
export type Resolve = (host: string) => Promise<readonly string[]>

const resolveByDns: Resolve = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map((one) => one.address)

/**
 * Where a confined service may connect to: the patterns of its manifest. A name is resolved here and the connection goes to
 * the very address that was checked, so that a name which answers differently the second time gains nothing.
 */
export class NetworkGate {
  readonly #patterns: readonly NetworkPattern[]
  readonly #resolve: Resolve

  constructor(patterns: readonly string[], resolve: Resolve = resolveByDns) {
    this.#patterns = patterns.map(parseNetworkPattern).filter((pattern) => pattern !== null)
    this.#resolve = resolve
  }

  /** @returns an address that is allowed @throws ServiceError NETWORK_REFUSED, NETWORK_FAILED */
  async addressOf(name: string, port: number): Promise<string> {
    const host = name
      .toLowerCase()
      .replace(/^\[|\]$/g, "")
      .replace(/\.$/, "")
    const target = `${host}:${port}`
    const patterns = this.#patterns.filter((pattern) => pattern.port === "*" || pattern.port === port)
    if (!patterns.some((pattern) => pattern.host.includes("/") || nameMatches(pattern.host, host))) {
      throw refused(target, `${target} is not among the hosts this service declares under permissions.network`)
    }
    const addresses = isIP(host) === 0 ? await this.#lookUp(host, target) : [host]
    const allowed = addresses.find((address) => patterns.some((pattern) => allows(pattern.host, host, address)))
    if (allowed !== undefined) return allowed
    throw refused(target, `${target} is at ${addresses.join(", ")}, which the hosts this service declares do not cover`)
  }

  async #lookUp(host: string, target: string): Promise<readonly string[]> {
    const { promise, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error("no answer in time")), SERVICE_CONNECT_TIMEOUT_MS)
    try {
      return await Promise.race([this.#resolve(host), promise])
    } catch (cause) {
      throw new ServiceError({ code: "NETWORK_FAILED", target }, `${host} has no address: ${messageOf(cause)}`, {
        cause,
      })
    } finally {
      clearTimeout(timer)
    }
  }
}

function refused(target: string, message: string): ServiceError {
  return new ServiceError({ code: "NETWORK_REFUSED", target }, message, {
    remedy:
      "declare the host under permissions.network in service.yml; addresses of the local network only by name or number",
  })
}

function nameMatches(pattern: string, host: string): boolean {
  if (pattern === "*" || pattern === host) return true
  return pattern.startsWith("*.") && host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1
}

function allows(pattern: string, host: string, address: string): boolean {
  const family = isIP(address) === 6 ? "ipv6" : "ipv4"
  if (pattern.includes("/")) {
    const [network = "", prefix] = pattern.split("/")
    const list = new BlockList()
    if (isIP(network) === 0) return false
    list.addSubnet(network, Number(prefix), isIP(network) === 6 ? "ipv6" : "ipv4")
    return list.check(address, family)
  }
  if (!nameMatches(pattern, host)) return false
  if (!local.check(address, family)) return true
  // Named outright: by its number, or by a name of this site.
  return pattern === host && (isIP(host) !== 0 || LOCAL_NAME.test(host))
}
