import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { existsSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { type FileServer, serveFiles } from "../../support/file-server.ts"
import { filesBelow, install, pathWith, PORTS } from "../../support/installer.ts"
import { RELEASED, servedRelease } from "../../support/release.ts"
import { tempDir } from "../../support/temp-dir.ts"

/** What a machine may have to load files with; install.sh takes one of them. */
const LOADERS = { curl: 'exec /usr/bin/curl "$@"', wget: 'exec /usr/bin/wget "$@"' } as const

describe("install.sh, from a server of static files,", function () {
  this.timeout(300_000)
  const root = tempDir("served")
  let release: string
  let server: FileServer
  before(async () => {
    release = servedRelease()
    symlinkSync(release, join(root, "stable"))
    symlinkSync(release, join(root, RELEASED))
    server = await serveFiles(root)
  })
  after(() => server.close())

  for (const [loader, body] of Object.entries(LOADERS)) {
    it(`installs a channel with ${loader} alone, and an upgrade asks the same channel`, async () => {
      const home = tempDir("home")
      const commands = { [loader]: body }
      const env = { ...PORTS, MESG_CHANNEL: "stable" }
      const { status, stderr } = await install(release, { home, mirror: server.url, commands, env })
      assert.equal(stderr, "")
      assert.equal(status, 0)
      const from = server.asked.length
      const program = join(home, ".local/bin/mesg")
      const surroundings = { env: { HOME: home, PATH: pathWith(commands) } }
      const { stdout } = await promisify(execFile)(program, ["upgrade"], surroundings)
      assert.equal(stdout, "mesg: version 0.1.0 is installed already; nothing was changed\n")
      assert.deepEqual(server.asked.slice(from), ["/stable/SHA256SUMS", "/stable/SHA256SUMS.sig"])
    })

    it(`changes nothing where ${loader} is given half of the program`, async () => {
      const home = tempDir("home")
      const cutting = await serveFiles(release, (path) => path.endsWith(".tar.xz"))
      const attempt = { home, mirror: cutting.url, commands: { [loader]: body }, env: PORTS }
      const { status, stderr } = await install(release, attempt)
      await cutting.close()
      assert.ok(cutting.asked.some((path) => path.endsWith(".tar.xz")))
      assert.match(stderr, /^mesg: http:\S+\.tar\.xz could not be loaded$/m)
      assert.equal(status, 1)
      assert.deepEqual(filesBelow(home), [])
    })
  }

  it("installs the version that was asked for, from its folder", async () => {
    const home = tempDir("home")
    const from = server.asked.length
    const env = { ...PORTS, MESG_VERSION: RELEASED }
    const { status } = await install(release, { home, mirror: `${server.url}/`, commands: LOADERS, env })
    assert.equal(status, 0)
    assert.ok(existsSync(join(home, ".local/bin/mesg")))
    assert.ok(server.asked.slice(from).every((path) => path.startsWith(`/${RELEASED}/`)))
  })

  const refusals: { name: string; mirror?: string; commands?: Record<string, string>; sentence: RegExp }[] = [
    { name: "nothing can load files", commands: {}, sentence: /^mesg: curl or wget is needed: apt-get install curl$/m },
    { name: "no release is served there", sentence: /^mesg: http:\S+\/SHA256SUMS could not be loaded$/m },
    {
      name: "the mirror is no web address",
      mirror: "ftp://example.org",
      sentence: /^mesg: MESG_MIRROR must say where releases are served, such as https:/m,
    },
  ]
  for (const { name, mirror, commands = LOADERS, sentence } of refusals) {
    it(`changes nothing where ${name}`, async () => {
      const home = tempDir("home")
      const attempt = { home, mirror: mirror ?? server.url, commands, env: PORTS }
      const { status, stderr } = await install(release, attempt)
      assert.match(stderr, sentence)
      assert.equal(status, 1)
      assert.deepEqual(filesBelow(home), [])
    })
  }
})
