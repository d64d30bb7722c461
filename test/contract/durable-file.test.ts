import assert from "node:assert/strict"
import { readdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { utf8 } from "../../agent/base/bytes.ts"
import { durableFile } from "../../agent/io/disk/durable-file.ts"
import { DiskError } from "../../agent/io/disk/error.ts"
import type { DurableFile } from "../../agent/ports/durable-file.ts"
import { VirtualFile } from "../sim/chain/disk.ts"
import { tempDir } from "../support/temp-dir.ts"

/** The same file, opened again as after a restart. */
interface Subject {
  readonly file: DurableFile
  again(): DurableFile
}

function real(): Subject {
  const path = join(tempDir("durable"), "deep", "file")
  return { file: durableFile(path), again: () => durableFile(path) }
}

function virtual(): Subject {
  const file = new VirtualFile()
  return { file, again: () => file }
}

for (const [name, make] of [
  ["a file of the machine", real],
  ["a file of the simulator", virtual],
] as const) {
  describe(`${name}, as a durable file`, () => {
    let subject: Subject
    beforeEach(() => {
      subject = make()
    })
    afterEach(() => subject.file.close())

    it("is nothing until it is made", () => assert.equal(subject.file.read(), null))

    it("may be empty, which is something", () => {
      subject.file.replace(new Uint8Array(0))
      assert.deepEqual(subject.again().read(), new Uint8Array(0))
    })

    it("holds what replaced the rest, and what was appended to that", () => {
      const { file } = subject
      file.replace(utf8("one that is long"))
      file.replace(utf8("two"))
      file.append(utf8(" three"))
      file.append(utf8(" four"))
      file.sync()
      assert.deepEqual(file.read(), utf8("two three four"))
      assert.deepEqual(subject.again().read(), utf8("two three four"))
    })

    it("appends to what replaced what it appended to", () => {
      const { file } = subject
      for (const text of ["one", "two"]) {
        file.replace(utf8(text))
        file.append(utf8("!"))
        file.sync()
      }
      assert.deepEqual(subject.again().read(), utf8("two!"))
    })

    it("goes on after it was closed, and opened again", () => {
      subject.file.replace(utf8("one"))
      subject.file.append(utf8(" two"))
      subject.file.close()
      const again = subject.again()
      again.append(utf8(" three"))
      again.sync()
      again.close()
      assert.deepEqual(subject.again().read(), utf8("one two three"))
    })

    it("is not made by appending: what was there and is gone does not come back empty", () => {
      assert.throws(() => subject.file.append(utf8("more")))
      assert.equal(subject.again().read(), null)
    })
  })
}

describe("a file of the machine", () => {
  it("is for its owner alone, in a folder for its owner alone, and leaves no draft", () => {
    const folder = join(tempDir("durable"), "made")
    durableFile(join(folder, "file")).replace(utf8("secret"))
    assert.deepEqual(readdirSync(folder), ["file"])
    assert.deepEqual([statSync(folder).mode & 0o777, statSync(join(folder, "file")).mode & 0o777], [0o700, 0o600])
  })

  it("is not believed any more after one failure: DISK_FAILED from then on", () => {
    const folder = tempDir("durable")
    writeFileSync(join(folder, "in the way"), "")
    const file = durableFile(join(folder, "in the way", "file"))
    const failed = (error: unknown) => error instanceof DiskError && error.code === "DISK_FAILED"
    assert.throws(() => file.replace(utf8("one")), failed)
    for (const act of [() => file.read(), () => file.append(utf8("x")), () => file.sync()]) assert.throws(act, failed)
  })
})
