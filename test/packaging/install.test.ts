import assert from "node:assert/strict"
import { execFileSync, spawnSync } from "node:child_process"
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { delimiter, join } from "node:path"
import { releaseKey, seal } from "../../packaging/release/signature.ts"
import { ROOT } from "../support/sources.ts"
import { tempDir } from "../support/temp-dir.ts"

const SCRIPT = join(ROOT, "install.sh")
/** All that the script needs of a system; each is there in a Debian of the smallest variant but openssl. */
const TOOLS = (
  "awk basename cat chmod cmp cp cut df dirname du find getconf grep gzip head id ldconfig ln mkdir mktemp mv openssl printf " +
  "readlink rm sed sh sha256sum sleep sort sync tar timeout tr uname xz"
).split(" ")

interface Attempt {
  readonly home: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What a command says instead of the machine's own, as a body of sh; null where there is none. */
  readonly commands?: Readonly<Record<string, string | null>>
}

let tools: string
function commandsFolder(commands: Attempt["commands"] = {}): string {
  const folder = tempDir("commands")
  for (const [name, body] of Object.entries(commands)) {
    if (body !== null) writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  }
  const rest = tempDir("tools")
  for (const name of readdirSync(tools)) {
    if (!Object.hasOwn(commands, name)) symlinkSync(join(tools, name), join(rest, name))
  }
  return [folder, rest].join(delimiter)
}

function install(release: string, { home, args = [], env = {}, commands }: Attempt) {
  const words = [join(release, "install.sh"), "--user", "--from", release, ...args]
  const { status, stdout, stderr } = spawnSync("/bin/dash", words, {
    encoding: "utf8",
    env: { HOME: home, PATH: commandsFolder(commands), ...env },
    timeout: 60_000,
  })
  return { status, stdout, stderr }
}

const filesBelow = (folder: string) => readdirSync(folder, { recursive: true }).map(String).sort()
const MACHINE = (machine: string) => ({ uname: `case $1 in -s) echo Linux ;; *) echo ${machine} ;; esac` })

describe("install.sh", function () {
  this.timeout(120_000)
  let release: string
  /** A port that is free, so that a broker on this machine stands in no test's way. */
  const ports = { MESG_MQTT_PORT: "18839", MESG_HTTP_PORT: "63749" }
  before(() => {
    tools = tempDir("tools")
    for (const name of TOOLS) {
      const path = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
        .map((folder) => join(folder, name))
        .find((file) => existsSync(file))
      assert.ok(path, `this machine has no ${name}`)
      symlinkSync(path, join(tools, name))
    }
    release = join(tempDir("release"), "0.1.0")
    const env = { ...process.env, MESG_RELEASE_LEVEL: "0" }
    const words = [join(ROOT, "packaging/release.ts"), process.arch, "--version", "0.1.0", "--folder", release]
    execFileSync(process.execPath, words, { env, stdio: "pipe" })
  })

  it("is understood by dash, and shellcheck finds nothing to say", () => {
    execFileSync("dash", ["-n", SCRIPT])
    assert.equal(spawnSync("shellcheck", [SCRIPT], { encoding: "utf8" }).stdout, "")
  })

  it("comes with a Debian package that lintian has nothing to say about", () => {
    const file = readdirSync(release).find((name) => name.endsWith(".deb"))!
    const words = ["--allow-root", "--fail-on", "error,warning", join(release, file)]
    const { status, stdout } = spawnSync("lintian", words, { encoding: "utf8" })
    assert.equal(stdout, "")
    assert.equal(status, 0)
    // Debian's util-linux has a mesg of its own: nothing of ours may be in its places.
    const listed = execFileSync("dpkg-deb", ["--contents", join(release, file)], { encoding: "utf8" })
    assert.doesNotMatch(listed, /usr\/bin\/mesg$|man1\/mesg\.1/m)
  })

  it("does nothing when it was cut, wherever that was", () => {
    const text = readFileSync(join(release, "install.sh"))
    const end = text.lastIndexOf("}")
    const cuts = new Set<number>()
    for (let at = 0; at < end; at++) {
      const isWord = text[at] === 10 || text[at] === 32
      // Every end of a line, every byte of the last lines, and some in between words.
      if (text[at] === 10 || at > end - 200 || (isWord && at % 5 === 0)) cuts.add(at)
    }
    cuts.add(end)
    const home = tempDir("home")
    const ran = join(home, "ran")
    const every = TOOLS.concat("curl", "wget", "systemctl")
    const commands = Object.fromEntries(every.map((name) => [name, `echo ${name} >>${ran}`]))
    const env = { HOME: home, PATH: commandsFolder(commands), MESG_MIRROR: "http://127.0.0.1:9" }
    for (const cut of cuts) {
      const { stdout } = spawnSync("/bin/dash", { input: text.subarray(0, cut), env, encoding: "utf8" })
      assert.equal(stdout, "", `cut at ${cut}`)
      assert.deepEqual(readdirSync(home), [], `cut at ${cut}`)
    }
    assert.ok(cuts.size > 700, `${cuts.size} cuts`)
    // The whole of it does something: what was looked at above can be seen.
    spawnSync("/bin/dash", { input: text, env, encoding: "utf8" })
    assert.notDeepEqual(readdirSync(home), [])
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
    it(`refuses ${name}, and changes nothing`, () => {
      const home = tempDir("home")
      let from = release
      if (spoil !== undefined) {
        from = join(tempDir("spoilt"), "release")
        cpSync(release, from, { recursive: true })
        spoil(from)
      }
      const { status, stderr } = install(from, { home, ...attempt, env: { ...ports, ...attempt.env } })
      assert.match(stderr, typeof sentence === "string" ? new RegExp(RegExp.escape(sentence)) : sentence)
      assert.match(stderr, /^mesg: [^\n]+\n$/)
      assert.equal(status, 1)
      assert.deepEqual(filesBelow(home), [])
    })
  }

  it("refuses a port that is taken, and changes nothing", async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await new Promise((resolve) => server.once("listening", resolve))
    const { port } = server.address() as AddressInfo
    const home = tempDir("home")
    const { status, stderr } = install(release, { home, env: { ...ports, MESG_HTTP_PORT: String(port) } })
    await new Promise((resolve) => server.close(resolve))
    assert.equal(
      stderr,
      `mesg: port ${port} is taken: stop what listens there, or name another one with MESG_HTTP_PORT\n`,
    )
    assert.equal(status, 1)
    assert.deepEqual(filesBelow(home), [])
  })

  it("says on a dry run what it would do, and does not", () => {
    const home = tempDir("home")
    const { status, stdout } = install(release, { home, env: ports, args: ["--dry-run"] })
    assert.match(stdout, /^mesg: would: install version 0\.1\.0 for \w+ to .*\n$/)
    assert.equal(status, 0)
    assert.deepEqual(filesBelow(home), [])
  })

  it("refuses as the source of a release", () => {
    const home = tempDir("home")
    const source = join(tempDir("source"), "release")
    cpSync(release, source, { recursive: true })
    cpSync(SCRIPT, join(source, "install.sh"))
    assert.match(install(source, { home, env: ports }).stderr, /this script is a source: npm run release/)
    assert.deepEqual(filesBelow(home), [])
  })

  describe("for one user", () => {
    const home = tempDir("home")
    const program = join(home, ".local/bin/mesg")

    it("installs a program that runs, and whose library nobody else can change", () => {
      const { status, stdout, stderr } = install(release, { home, env: ports })
      assert.equal(stderr, "")
      assert.equal(status, 0)
      assert.match(stdout, /version 0\.1\.0 is installed; start it with:/)
      assert.equal(execFileSync(program, ["--version"], { encoding: "utf8", env: { HOME: home } }), "0.1.0\n")
      assert.deepEqual(readdirSync(home).sort(), [".config", ".local"])
      assert.equal(
        readFileSync(join(home, ".config/mesg/environment"), "utf8"),
        "MESG_MQTT_PORT=18839\nMESG_HTTP_PORT=63749\n",
      )
    })

    it("changes nothing when it is run again, also from one archive and packed by gzip", () => {
      const before = filesBelow(home)
      const archive = readdirSync(release).find((name) => name.endsWith(".tar.gz"))!
      for (const args of [[], ["--from", join(release, archive)]]) {
        const { status, stdout } = install(release, { home, args })
        assert.equal(stdout, "mesg: version 0.1.0 is installed already; nothing was changed\n")
        assert.equal(status, 0)
        assert.deepEqual(filesBelow(home), before)
      }
    })

    it("refuses an older release without a word for it, and another build of the same version", () => {
      const newer = join(home, ".local/lib/mesg/versions/0.2.0")
      cpSync(join(home, ".local/lib/mesg/versions/0.1.0"), newer, { recursive: true })
      appendFileSync(join(newer, "SHA256SUMS"), "\n")
      const current = join(home, ".local/lib/mesg/current")
      const pointTo = (version: string) => {
        rmSync(current)
        symlinkSync(`versions/${version}`, current)
      }
      pointTo("0.2.0")
      assert.match(install(release, { home }).stderr, /version 0\.2\.0 is installed, the release is the older 0\.1\.0/)
      pointTo("0.1.0")
      chmodSync(join(home, ".local/lib/mesg/versions/0.1.0/SHA256SUMS"), 0o644)
      appendFileSync(join(home, ".local/lib/mesg/versions/0.1.0/SHA256SUMS"), "\n")
      assert.match(install(release, { home }).stderr, /version 0\.1\.0 is installed from another build/)
    })

    it("upgrades by the program itself, and takes an older one when told to", () => {
      const env = { HOME: home, PATH: commandsFolder() }
      const run = (...words: string[]) => spawnSync(program, words, { env, encoding: "utf8" })
      rmSync(join(home, ".local/lib/mesg/current"))
      symlinkSync("versions/0.2.0", join(home, ".local/lib/mesg/current"))
      const { status, stdout } = run("upgrade", "--from", release, "--allow-older")
      assert.match(stdout, /version 0\.1\.0 is installed in place of 0\.2\.0/)
      assert.equal(status, 0)
      assert.equal(
        run("upgrade", "--from", release).stdout,
        "mesg: version 0.1.0 is installed already; nothing was changed\n",
      )
    })

    it("is removed by the program itself: the data stays unless it is to go", () => {
      const env = { HOME: home, PATH: commandsFolder() }
      mkdirSync(join(home, ".local/share/mesg"), { recursive: true })
      writeFileSync(join(home, ".local/share/mesg/config.yml"), "")
      const removed = spawnSync(program, ["uninstall"], { env, encoding: "utf8" })
      assert.match(removed.stdout, /removed; the data stays in/)
      assert.deepEqual(
        filesBelow(home).filter((path) => !/^\.local(?:\/(?:lib|bin|share))?$/.test(path)),
        [".config", ".config/mesg", ".config/mesg/environment", ".local/share/mesg", ".local/share/mesg/config.yml"],
      )
      const script = [join(release, "install.sh"), "uninstall", "--user", "--purge"]
      assert.match(
        spawnSync("/bin/dash", script, { env, encoding: "utf8" }).stdout,
        /all of it is removed, with its data/,
      )
      assert.deepEqual(
        filesBelow(home).filter((path) => /mesg/.test(path)),
        [],
      )
    })
  })
})

function spoilArchives(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => each.includes(".tar.")))
    appendFileSync(join(folder, name), "x")
}
