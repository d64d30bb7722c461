import type { Config } from "../../schema/config.ts"
import { ApiError } from "../errors.ts"

/** Where a request says it wants to go and comes from: what a browser cannot be made to forge. */
export interface Origins {
  readonly host: string | undefined
  readonly origin: string | undefined
}

/**
 * Refuses names that are not ours (DNS rebinding) and pages of other origins.
 * Addresses and localhost are ours, and what `http.hosts` and `http.origins` add.
 * @throws ApiError HOST_NOT_ALLOWED, ORIGIN_NOT_ALLOWED
 */
export function checkOrigins({ host, origin }: Origins, http: Config["http"]): void {
  const name = host === undefined ? null : hostName(host)
  if (name === null || !(isAddress(name) || name === "localhost" || http.hosts.includes(name))) {
    throw new ApiError({ code: "HOST_NOT_ALLOWED" }, `this gateway is not known as ${JSON.stringify(host ?? "")}`, {
      remedy: "ask it by address, or add the name to http.hosts in config.yml",
    })
  }
  if (origin !== undefined && !isOwnOrigin(origin, host!) && !isForeignOriginAllowed(origin, http)) {
    throw new ApiError({ code: "ORIGIN_NOT_ALLOWED" }, `pages of ${JSON.stringify(origin)} may not call this gateway`, {
      remedy: "add the origin to http.origins in config.yml if it is yours",
    })
  }
}

/** Own pages come over the same name; TLS, if any, ends before us. */
function isOwnOrigin(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`
}

/** @returns whether the owner allowed this origin beside our own, which then gets CORS headers */
export function isForeignOriginAllowed(origin: string, http: Config["http"]): boolean {
  return origin !== "null" && http.origins.includes(origin)
}

function hostName(host: string): string | null {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]/?#@\s]+)(?::\d{1,5})?$/.exec(host)
  return match === null ? null : match[1]!.toLowerCase()
}

function isAddress(name: string): boolean {
  return name.startsWith("[") || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(name)
}

/** Headers of every answer: nothing here is a page, may be framed, sniffed or cached. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
}
