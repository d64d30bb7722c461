import assert from "node:assert/strict"
import { execFileSync, spawnSync } from "node:child_process"
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { writeAptRepository } from "../../packaging/release/apt.ts"
import { releaseKey } from "../../packaging/release/signature.ts"
import { tempDir } from "../support/temp-dir.ts"

const KEY = releaseKey(join(tempDir("key"), "key.pem"), true)
const AT_S = 1_780_000_000

/** A package of the smallest kind, made by Debian's own tool. */
function writePackage(folder: string, version: string): void {
  const tree = tempDir("package")
  mkdirSync(join(tree, "DEBIAN"))
  const control = `Package: mesg-edge\nVersion: ${version}\nArchitecture: all\nMaintainer: M <m@mesg.invalid>\nDescription: d\n`
  writeFileSync(join(tree, "DEBIAN/control"), control)
  execFileSync("dpkg-deb", ["--build", "--root-owner-group", tree, join(folder, `mesg-edge_${version}_all.deb`)])
}

function repository(version = "0.1.0", key = KEY, atS = AT_S): string {
  const folder = tempDir("repository")
  writePackage(folder, version)
  writeAptRepository(folder, key, atS)
  return folder
}

/** The apt of this machine with lists and settings of its own. */
function client(repositoryFolder: string) {
  const root = tempDir("apt")
  for (const path of ["etc/apt/preferences.d", "state/lists/partial", "cache/archives/partial"])
    mkdirSync(join(root, path), { recursive: true })
  const key = join(root, "mesg.asc")
  writeFileSync(key, readFileSync(join(repositoryFolder, "mesg.asc")))
  const follow = (folder: string) =>
    writeFileSync(join(root, "etc/apt/sources.list"), `deb [signed-by=${key}] file:${folder} ./\n`)
  follow(repositoryFolder)
  writeFileSync(join(root, "status"), "")
  const settings = {
    "Dir::Etc": join(root, "etc/apt"),
    "Dir::State": join(root, "state"),
    "Dir::State::status": join(root, "status"),
    "Dir::Cache": join(root, "cache"),
    "APT::Sandbox::User": "",
    "Acquire::Languages": "none",
  }
  const words = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`])
  const run = (program: string, ...command: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(program, [...words, ...command], {
      encoding: "utf8",
      cwd: root,
      env: { ...process.env, LC_ALL: "C" },
    })
    return { status, said: stdout + stderr }
  }
  return {
    root,
    follow,
    update: () => run("apt-get", "update", "--error-on=any"),
    download: () => run("apt-get", "download", "mesg-edge"),
    candidate: () => /Candidate: (.*)/.exec(run("apt-cache", "policy", "mesg-edge").said)?.[1],
  }
}

describe("the apt repository of a release", function () {
  this.timeout(60_000)

  it("gives its package to a client that has its key", () => {
    const apt = client(repository())
    const updated = apt.update()
    assert.equal(updated.status, 0, updated.said)
    assert.equal(apt.candidate(), "0.1.0")
    const downloaded = apt.download()
    assert.equal(downloaded.status, 0, downloaded.said)
    assert.ok(readdirSync(apt.root).includes("mesg-edge_0.1.0_all.deb"))
  })

  it("offers the next release to a client that has the one before", () => {
    const apt = client(repository())
    assert.equal(apt.update().status, 0)
    apt.follow(repository("0.2.0", KEY, AT_S + 1))
    assert.equal(apt.update().status, 0)
    assert.equal(apt.candidate(), "0.2.0")
  })

  const refusals: { name: string; spoil: (folder: string) => void; says: RegExp }[] = [
    {
      name: "an index that is not the one that was signed",
      spoil: (folder) => appendFileSync(join(folder, "Packages"), "\n"),
      says: /unexpected size|Hash Sum mismatch/,
    },
    {
      name: "a description that was changed after it was signed",
      spoil: (folder) => {
        const file = join(folder, "InRelease")
        writeFileSync(file, readFileSync(file, "utf8").replace("Suite: stable", "Suite: steady"))
      },
      says: /BADSIG|signatures were invalid|not signed/,
    },
    {
      name: "what somebody else has signed",
      spoil: (folder) => writeAptRepository(folder, releaseKey(join(tempDir("key"), "key.pem"), true), AT_S),
      says: /NO_PUBKEY|not signed|signatures/,
    },
    {
      name: "what nobody has signed",
      spoil: (folder) => rmSync(join(folder, "InRelease")),
      says: /does not have a Release file|is not signed/,
    },
  ]
  for (const { name, spoil, says } of refusals) {
    it(`is refused by apt where it is ${name}`, () => {
      const folder = repository()
      const apt = client(folder)
      spoil(folder)
      const { status, said } = apt.update()
      assert.notEqual(status, 0)
      assert.match(said, says)
      assert.notEqual(apt.candidate(), "0.1.0")
    })
  }

  it("gives no package that was changed after it was made", () => {
    const folder = repository()
    const apt = client(folder)
    assert.equal(apt.update().status, 0)
    appendFileSync(join(folder, "mesg-edge_0.1.0_all.deb"), "x")
    const { status, said } = apt.download()
    assert.notEqual(status, 0)
    assert.match(said, /unexpected size|Hash Sum mismatch/)
  })
})
