import assert from "node:assert/strict"
import { once } from "node:events"
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { join } from "node:path"
import { releaseKey, seal } from "../../../packaging/release/signature.ts"
import { type Attempt, filesBelow, install, PORTS } from "../../support/installer.ts"
import { servedRelease } from "../../support/release.ts"
import { ROOT } from "../../support/sources.ts"
import { tempDir } from "../../support/temp-dir.ts"

/** A machine of another kind, as uname tells. */
const MACHINE = (machine: string) => ({ uname: `case $1 in -s) echo Linux ;; *) echo ${machine} ;; esac` })

describe("install.sh refuses, and changes nothing:", function () {
  this.timeout(300_000)
  let release: string
  before(() => {
    release = servedRelease()
  })

  const refusals: {
    name: string
    sentence: string | RegExp
    attempt: Omit<Attempt, "home">
    spoil?(folder: string): void
  }[] = [
    {
      name: "another architecture",
      sentence: "there is no binary for riscv64",
      attempt: { commands: MACHINE("riscv64") },
    },
    { name: "32-bit ARM", sentence: "this is 32-bit ARM (armv7l)", attempt: { commands: MACHINE("armv7l") } },
    {
      name: "32-bit programs on a 64-bit kernel",
      sentence: "the kernel is aarch64 but the programs are 32-bit",
      attempt: { commands: { ...MACHINE("aarch64"), getconf: "echo 32" } },
    },
    {
      name: "musl",
      sentence: "this system has no glibc (musl",
      attempt: { commands: { getconf: 'test "$1" = LONG_BIT && echo 64' } },
    },
    {
      name: "a glibc that is too old",
      sentence: "glibc 2.17 is too old, 2.28 is needed",
      attempt: { commands: { getconf: 'if [ "$1" = LONG_BIT ]; then echo 64; else echo glibc 2.17; fi' } },
    },
    {
      name: "a system without libatomic1",
      sentence: "libatomic.so.1 is missing: apt-get install libatomic1",
      attempt: { commands: { ldconfig: "echo libstdc++.so.6" } },
    },
    {
      name: "who is not root and wants it for the whole machine",
      sentence: "this needs root: sudo sh install.sh, or --user for this user alone",
      attempt: { system: true, commands: { id: "echo 1000" } },
    },
    {
      name: "a system without flock",
      sentence: "flock is needed: apt-get install util-linux",
      attempt: { commands: { flock: null } },
    },
    {
      name: "a system without openssl",
      sentence: "openssl is needed to check the signature: apt-get install openssl",
      attempt: { commands: { openssl: null } },
    },
    {
      name: "a full disk",
      sentence: /there is no room: .* has 19 MiB left, 300 MiB are needed/,
      attempt: { commands: { df: "echo head; echo /dev/x 100000 80000 20000 80% /" } },
    },
    {
      name: "a program that does not run here",
      sentence: "the program does not run here: nothing was installed",
      attempt: {
        commands: {
          tar: 'for folder; do :; done; printf "#!/bin/sh\nexit 1\n" >$folder/mesg; chmod +x $folder/mesg; cat >$folder/x',
        },
      },
    },
    {
      name: "a disk that takes no more",
      sentence: "the release could not be written: nothing was installed",
      attempt: { commands: { sync: "exit 1" } },
    },
    {
      name: "a changed program",
      sentence: /mesg-0\.1\.0-linux-\w+\.tar\.xz is damaged: its checksum is not the signed one/,
      attempt: {},
      spoil: (folder) => spoilArchives(folder),
    },
    {
      name: "a changed checksum",
      sentence: "the signature of the release is wrong",
      attempt: {},
      spoil(folder) {
        spoilArchives(folder)
        const before = readFileSync(join(folder, "SHA256SUMS.sig"))
        seal(folder, releaseKey(join(tempDir("key"), "key.pem"), true))
        writeFileSync(join(folder, "SHA256SUMS.sig"), before)
      },
    },
    {
      name: "a changed signature",
      sentence: "the signature of the release is wrong",
      attempt: {},
      spoil(folder) {
        const signature = readFileSync(join(folder, "SHA256SUMS.sig"))
        signature[5]! ^= 1
        writeFileSync(join(folder, "SHA256SUMS.sig"), signature)
      },
    },
    {
      name: "the signature of somebody else",
      sentence: "the signature of the release is wrong",
      attempt: {},
      spoil: (folder) => seal(folder, releaseKey(join(tempDir("key"), "key.pem"), true)),
    },
    {
      name: "a release without a signature",
      sentence: "has no readable SHA256SUMS.sig",
      attempt: {},
      spoil: (folder) => rmSync(join(folder, "SHA256SUMS.sig")),
    },
    {
      name: "another version than the one that was asked for",
      sentence: "version 0.2.0 was asked for",
      attempt: { env: { MESG_VERSION: "0.2.0" } },
    },
    { name: "an option that there is not", sentence: "there is no option --force", attempt: { args: ["--force"] } },
  ]
  for (const { name, sentence, attempt, spoil } of refusals) {
    it(name, async () => {
      const home = tempDir("home")
      let from = release
      if (spoil !== undefined) {
        from = join(tempDir("spoilt"), "release")
        cpSync(release, from, { recursive: true })
        spoil(from)
      }
      const { status, stderr } = await install(from, { home, ...attempt, env: { ...PORTS, ...attempt.env } })
      assert.match(stderr, typeof sentence === "string" ? new RegExp(RegExp.escape(sentence)) : sentence)
      assert.match(stderr, /^mesg: [^\n]+\n$/)
      assert.equal(status, 1)
      assert.deepEqual(filesBelow(home), [])
    })
  }

  it("a port that is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await once(server, "listening")
    const { port } = server.address() as AddressInfo
    const home = tempDir("home")
    const { status, stderr } = await install(release, { home, env: { ...PORTS, MESG_HTTP_PORT: String(port) } })
    server.close()
    await once(server, "close")
    assert.equal(
      stderr,
      `mesg: port ${port} is taken: stop what listens there, or name another one with MESG_HTTP_PORT\n`,
    )
    assert.equal(status, 1)
    assert.deepEqual(filesBelow(home), [])
  })

  it("to install as the source of a release that it is", async () => {
    const home = tempDir("home")
    const source = join(tempDir("source"), "release")
    cpSync(release, source, { recursive: true })
    cpSync(join(ROOT, "install.sh"), join(source, "install.sh"))
    assert.match((await install(source, { home, env: PORTS })).stderr, /this script is a source: npm run release/)
    assert.deepEqual(filesBelow(home), [])
  })
})

/** Each is another file than the one that was signed. */
function spoilArchives(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => each.includes(".tar.")))
    appendFileSync(join(folder, name), "x")
}
