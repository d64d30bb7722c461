import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { gunzipSync, gzipSync } from "node:zlib"
import { PACKAGE_BYTES_MAX, PACKAGE_ENTRIES_MAX, PACKAGE_UNPACKED_BYTES_MAX } from "../../../../agent/base/limits.ts"
import { SourceError } from "../../../../agent/io/service-source/error.ts"
import { serviceSources } from "../../../../agent/io/service-source/sources.ts"
import { serviceFolder } from "../../../support/service-folder.ts"
import { paxRecord, type TarMember, tgz } from "../../../support/tar.ts"
import { tempDir } from "../../../support/temp-dir.ts"

const MANIFEST = { path: "package/service.yml", content: "id: thermo\nname: Thermo\nversion: 1.0.0\n" }
const CODE = { path: "package/index.js", content: "export default { tasks: {} }" }
const sri = (bytes: Uint8Array) => `sha512-${createHash("sha512").update(bytes).digest("base64")}`

/** Sources in a folder of their own, which must be empty again after every refusal and every close. */
function fresh(registry = "http://127.0.0.1:9/") {
  const dir = join(tempDir("sources"), "unpacked")
  const left = () => (existsSync(dir) ? readdirSync(dir) : [])
  return { sources: serviceSources({ dir, registry }), left }
}

function fileOf(bytes: Uint8Array): string {
  const file = join(tempDir("package"), "thermo-1.0.0.tgz")
  writeFileSync(file, bytes)
  return file
}

async function assertRefused(source: string, code: string, says: RegExp, registry?: string): Promise<void> {
  const { sources, left } = fresh(registry)
  await assert.rejects(sources.open(source), (error) => {
    assert.ok(error instanceof SourceError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, says)
    assert.ok(error.remedy)
    return true
  })
  assert.deepEqual(left(), [])
}

describe("a service that is named by a path", () => {
  it("that is a folder is taken as it is", async () => {
    const folder = serviceFolder({}, CODE.content)
    const { sources, left } = fresh()
    const opened = await sources.open(folder)
    assert.equal(opened.folder, folder)
    await opened.close()
    assert.ok(existsSync(folder))
    assert.deepEqual(left(), [])
  })

  it("that `npm pack` made is unpacked whole, and gone when it is closed", async function () {
    this.timeout(20_000)
    const deep = `lib/${"long/".repeat(30)}deep.js`
    const folder = serviceFolder({ id: "thermo" }, CODE.content, {
      "package.json": JSON.stringify({ name: "thermo", version: "1.0.0", type: "module" }),
      [deep]: "export const deep = 1",
      "lib/größe.js": "export const ü = 1",
    })
    const target = tempDir("packed")
    execFileSync("npm", ["pack", "--silent", "--pack-destination", target], { cwd: folder })
    const { sources, left } = fresh()
    const opened = await sources.open(join(target, "thermo-1.0.0.tgz"))
    for (const name of ["service.yml", "index.ts", "package.json", deep, "lib/größe.js"]) {
      assert.equal(readFileSync(join(opened.folder, name), "utf8"), readFileSync(join(folder, name), "utf8"), name)
    }
    await opened.close()
    assert.deepEqual(left(), [])
  })

  it("that tar made is unpacked too, with the right to be started and no other", async () => {
    const folder = serviceFolder({}, CODE.content, { "bin/tool": "#!/bin/sh\n" })
    execFileSync("chmod", ["6755", join(folder, "bin/tool")])
    const file = join(tempDir("packed"), "probe.tgz")
    execFileSync("tar", ["-czf", file, "-C", folder, "."])
    const { sources } = fresh()
    const { folder: unpacked, close } = await sources.open(file)
    const mode = (name: string) => statSync(join(unpacked, name)).mode
    assert.equal(mode("bin/tool") & 0o100, 0o100)
    assert.equal(mode("bin/tool") & 0o6000, 0)
    assert.equal(mode("service.yml") & 0o111, 0)
    await close()
  })

  it("may have long names as pax and as GNU write them", async () => {
    const long = `package/${"a".repeat(120)}.js`
    const file = fileOf(
      tgz([
        MANIFEST,
        { path: "PaxHeader", type: "x", content: paxRecord("path", long) },
        { path: "short", content: "pax" },
        { path: "././@LongLink", type: "L", content: `${long}x\0` },
        { path: "short", content: "gnu" },
        { path: "pax_global_header", type: "g", content: paxRecord("comment", "x") },
        { path: "package/end.js", content: "" },
      ]),
    )
    const { folder, close } = await fresh().sources.open(file)
    assert.deepEqual(
      readdirSync(folder)
        .toSorted()
        .map((name) => [name.length, readFileSync(join(folder, name), "utf8").slice(0, 3)]),
      [
        [123, "pax"],
        [124, "gnu"],
        [6, ""],
        [11, "id:"],
      ],
    )
    await close()
  })

  const hostile: { name: string; members: TarMember[]; says: RegExp }[] = [
    { name: "leads out of the folder", members: [{ path: "package/../../evil", content: "x" }], says: /no path below/ },
    { name: "is absolute", members: [{ path: "/etc/evil", content: "x" }], says: /no path below/ },
    { name: "leads out behind a dot", members: [{ path: "./../evil", content: "x" }], says: /no path below/ },
    { name: "has a backslash", members: [{ path: "..\\evil", content: "x" }], says: /no path below/ },
    {
      name: "leads out by a long name",
      members: [
        { path: "p", type: "x", content: paxRecord("path", "package/../../evil") },
        { path: "short", content: "x" },
      ],
      says: /no path below/,
    },
    {
      name: "is a symbolic link",
      members: [{ path: "package/l", type: "2", link: "/etc/passwd" }],
      says: /package\/l is neither a file nor a folder/,
    },
    {
      name: "is a hard link",
      members: [{ path: "package/l", type: "1", link: "/etc/passwd" }],
      says: /neither a file/,
    },
    { name: "is a device", members: [{ path: "package/null", type: "3" }], says: /neither a file/ },
    { name: "comes twice", members: [MANIFEST, MANIFEST], says: /EEXIST/ },
    {
      name: "is a file and a folder",
      members: [
        { path: "package/a", content: "x" },
        { path: "package/a/b", content: "x" },
      ],
      says: /EEXIST|ENOTDIR/,
    },
    {
      name: "has a name without end",
      members: [{ path: "p", type: "x", content: "x", bytes: 65_537 }],
      says: /takes more than 65536 bytes/,
    },
    {
      name: "is longer than the archive",
      members: [{ path: "package/a", content: "x", bytes: 4096 }],
      says: /Truncated/,
    },
  ]
  for (const { name, members, says } of hostile) {
    it(`is refused where one of its members ${name}`, async () => {
      await assertRefused(fileOf(tgz(members, { ends: false })), "PACKAGE_INVALID", says)
    })
  }

  it("is refused where it is no archive", async () => {
    await assertRefused(fileOf(Buffer.from("hello")), "PACKAGE_INVALID", /header/)
    await assertRefused(fileOf(gzipSync("x".repeat(2000))), "PACKAGE_INVALID", /number|checksum/)
    await assertRefused(fileOf(tgz([MANIFEST]).subarray(0, 60)), "PACKAGE_INVALID", /end of file/)
    await assertRefused(fileOf(gzipSync(tgz([MANIFEST]))), "PACKAGE_INVALID", /ratio/)
    await assertRefused(join(tempDir("none"), "x.tgz"), "SOURCE_NOT_FOUND", /neither a folder nor a file/)
  })

  it("is refused where a few bytes unfold to too many, in one file, in many names or in many files", async function () {
    this.timeout(20_000)
    const large = Buffer.alloc(PACKAGE_UNPACKED_BYTES_MAX)
    const bomb = tgz([{ path: "package/large", content: large }])
    assert.ok(bomb.length < PACKAGE_BYTES_MAX / 100)
    await assertRefused(fileOf(bomb), "PACKAGE_TOO_LARGE", /bytes when unpacked/)
    const names = tgz(Array(1100).fill({ path: "p", type: "g", content: Buffer.alloc(65_536, "x") }))
    await assertRefused(fileOf(names), "PACKAGE_TOO_LARGE", /bytes when unpacked/)
    const many = tgz(Array.from({ length: PACKAGE_ENTRIES_MAX + 1 }, () => ({ path: "package", type: "5" })))
    await assertRefused(fileOf(many), "PACKAGE_TOO_LARGE", /more than 10000 files/)
  })

  it("with more behind its end is taken up to there", async () => {
    const file = fileOf(gzipSync(Buffer.concat([gunzipSync(tgz([MANIFEST, CODE])), Buffer.alloc(32 * 2 ** 20)])))
    const { folder, close } = await fresh().sources.open(file)
    assert.deepEqual(readdirSync(folder).toSorted(), ["index.js", "service.yml"])
    await close()
  })

  it("is refused where it needs packages that it does not bring", async () => {
    const needs = { path: "package/package.json", content: `{"dependencies":{"@mesg/sdk":"1","left":"1","right":"1"}}` }
    const brings = { path: "package/node_modules/left/index.js", content: "" }
    await assertRefused(fileOf(tgz([MANIFEST, needs, brings])), "PACKAGE_INVALID", /needs right and does not bring it/)
  })
})

/** A registry and a web server on loopback. */
class Shop {
  readonly #server: Server
  readonly asked: string[] = []
  answers: Record<string, { status?: number; headers?: Record<string, string>; body?: Uint8Array | string }> = {}

  constructor() {
    this.#server = createServer((request: IncomingMessage, response) => {
      this.asked.push(`${request.url}`)
      const { status = 200, headers = {}, body = "" } = this.answers[request.url ?? ""] ?? { status: 404 }
      response.writeHead(status, headers).end(body)
    })
  }

  async open(): Promise<string> {
    this.#server.listen(0, "127.0.0.1")
    await once(this.#server, "listening")
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  /** Publishes a package as a registry does. */
  publish(name: string, tarball: Uint8Array, integrity = sri(tarball)): void {
    const version = { dist: { tarball: "/files/p.tgz", integrity } }
    const packument = {
      "dist-tags": { latest: "1.0.0", beta: "2.0.0" },
      versions: { "1.0.0": version, "2.0.0": version },
    }
    this.answers[`/${name.replace("/", "%2f")}`] = { body: JSON.stringify(packument) }
    this.answers["/files/p.tgz"] = { body: tarball }
  }
}

describe("a service that is named by what is elsewhere", () => {
  const packed = tgz([MANIFEST, CODE])
  let shop: Shop
  let base: string
  beforeEach(async () => {
    shop = new Shop()
    base = await shop.open()
  })
  afterEach(() => shop.close())

  for (const name of ["thermo", "@acme/thermo", "thermo@1.0.0", "@acme/thermo@beta"]) {
    it(`as npm:${name} is looked up in the registry, downloaded, checked and unpacked`, async () => {
      shop.publish(name.replace(/(.)@.*/, "$1"), packed)
      const { sources, left } = fresh(base)
      const { folder, close } = await sources.open(`npm:${name}`)
      assert.equal(readFileSync(join(folder, "service.yml"), "utf8"), MANIFEST.content)
      await close()
      assert.deepEqual(left(), [])
      assert.equal(shop.asked.length, 2)
    })
  }

  it("is refused where its bytes are not those that the registry promised, or it promises nothing strong", async () => {
    shop.publish("thermo", packed, sri(Buffer.from("other")))
    await assertRefused("npm:thermo", "PACKAGE_ALTERED", /its hash differs/, base)
    for (const weak of ["", "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "sha512-AAAA", "sha256-"]) {
      shop.publish("thermo", packed, weak)
      await assertRefused("npm:thermo", "PACKAGE_INVALID", /promises nothing/, base)
    }
  })

  for (const { mib, code, says } of [
    { mib: 60, code: "PACKAGE_INVALID", says: /Unrecognized archive format/ },
    { mib: 70, code: "PACKAGE_TOO_LARGE", says: /bytes when unpacked/ },
    { mib: 100, code: "PACKAGE_TOO_LARGE", says: /bytes when unpacked/ },
  ]) {
    it(`is refused in seconds where it unfolds to ${mib} MiB of nothing, wherever it comes from`, async function () {
      this.timeout(15_000)
      const nothing = gzipSync(Buffer.alloc(mib * 2 ** 20), { level: 1 })
      shop.publish("thermo", nothing)
      for (const source of [fileOf(nothing), `${base}files/p.tgz`, "npm:thermo"]) {
        await assertRefused(source, code, says, base)
      }
    })
  }

  it("is refused where the registry has no such package, version or document", async () => {
    await assertRefused("npm:nosuch", "PACKAGE_NOT_FOUND", /nothing of this name/, base)
    shop.publish("thermo", packed)
    for (const version of ["3.0.0", "nightly", "constructor", "^1.0.0"]) {
      await assertRefused(`npm:thermo@${version}`, "PACKAGE_NOT_FOUND", /neither a version nor a tag/, base)
    }
    for (const body of ["<html>", "{}", `{"versions":{"1.0.0":{"dist":{}}}}`]) {
      shop.answers["/thermo"] = { body }
      await assertRefused("npm:thermo", "PACKAGE_INVALID", /no registry's/, base)
    }
    shop.publish("thermo", packed)
    shop.answers["/thermo"] = {
      body: JSON.stringify({
        versions: { "1.0.0": { dist: { tarball: "file:///etc/passwd", integrity: sri(packed) } } },
      }),
    }
    await assertRefused("npm:thermo@1.0.0", "PACKAGE_INVALID", /no address/, base)
  })

  it("as an address is downloaded, over a few redirects", async () => {
    shop.answers["/a"] = { status: 302, headers: { location: "/b" } }
    shop.answers["/b"] = { status: 301, headers: { location: `${base}thermo.tgz` } }
    shop.answers["/thermo.tgz"] = { body: packed }
    const { folder, close } = await fresh().sources.open(`${base}a`)
    assert.equal(readFileSync(join(folder, "index.js"), "utf8"), CODE.content)
    await close()
  })

  it("as an address may say which bytes it means", async () => {
    shop.answers["/thermo.tgz"] = { body: packed }
    const { close } = await fresh().sources.open(`${base}thermo.tgz#${encodeURIComponent(sri(packed))}`)
    await close()
    await assertRefused(`${base}thermo.tgz#${sri(Buffer.from("other"))}`, "PACKAGE_ALTERED", /hash differs/)
    await assertRefused(`${base}thermo.tgz#md5-x`, "PACKAGE_INVALID", /no hash/)
  })

  it("is refused where the other side gives too much, nothing, an error, or leads astray", async function () {
    this.timeout(20_000)
    shop.answers["/large"] = { body: Buffer.alloc(PACKAGE_BYTES_MAX + 1) }
    await assertRefused(`${base}large`, "PACKAGE_TOO_LARGE", /more than \d+ bytes/)
    await assertRefused(`${base}none`, "PACKAGE_NOT_FOUND", /nothing of this name/)
    shop.answers["/ill"] = { status: 500 }
    await assertRefused(`${base}ill`, "DOWNLOAD_FAILED", /answered 500/)
    shop.answers["/round"] = { status: 302, headers: { location: "/round" } }
    await assertRefused(`${base}round`, "DOWNLOAD_FAILED", /more than 5 times/)
    shop.answers["/file"] = { status: 302, headers: { location: "file:///etc/passwd" } }
    await assertRefused(`${base}file`, "DOWNLOAD_FAILED", /leads to file:/)
    shop.close()
    await assertRefused(`${base}gone`, "DOWNLOAD_FAILED", /ECONNREFUSED/)
  })

  it("is no other kind of address, and holds no password", async () => {
    for (const source of ["ftp://x/y.tgz", "file:///etc/passwd", "npm:../../etc", "npm:", "thermo"]) {
      await assertRefused(source, "PACKAGE_INVALID", /no path, no http/)
    }
    const { sources } = fresh()
    await assert.rejects(sources.open("https://me:canary@host/x.tgz"), (error: Error) => !/canary/.test(error.message))
  })
})
