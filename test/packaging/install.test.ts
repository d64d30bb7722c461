import assert from "node:assert/strict"
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { delimiter, dirname, join } from "node:path"
import { promisify } from "node:util"
import { releaseKey, seal } from "../../packaging/release/signature.ts"
import { scaled } from "../support/scale.ts"
import { ROOT } from "../support/sources.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const SCRIPT = join(ROOT, "install.sh")
/** All that the script needs of a system; each is there in a Debian of the smallest variant but openssl. */
const TOOLS = (
  "awk basename cat chmod cmp cp cut df dirname du find flock getconf grep gzip head id ldconfig ln mkdir mktemp mv openssl printf " +
  "readlink rm sed sh sha256sum sleep sort sync tar timeout touch uname xz"
).split(" ")

interface Attempt {
  readonly home: string
  /** For the whole machine, not for one user. */
  readonly system?: boolean
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

/** The words of an attempt, and what surrounds it. */
function attempted(release: string, { home, system = false, args = [], env = {}, commands }: Attempt) {
  const words = [join(release, "install.sh"), ...(system ? [] : ["--user"]), "--from", release, ...args]
  return { words, options: { env: { HOME: home, PATH: commandsFolder(commands), ...env }, timeout: 60_000 } }
}

function install(release: string, attempt: Attempt) {
  const { words, options } = attempted(release, attempt)
  const { status, stdout, stderr } = spawnSync("/bin/dash", words, { ...options, encoding: "utf8" })
  return { status, stdout, stderr }
}

const run = promisify(execFile)

/** How far apart the script is cut, bytes. */
const STRIDE = scaled(100, 1)

const filesBelow = (folder: string) => readdirSync(folder, { recursive: true }).map(String).sort()
const MACHINE = (machine: string) => ({ uname: `case $1 in -s) echo Linux ;; *) echo ${machine} ;; esac` })

describe("install.sh", function () {
  this.timeout(300_000)
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
    const words = [join(ROOT, "packaging/release.ts"), "x64", "arm64", "--version", "0.1.0", "--folder", release]
    execFileSync(process.execPath, words, { env, stdio: "pipe" })
  })

  it("is understood by dash, and shellcheck finds nothing to say about it and what tests it", () => {
    execFileSync("dash", ["-n", SCRIPT])
    const others = ["test/packaging/systemd/inside.sh", ".ci/run"].map((path) => join(ROOT, path))
    assert.equal(spawnSync("shellcheck", [SCRIPT, ...others], { encoding: "utf8" }).stdout, "")
  })

  it("comes with Debian packages for both architectures that lintian has nothing to say about", async () => {
    const files = ["amd64", "arm64"].map((arch) => join(release, `mesg-edge_0.1.0_${arch}.deb`))
    const lint = (file: string) => run("lintian", ["--allow-root", "--fail-on", "error,warning", file])
    for (const { stdout } of await Promise.all(files.map(lint))) assert.equal(stdout, "")
    for (const file of files) {
      // Debian's util-linux has a mesg of its own: nothing of ours may be in its places.
      const listed = execFileSync("dpkg-deb", ["--contents", file], { encoding: "utf8" })
      assert.match(listed, /usr\/bin\/mesg-edge$/m)
      assert.doesNotMatch(listed, /usr\/bin\/mesg$|man1\/mesg\.1/m)
    }
    const tree = tempDir("tree")
    execFileSync("dpkg-deb", ["--extract", files[0]!, tree])
    const completion = join(tree, "usr/share/bash-completion/completions/mesg-edge")
    const words = ["-c", '. "$1" && complete -p mesg-edge && type -t _mesg_edge', "bash", completion]
    assert.match(execFileSync("bash", words, { encoding: "utf8" }), /-F _mesg_edge mesg-edge\nfunction\n$/)
    const control = tempDir("control")
    execFileSync("dpkg-deb", ["--control", files[0]!, control])
    const scripts = ["preinst", "postinst", "prerm", "postrm"].map((name) => join(control, name))
    assert.equal(spawnSync("shellcheck", scripts, { encoding: "utf8" }).stdout, "")
  })

  it("does nothing when it was cut, wherever that was", function () {
    this.timeout(scaled(300_000, 1_800_000))
    const text = readFileSync(join(release, "install.sh"))
    const end = text.lastIndexOf("}")
    const cuts = new Set<number>()
    for (let at = 0; at < end; at++) {
      const isWord = text[at] === 10 || text[at] === 32
      // Every end of a line, every byte of the last lines, and some in between words; at full scale every byte.
      if (text[at] === 10 || at > end - 200 || (isWord && at % 5 === 0) || at % STRIDE === 0) cuts.add(at)
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

  it("does not install while another one does, and leaves that one alone", async () => {
    const home = tempDir("home")
    const here = join(home, "here")
    const go = join(home, "go")
    const waiting = `touch '${here}'; until [ -e '${go}' ]; do sleep 0.1; done; exec /bin/tar "$@"`
    const { words, options } = attempted(release, { home, env: ports, commands: { tar: waiting } })
    const first = spawn("/bin/dash", words, { ...options, stdio: "ignore" })
    const ended = once(first, "exit")
    await until(() => existsSync(here), 60_000, "the first one is at work")
    const second = install(release, { home, env: ports })
    assert.equal(second.stderr, "mesg: another install.sh is at work here: nothing was changed\n")
    assert.equal(second.status, 1)
    writeFileSync(go, "")
    assert.deepEqual(await ended, [0, null])
    assert.ok(existsSync(join(home, ".local/bin/mesg")))
  })

  for (const [what, commands] of [
    ["a step fails", { ln: `case "$*" in *current.new) exit 1 ;; esac; exec /bin/ln "$@"` }],
    ["it is interrupted", { ln: `case "$*" in *current.new) kill -INT $PPID ;; esac; exec /bin/ln "$@"` }],
  ] as const) {
    it(`takes away again what it has begun, when ${what}`, () => {
      const home = tempDir("home")
      const { status, stderr } = install(release, { home, env: ports, commands })
      assert.equal(stderr, "mesg: what was begun was removed again: nothing is installed\n")
      assert.notEqual(status, 0)
      assert.deepEqual(
        filesBelow(home).filter((path) => !/^\.local(?:\/(?:lib|bin))?$/.test(path)),
        [],
      )
    })
  }

  it("keeps the version that is there when an upgrade is interrupted, and takes what was cut away at the next", () => {
    const home = tempDir("home")
    const lib = join(home, ".local/lib/mesg")
    assert.equal(install(release, { home, env: ports }).status, 0)
    renameSync(join(lib, "versions/0.1.0"), join(lib, "versions/0.0.9"))
    rmSync(join(lib, "current"))
    symlinkSync("versions/0.0.9", join(lib, "current"))
    writeFileSync(join(lib, "versions/0.0.9/SHA256SUMS"), "")
    const before = filesBelow(home)
    const commands = { mv: `case "$*" in *current.new*) kill -TERM $PPID; esac; exec /bin/mv "$@"` }
    const { status, stderr } = install(release, { home, env: ports, commands })
    assert.equal(stderr, "mesg: version 0.0.9 stays\n")
    assert.equal(status, 143)
    assert.deepEqual(filesBelow(home), before)
    mkdirSync(join(lib, "new.abcdef"))
    assert.match(install(release, { home, env: ports }).stdout, /version 0\.1\.0 is installed in place of 0\.0\.9/)
    assert.ok(!existsSync(join(lib, "new.abcdef")))
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

    it("installs a program that runs, and keeps what was set for it before", () => {
      const environment = join(home, ".config/mesg/environment")
      mkdirSync(dirname(environment), { recursive: true })
      writeFileSync(environment, "MESG_LOG_LEVEL=warn", { mode: 0o600 })
      const { status, stdout, stderr } = install(release, { home, env: ports })
      assert.equal(stderr, "")
      assert.equal(status, 0)
      assert.match(stdout, /version 0\.1\.0 is installed; start it with:/)
      assert.equal(execFileSync(program, ["--version"], { encoding: "utf8", env: { HOME: home } }), "0.1.0\n")
      assert.deepEqual(readdirSync(home).sort(), [".config", ".local"])
      assert.equal(
        readFileSync(environment, "utf8"),
        "MESG_LOG_LEVEL=warn\nMESG_MQTT_PORT=18839\nMESG_HTTP_PORT=63749\n",
      )
      assert.equal(statSync(environment).mode & 0o777, 0o600)
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
