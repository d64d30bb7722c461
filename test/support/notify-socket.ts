import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { tempDir } from "./temp-dir.ts"

const SERVER = `
import json, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1].replace("@", "\\0", 1) if sys.argv[1].startswith("@") else sys.argv[1])
print("listening", flush=True)
while True:
    print(json.dumps(listener.recv(4096).decode()), flush=True)
`

/** What systemd listens with; Python's, as Node has no datagrams of UNIX. */
export class NotifySocket {
  /** What has come so far, one datagram each. */
  readonly messages: string[] = []
  readonly path: string
  readonly #child: ChildProcess

  private constructor(path: string, child: ChildProcess) {
    this.path = path
    this.#child = child
  }

  static async open(path = join(tempDir("notify"), "socket")): Promise<NotifySocket> {
    const child = spawn("python3", ["-c", SERVER, path], { stdio: ["ignore", "pipe", "inherit"] })
    const lines = createInterface({ input: child.stdout })
    await once(lines, "line")
    const opened = new NotifySocket(path, child)
    lines.on("line", (line) => opened.messages.push(JSON.parse(line) as string))
    return opened
  }

  async close(): Promise<void> {
    this.#child.kill("SIGKILL")
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit")
  }
}
