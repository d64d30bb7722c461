import { createServer } from "node:net"
import { messageOf } from "../../base/errors.ts"
import type { Config } from "../../schema/config.ts"
import { readPemFile } from "../pem-file.ts"
import { ConfigError } from "./errors.ts"

/** Who sets it is there now; at the next start there may be nobody. */
const SOURCE = "config set"

/**
 * What no schema can tell of settings that are being set: whether this machine has the address, and whether the
 * certificate and its key can be read and belong together.
 * @param keys those that are being set
 * @param config as it would be
 * @throws ConfigError CONFIG_INVALID
 */
export async function judgeOnMachine(keys: readonly string[], config: Config): Promise<void> {
  if (keys.includes("listen")) await judgeAddress("listen", config.listen)
  if (keys.includes("nodeRed.listen")) await judgeAddress("nodeRed.listen", config.nodeRed.listen)
  if (keys.some((key) => key.startsWith("mqtt.tls.")) && config.mqtt.tls !== undefined) await judgeTls(config.mqtt.tls)
}

function judgeAddress(key: string, address: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const probe = createServer()
  const refuse = (cause: unknown) =>
    reject(
      invalid(key, `${key} is ${JSON.stringify(address)}, where nothing can listen: ${messageOf(cause)}`, {
        remedy: "give an address of this machine (`ip address` shows them), 127.0.0.1 or 0.0.0.0; nothing was changed",
        cause,
      }),
    )
  probe.once("error", refuse)
  try {
    probe.listen(0, address, () => probe.close(() => resolve()))
  } catch (cause) {
    // What is no host name at all is thrown.
    refuse(cause)
  }
  return promise
}

async function judgeTls({ cert, key, ca }: NonNullable<Config["mqtt"]["tls"]>): Promise<void> {
  const files = { cert: pem("cert", cert), key: pem("key", key), ...(ca === undefined ? {} : { ca: pem("ca", ca) }) }
  const { createSecureContext } = await import("node:tls")
  try {
    createSecureContext(files)
  } catch (cause) {
    throw invalid("mqtt.tls.cert", `mqtt.tls: the certificate and the key cannot be used: ${messageOf(cause)}`, {
      remedy: "give PEM files that belong together, the key without a passphrase; nothing was changed",
      cause,
    })
  }
}

function pem(name: "cert" | "key" | "ca", file: string): Buffer {
  try {
    return readPemFile(file)
  } catch (cause) {
    throw invalid(`mqtt.tls.${name}`, `mqtt.tls.${name}: ${file} cannot be read: ${messageOf(cause)}`, {
      remedy: "give its whole path, and the agent's user the right to read it; nothing was changed",
      cause,
    })
  }
}

function invalid(key: string, message: string, options: { remedy: string; cause: unknown }): ConfigError {
  return new ConfigError({ code: "CONFIG_INVALID", key, source: SOURCE }, `${SOURCE}: ${message}`, options)
}
