import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fuzz, INPUTS } from "../../support/fuzzed.ts"
import { ROOT } from "../../support/sources.ts"
import { decoders } from "./decoders.ts"
import { disk } from "./disk.ts"
import { records } from "./records.ts"
import { spoken } from "./spoken.ts"

/** Names of records that this Core made itself are taken apart by these. */
const OF_OUR_OWN = ["readLot", "readService", "readDue"]
const FOLDERS = ["agent/core", "agent/engine/ledger"]

const all = [...decoders(await spoken()), ...records(), ...disk()]

describe(`what reads bytes of a chain, each ${INPUTS} times bytes that are nearly right`, function () {
  this.timeout(3_600_000)

  for (const one of all) {
    it(`throws nothing unforeseen, takes nothing in two ways, takes no memory for what is announced: ${one.name}`, async () => {
      const began = performance.now()
      const { accepted, refused, allocatedMax } = await fuzz(one)
      assert.equal(accepted + refused, INPUTS)
      assert.ok(refused > 0 && accepted > 0, `${accepted} taken, ${refused} refused`)
      if (process.env["FUZZ_FIGURES"] !== undefined) {
        const seconds = ((performance.now() - began) / 1000).toFixed(1)
        console.log(`      ${seconds} s, ${accepted} taken, ${refused} refused, at most ${allocatedMax} bytes for one`)
      }
    })
  }

  it("is all there is", () => {
    const here = ["decoders.ts", "disk.ts", "records.ts"]
    const tested = here.map((name) => readFileSync(join(import.meta.dirname, name), "utf8")).join("\n")
    const sources = FOLDERS.flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts"))
        .map((name) => readFileSync(join(ROOT, folder, name), "utf8")),
    )
    const found = sources.flatMap((text) =>
      [...text.matchAll(/^export (?:function ((?:read|decode)\w+)|const (\w+Message): Codec)/gm)].map(
        ([, reader, message]) => (reader ?? message)!,
      ),
    )
    assert.ok(found.length > 20, found.join(" "))
    const missing = found.filter((name) => !tested.includes(name) && !OF_OUR_OWN.includes(name))
    assert.deepEqual(missing, [])
  })
})
