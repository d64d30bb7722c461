import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { functionsOf } from "../../support/installer.ts"
import { tempDir } from "../../support/temp-dir.ts"

/** Those that make, keep and bring back copies of the store. */
const FUNCTIONS = functionsOf(["durable", "back_up", "copies", "forget_copies", "gets_its_store_back"])

/** Versions by the format of their store; "old" is one whose files do not tell it. */
const FORMATS = { "0.1.0": "1", "0.2.0": "2", "0.2.1": "2", "0.3.0": "3", old: "of-old" } as const
type Version = keyof typeof FORMATS

describe("install.sh keeps copies of the store", () => {
  let home: string
  let prefix: string
  beforeEach(() => {
    home = join(tempDir("copies"), "home")
    prefix = join(home, "prefix")
    mkdirSync(join(home, "data"), { recursive: true })
    for (const [version, format] of Object.entries(FORMATS)) {
      const share = join(prefix, "versions", version, "share")
      mkdirSync(share, { recursive: true })
      if (version !== "old") writeFileSync(join(share, "format"), `${format}\n`)
    }
  })
  const store = () => join(home, "data/store.mdb")
  const copies = () => readdirSync(join(home, "before-upgrade")).sort((one, other) => parseInt(one) - parseInt(other))
  const copied = (name: string) => readFileSync(join(home, "before-upgrade", name, "data/store.mdb"), "utf8")

  /** Runs `text` as an upgrade from one version to another would, with commands of the machine replaced by `commands`. */
  function inUpgrade(text: string, from: Version, to = "0.9.0", commands = ""): string {
    const set = `set -eu; prefix=${prefix} home=${home} before=${from} version=${to} copied=no; stop_hard() { :; }`
    return execFileSync("dash", ["-c", [set, ...FUNCTIONS, commands, text].join("\n")], { encoding: "utf8" })
  }
  /** Of a store that holds a word of its own. */
  function backUp(from: Version, word: string): void {
    writeFileSync(store(), word)
    inUpgrade("back_up", from)
  }

  const cases: { name: string; from: Version[]; kept: string[] }[] = [
    { name: "the first one", from: ["0.1.0"], kept: ["1-0.1.0-format-1"] },
    {
      name: "the last two",
      from: ["0.2.0", "0.2.0", "0.2.1"],
      kept: ["2-0.2.0-format-2", "3-0.2.1-format-2"],
    },
    {
      name: "the only one of a format, however many come after it",
      from: ["0.1.0", "0.2.0", "0.2.0", "0.2.1", "0.2.1"],
      kept: ["1-0.1.0-format-1", "4-0.2.1-format-2", "5-0.2.1-format-2"],
    },
    {
      name: "the last one of a format, not the first",
      from: ["0.1.0", "0.1.0", "0.2.0", "0.3.0"],
      kept: ["2-0.1.0-format-1", "3-0.2.0-format-2", "4-0.3.0-format-3"],
    },
    {
      name: "that of a version that does not tell its format",
      from: ["old", "0.2.0", "0.2.0"],
      kept: ["1-old-format-of-old", "2-0.2.0-format-2", "3-0.2.0-format-2"],
    },
    {
      name: "more than nine in their order",
      from: Array.from({ length: 11 }, () => "0.2.0"),
      kept: ["10-0.2.0-format-2", "11-0.2.0-format-2"],
    },
  ]
  for (const { name, from, kept } of cases) {
    it(`keeps ${name}`, () => {
      for (const [nth, version] of from.entries()) backUp(version, `store ${nth + 1}`)
      assert.deepEqual(copies(), kept)
      for (const each of kept) assert.equal(copied(each), `store ${parseInt(each)}`)
    })
  }

  it("leaves the only copy of the older format where downgrades are tried and rolled back again and again", () => {
    backUp("0.1.0", "of format 1")
    for (const attempt of [1, 2, 3]) backUp("0.2.0", `of format 2, attempt ${attempt}`)
    assert.deepEqual(copies(), ["1-0.1.0-format-1", "3-0.2.0-format-2", "4-0.2.0-format-2"])
    assert.equal(copied("1-0.1.0-format-1"), "of format 1")
  })

  it("gives the store back and has its copy still, and the newer store beside it", () => {
    writeFileSync(store(), "before")
    inUpgrade(`back_up; printf newer >${store()}; gets_its_store_back`, "0.2.0", "0.3.0")
    assert.equal(readFileSync(store(), "utf8"), "before")
    assert.equal(copied("1-0.2.0-format-2"), "before")
    assert.equal(readFileSync(join(home, "data.of-0.3.0/store.mdb"), "utf8"), "newer")
  })

  it("gives the copy itself where there is no room for another", () => {
    writeFileSync(store(), "before")
    const noRoom = 'cp() { case "$*" in *data.new) mkdir "$home/data.new"; return 1 ;; esac; command cp "$@"; }'
    inUpgrade(`back_up; printf newer >${store()}; gets_its_store_back`, "0.2.0", "0.3.0", noRoom)
    assert.equal(readFileSync(store(), "utf8"), "before")
    assert.equal(readFileSync(join(home, "data.of-0.3.0/store.mdb"), "utf8"), "newer")
    assert.ok(!existsSync(join(home, "data.new")))
  })

  it("has no copy under its name that is not whole", () => {
    backUp("0.2.0", "whole")
    writeFileSync(store(), "never whole")
    const said = inUpgrade("back_up || echo refused", "0.2.1", "0.3.0", "sync() { return 1; }; durable() { sync; }")
    assert.equal(said, "refused\n")
    assert.deepEqual(copies(), ["1-0.2.0-format-2"])
    assert.equal(copied("1-0.2.0-format-2"), "whole")
  })
})
