import assert from "node:assert/strict"
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { type Contents, libraryIn, packLibrary, unpackLibrary } from "../../../packaging/binary/library.ts"
import { tempDir } from "../../support/temp-dir.ts"

const statMode = (path: string) => statSync(path).mode
const files = {
  "mesg.js": Buffer.from("code"),
  "plugins/log/index.js": Buffer.from("log"),
  "lmdb.node": Buffer.from([0]),
}
const contentsOf = (of: Readonly<Record<string, Uint8Array>>) => packLibrary(of).contents
const { contents, bytes } = packLibrary(files)
const read = () => bytes
const unpacked = (folder = join(tempDir("library"), "lib")) => ({
  folder,
  library: unpackLibrary(folder, contents, read),
})

describe("the library of a binary", () => {
  it("is written whole, and found again", () => {
    const { folder, library } = unpacked()
    for (const [path, content] of Object.entries(files)) assert.deepEqual(readFileSync(join(library, path)), content)
    assert.equal(libraryIn(folder, contents), library)
    assert.deepEqual(readdirSync(folder), [contents.id])
  })

  it("has a name that each of its bytes changes", () => {
    assert.notEqual(contentsOf({ ...files, "mesg.js": Buffer.from("Code") }).id, contents.id)
    assert.notEqual(contentsOf({ ...files, "other.js": Buffer.from("code") }).id, contents.id)
  })

  const faults: { name: string; make(library: string): void }[] = [
    { name: "a changed byte", make: (library) => writeFileSync(join(library, "lmdb.node"), Buffer.from([1])) },
    { name: "a missing file", make: (library) => rmSync(join(library, "mesg.js")) },
    { name: "a file that others may write", make: (library) => chmodSync(join(library, "lmdb.node"), 0o666) },
    { name: "a folder that others may write", make: (library) => chmodSync(join(library, "plugins/log"), 0o777) },
    {
      name: "a link in place of a file",
      make(library) {
        const elsewhere = join(tempDir("elsewhere"), "mesg.js")
        writeFileSync(elsewhere, "code", { mode: 0o666 })
        chmodSync(elsewhere, 0o666)
        rmSync(join(library, "mesg.js"))
        symlinkSync(elsewhere, join(library, "mesg.js"))
      },
    },
  ]
  for (const { name, make } of faults) {
    it(`is not used with ${name}, and written anew`, () => {
      const { folder, library } = unpacked()
      make(library)
      assert.equal(libraryIn(folder, contents), null)
      assert.equal(unpackLibrary(folder, contents, read), library)
      assert.equal(libraryIn(folder, contents), library)
      assert.deepEqual(readdirSync(folder), [contents.id])
    })
  }

  it("is not used from a folder that others may write, nor written there", () => {
    const { folder } = unpacked()
    chmodSync(folder, 0o777)
    assert.equal(libraryIn(folder, contents), null)
    assert.throws(() => unpackLibrary(folder, contents, read), /others may write to/)
  })

  it("is refused where what was read is not what the binary promises", () => {
    const folder = join(tempDir("library"), "lib")
    assert.throws(
      () => unpackLibrary(folder, contents, () => new Uint8Array(bytes.length)),
      /is not what is read from it/,
    )
    assert.deepEqual(readdirSync(folder), [contents.id])
    assert.equal(libraryIn(folder, contents), null)
  })

  it("stays beside two of other versions, those used last", () => {
    const { folder } = unpacked()
    const older = ["a", "b", "c"].map((text): Contents => contentsOf({ "mesg.js": Buffer.from(text) }))
    for (const [index, { id }] of older.entries()) {
      mkdirSync(join(folder, id))
      utimesSync(join(folder, id), index + 1, index + 1)
    }
    rmSync(join(folder, contents.id), { recursive: true })
    unpackLibrary(folder, contents, read)
    assert.deepEqual(readdirSync(folder).sort(), [contents.id, older[1]!.id, older[2]!.id].sort())
  })

  it("lies in a folder of this user alone", () => {
    const { folder } = unpacked(join(tempDir("library"), "a/b/lib"))
    assert.equal(libraryIn(folder, contents), join(folder, contents.id))
    assert.equal((statMode(folder) & 0o077).toString(8), "0")
    assert.equal((statMode(dirname(folder)) & 0o077).toString(8), "0")
  })
})
