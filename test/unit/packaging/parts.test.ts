import assert from "node:assert/strict"
import { billOfMaterials, partList, partsOf } from "../../../packaging/binary/parts.ts"
import { ROOT } from "../../support/sources.ts"

const inputs = [
  "agent/main.ts",
  "node_modules/ws/index.js",
  "node_modules/ws/lib/sender.js",
  "node_modules/@noble/ed25519/index.js",
]

describe("what is in the binary", () => {
  const parts = partsOf(ROOT, inputs)

  it("is each package that was bundled once, Node and lmdb's addon", () => {
    assert.deepEqual(
      parts.map(({ name }) => name),
      ["@lmdb/lmdb", "@noble/ed25519", "node", "ws"],
    )
    assert.match(partList(parts), /^node 26\.10\.0 MIT$/m)
  })

  it("is refused where the lock does not know it", () => {
    assert.throws(
      () => partsOf(ROOT, ["node_modules/stranger/index.js"]),
      /stranger is bundled and not in package-lock/,
    )
  })

  it("is all in the bill of materials, with what Node is made of, and the same bill each time", () => {
    const inNode = { node: "26.10.0", openssl: "3.5.0", v8: "14.6" }
    const text = billOfMaterials({ name: "mesg", version: "1.2.3" }, parts, inNode)
    const bill = JSON.parse(text) as { components: { name: string; version: string; hashes?: { content: string }[] }[] }
    assert.deepEqual(
      bill.components.map(({ name, version }) => `${name} ${version}`),
      [...parts.map(({ name, version }) => `${name} ${version}`), "openssl 3.5.0", "v8 14.6"],
    )
    assert.match(bill.components.find(({ name }) => name === "ws")!.hashes![0]!.content, /^[0-9a-f]{128}$/)
    assert.equal(billOfMaterials({ name: "mesg", version: "1.2.3" }, parts, inNode), text)
  })
})
