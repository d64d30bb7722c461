import { createServer, type AddressInfo, type Server } from "node:net"
import { messageOf } from "../../base/errors.ts"
import { MQTT_CONNECT_TIMEOUT_MS, MQTT_CONNECTIONS_PENDING_MAX, MQTT_KEEPALIVE_S_MAX } from "../../base/limits.ts"
import type { Config } from "../../schema/config.ts"
import { readPemFile } from "../pem-file.ts"
import { BrokerError } from "./error.ts"
import { type Link, SocketLink } from "./link.ts"

export interface Address {
  readonly address: string
  readonly port: number
}

/** What is really bound. */
export interface Bound {
  readonly mqtt: Address
  readonly tls: Address | null
}

/** The TCP and TLS sockets that clients come in by. */
export class Listeners {
  readonly #host: string
  readonly #mqtt: Config["mqtt"]
  readonly #accept: (link: Link) => void
  readonly #servers: Server[] = []

  constructor(host: string, mqtt: Config["mqtt"], accept: (link: Link) => void) {
    this.#host = host
    this.#mqtt = mqtt
    this.#accept = accept
  }

  /** @throws BrokerError MQTT_LISTEN_FAILED, MQTT_TLS_FILES */
  async start(): Promise<Bound> {
    const options = {
      noDelay: true,
      // Finds dead peers of clients that asked for no keep alive, or for a very long one.
      keepAlive: true,
      keepAliveInitialDelay: MQTT_KEEPALIVE_S_MAX * 1000,
    }
    const plain = createServer(options, (socket) => this.#accept(new SocketLink(socket, "tcp")))
    const mqtt = await this.#listen(plain, this.#mqtt.port)
    if (this.#mqtt.tls === undefined) return { mqtt, tls: null }
    const { port, cert, key, ca } = this.#mqtt.tls
    const files = { cert: read(cert), key: read(key), ...(ca === undefined ? {} : { ca: read(ca) }) }
    const { createServer: createTlsServer, createSecureContext } = await import("node:tls")
    try {
      createSecureContext(files)
    } catch (cause) {
      const message = `the certificate ${cert} and the key ${key} cannot be used: ${messageOf(cause)}`
      const remedy = "give PEM files that belong together, the key without a passphrase"
      throw new BrokerError({ code: "MQTT_TLS_FILES", file: cert }, message, { cause, remedy })
    }
    const secure = createTlsServer(
      {
        ...options,
        ...files,
        requestCert: ca !== undefined,
        // A client without a certificate may still log in by password; Link.certificate names only verified ones.
        rejectUnauthorized: false,
        handshakeTimeout: MQTT_CONNECT_TIMEOUT_MS,
      },
      (socket) => this.#accept(new SocketLink(socket, "tls")),
    )
    return { mqtt, tls: await this.#listen(secure, port) }
  }

  /** No new clients. */
  stop(): void {
    for (const server of this.#servers) server.close()
    this.#servers.length = 0
  }

  #listen(server: Server, port: number): Promise<Address> {
    server.maxConnections = this.#mqtt.maxConnections + MQTT_CONNECTIONS_PENDING_MAX
    this.#servers.push(server)
    return new Promise((resolve, reject) => {
      server.once("error", (cause) => {
        reject(
          new BrokerError(
            { code: "MQTT_LISTEN_FAILED", address: this.#host, port },
            `MQTT cannot listen on ${this.#host}:${port}: ${messageOf(cause)}`,
            {
              cause,
              remedy: addressRemedy(cause) ?? "stop what uses the port, or set another one (0 takes any free port)",
            },
          ),
        )
      })
      server.listen(port, this.#host, () => {
        const bound = server.address() as AddressInfo
        resolve({ address: bound.address, port: bound.port })
      })
    })
  }
}

/** @returns null where it is not the address or the right to bind that is wrong */
function addressRemedy(cause: Error): string | null {
  const { code } = cause as NodeJS.ErrnoException
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN")
    return "set `listen` to an address of this machine (`ip address` shows them), 127.0.0.1 or 0.0.0.0"
  if (code === "EACCES") return "set a port above 1023, or let the agent's user bind lower ones"
  return null
}

function read(file: string): Buffer {
  try {
    return readPemFile(file)
  } catch (cause) {
    throw new BrokerError({ code: "MQTT_TLS_FILES", file }, `cannot read ${file}: ${messageOf(cause)}`, {
      cause,
      remedy: "check mqtt.tls in the configuration and the rights of the file",
    })
  }
}
