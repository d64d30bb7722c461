import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { freePort } from "./free-port.ts"
import { tempDir } from "./temp-dir.ts"
import { until } from "./until.ts"

/** A mosquitto of Debian on loopback: a broker that is not ours. Sessions and retained messages outlive `kill` on the same folder. */
export class Mosquitto {
  readonly port: number
  readonly #folder: string
  #child: ChildProcess | undefined

  constructor(port: number, folder: string) {
    this.port = port
    this.#folder = folder
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    this.#child = spawn("/usr/sbin/mosquitto", ["-c", join(this.#folder, "mosquitto.conf")], { stdio: "ignore" })
    await until(() => this.#answers(), 10_000, `mosquitto on port ${this.port}`, 20)
  }

  /** In order, so that it writes its sessions down. */
  async stop(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null) return
    child.kill("SIGTERM")
    await once(child, "exit")
  }

  async #answers(): Promise<boolean> {
    const socket = connect(this.port, "127.0.0.1")
    const { promise, resolve } = Promise.withResolvers<boolean>()
    socket.once("connect", () => resolve(true))
    socket.once("error", () => resolve(false))
    const answer = await promise
    socket.destroy()
    return answer
  }
}

/** @param lines of its configuration, beside the listener */
export async function startMosquitto(lines: readonly string[] = ["allow_anonymous true"]): Promise<Mosquitto> {
  const folder = tempDir("mosquitto")
  const port = await freePort()
  const config = [
    `listener ${port} 127.0.0.1`,
    "persistence true",
    `persistence_location ${folder}/`,
    "user root",
    ...lines,
  ]
  writeFileSync(join(folder, "mosquitto.conf"), `${config.join("\n")}\n`)
  const mosquitto = new Mosquitto(port, folder)
  await mosquitto.start()
  return mosquitto
}
