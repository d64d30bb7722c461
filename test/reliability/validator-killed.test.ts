import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { fromHex } from "../../agent/base/bytes.ts"
import { seededRandom } from "../../agent/base/random.ts"
import { createSignState } from "../../agent/engine/ledger/consensus/signer.ts"
import { durableFile } from "../../agent/io/disk/durable-file.ts"
import { openConsensusKey } from "../../agent/io/keys/consensus-key.ts"
import { verifySignature } from "../../agent/io/keys/verify.ts"
import { scaled } from "../support/scale.ts"
import { tempDir } from "../support/temp-dir.ts"

const CHAIN = new Uint8Array(32).fill(9)

/** Lets a validator live until it has said so many lines and a little longer. @returns its whole lines */
async function live(folder: string, lines: number, longerMs: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "validator/alone.ts"), folder], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  let text = ""
  let isDying = false
  child.stdout.setEncoding("utf8").on("data", (more: string) => {
    text += more
    if (isDying || text.split("\n").length <= lines) return
    isDying = true
    // Anywhere between two effects, or in the midst of one.
    setTimeout(() => child.kill("SIGKILL"), longerMs)
  })
  const [code, signal] = (await once(child, "close")) as [number | null, string | null]
  assert.equal(signal, "SIGKILL", `it ended by itself with ${code}: ${text}`)
  return text.split("\n").slice(0, -1)
}

describe("a validator that is killed again and again", function () {
  this.timeout(300_000)

  it("signs each height, round and step in one way, and goes on where it was", async () => {
    const folder = join(tempDir("validator"), "consensus")
    const key = openConsensusKey(folder)
    createSignState({ key, chain: CHAIN, file: durableFile(join(folder, "signed")) })
    const random = seededRandom(7)
    const signed = new Map<string, string>()
    let [height, again] = [-1, 0]
    for (let life = 0; life < scaled(12, 200); life++) {
      for (const line of await live(folder, 1 + random.below(12), random.below(8))) {
        const [what, about, bytes, signature] = line.split(" ") as [string, string, string, string]
        if (what === "decided") {
          assert.ok(Number(about) > height, `${line} after height ${height}`)
          height = Number(about)
          continue
        }
        // What was left behind in an earlier round is of the past; nothing else is ever refused.
        if (what === "unsigned" && bytes === "SIGN_REGRESSION") continue
        assert.equal(what, "signed", line)
        if (signed.has(about)) again++
        assert.equal(signed.get(about) ?? bytes, bytes, `${about} in life ${life}`)
        assert.ok(verifySignature(fromHex(key.publicKey)!, fromHex(bytes)!, fromHex(signature)!), line)
        signed.set(about, bytes)
      }
    }
    assert.ok(height > 12, `${height} heights`)
    assert.ok(again > 0, "it was never killed in the midst of a height")
  })
})
