/**
 * `permissions.network` of a manifest: `host:port`. The host is a name, `*` (any public host), `*.example.org`, an IPv4 or
 * [IPv6] address, or an IPv4 or [IPv6] network with its prefix length; the port is a number or `*`.
 */
export interface NetworkPattern {
  readonly host: string
  readonly port: number | "*"
}

const PATTERN = /^(\*|\[[0-9a-fA-F:.]+\](?:\/\d{1,3})?|(?:\*\.)?[A-Za-z0-9_.-]+(?:\/\d{1,2})?):(\*|\d{1,5})$/

/** @returns the pattern, host in lower case and without brackets, or null where the text is none */
export function parseNetworkPattern(text: string): NetworkPattern | null {
  const match = PATTERN.exec(text)
  if (match === null) return null
  const port = match[2] === "*" ? "*" : Number(match[2])
  if (port !== "*" && (port < 1 || port > 65_535)) return null
  return { host: match[1]!.toLowerCase().replace(/[[\]]/g, ""), port }
}

export function isNetworkPattern(text: string): boolean {
  return parseNetworkPattern(text) !== null
}
