import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"

const NAMESPACES = "/run/netns"
const PREFIX = "mesg-lan"

/** A machine of its own, as far as its network goes. */
export interface Place {
  readonly address: string
  /** What is put before a command that is to run there: it becomes that command, with the same process id. */
  readonly command: readonly string[]
}

/** @returns why no LAN can be made on this machine; null where one can */
export function whyNoLan(): string | null {
  if (process.getuid?.() !== 0) return "network namespaces need root"
  for (const [program, ...words] of [
    ["ip", "-V"],
    ["iptables", "-V"],
    ["nsenter", "-V"],
  ] as const) {
    if (spawnSync(program, words).status !== 0) return `there is no ${program} here`
  }
  const tried = spawnSync("unshare", ["--net", "iptables", "-w", "-A", "INPUT", "-s", "192.0.2.1", "-j", "DROP"], {
    encoding: "utf8",
  })
  return tried.status === 0 ? null : `the kernel gives no network namespace of its own: ${tried.stderr.trim()}`
}

/**
 * Network namespaces on one bridge, which is in a namespace too: of this machine's own network nothing changes but that it
 * has one more way, to them. Packets are dropped where they come in.
 */
export class Lan {
  readonly #prefix = `${PREFIX}-${process.pid}`
  readonly #subnet = `10.${64 + ((process.pid >> 8) % 128)}.${process.pid % 256}`
  readonly #places = new Map<string, Place>()

  /** @throws where the kernel gives none */
  constructor() {
    removeLeftOver()
    const own = `mesg${process.pid}`
    ip("netns", "add", this.#switch)
    inside(this.#switch, "ip", "link", "add", "bridge", "type", "bridge", "forward_delay", "0")
    inside(this.#switch, "ip", "link", "set", "bridge", "up")
    ip("link", "add", own, "type", "veth", "peer", "name", "port0", "netns", this.#switch)
    this.#plugIn("port0")
    ip("addr", "add", `${this.#subnet}.254/24`, "dev", own)
    ip("link", "set", own, "up")
  }

  /** One more machine. This process reaches it, whatever is cut. */
  add(name: string): Place {
    const number = this.#places.size + 1
    const space = `${this.#prefix}-${number}`
    const port = `port${number}`
    const address = `${this.#subnet}.${number}`
    ip("netns", "add", space)
    inside(space, "ip", "link", "set", "lo", "up")
    inside(space, "ip", "link", "add", "lan", "type", "veth", "peer", "name", port, "netns", this.#switch)
    this.#plugIn(port)
    inside(space, "ip", "addr", "add", `${address}/24`, "dev", "lan")
    inside(space, "ip", "link", "set", "lan", "up")
    const place = { address, command: ["nsenter", `--net=${NAMESPACES}/${space}`] }
    this.#places.set(name, place)
    return place
  }

  /** From now on nothing of what `from` send comes to `to`: one way only. */
  cut(from: readonly string[], to: readonly string[]): void {
    const sources = from.map((name) => this.#place(name).address).join(",")
    for (const name of to)
      run([...this.#place(name).command, "iptables", "-w", "-A", "INPUT", "-s", sources, "-j", "DROP"])
  }

  /** Nothing comes through between the two, in either direction. */
  part(some: readonly string[], others: readonly string[]): void {
    this.cut(some, others)
    this.cut(others, some)
  }

  /** Everything comes through again. */
  heal(): void {
    for (const { command } of this.#places.values()) run([...command, "iptables", "-w", "-F", "INPUT"])
  }

  /** Once nothing runs there any more. */
  remove(): void {
    for (let number = this.#places.size; number > 0; number--) ip("netns", "del", `${this.#prefix}-${number}`)
    ip("netns", "del", this.#switch)
  }

  get #switch(): string {
    return `${this.#prefix}-0`
  }

  #plugIn(port: string): void {
    inside(this.#switch, "ip", "link", "set", port, "master", "bridge", "up")
  }

  #place(name: string): Place {
    const place = this.#places.get(name)
    if (place === undefined) throw new Error(`${name} is not on this LAN`)
    return place
  }
}

/** Of a test that was killed. */
function removeLeftOver(): void {
  if (!existsSync(NAMESPACES)) return
  for (const name of readdirSync(NAMESPACES)) {
    const pid = new RegExp(`^${PREFIX}-(\\d+)-\\d+$`).exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) ip("netns", "del", name)
  }
}

const ip = (...words: readonly string[]) => run(["ip", ...words])
const inside = (space: string, ...words: readonly string[]) => ip("netns", "exec", space, ...words)

/** @throws with what it wrote */
function run([program, ...words]: readonly string[]): void {
  execFileSync(program!, words, { stdio: "pipe" })
}
