import { execFileSync } from "node:child_process"
import { createHash, type KeyObject } from "node:crypto"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { clearSigned, publicBlock } from "./openpgp.ts"
import { RELEASE_TIME_S } from "./tree.ts"

/** What a client names in `signed-by`. */
const KEY_FILE = "mesg.asc"

/**
 * Makes an apt repository of the Debian packages in a folder, a flat one: its index, the signed description of the index,
 * and the public key, beside them. It is described in docs/guides/apt-repository.md.
 * @param key that of the release
 * @param atS seconds since epoch: apt takes no description that is older than the one it has
 */
export function writeAptRepository(folder: string, key: KeyObject, atS: number): void {
  const packages = readdirSync(folder).filter((name) => name.endsWith(".deb"))
  const index = Buffer.from(
    packages
      .sort()
      .map((name) => entryOf(folder, name))
      .join("\n"),
  )
  const architectures = packages.map((name) => /_([a-z0-9]+)\.deb$/.exec(name)![1])
  const description = `Origin: MESG Edge
Label: MESG Edge
Suite: stable
Date: ${new Date(atS * 1000).toUTCString().replace("GMT", "UTC")}
Architectures: ${architectures.join(" ")}
SHA256:
 ${sha256(index)} ${index.length} Packages
`
  // When it was made is a part of the key: the same for every release.
  const pgp = { key, createdS: RELEASE_TIME_S, owner: "MESG Edge releases" }
  writeFileSync(join(folder, "Packages"), index)
  writeFileSync(join(folder, "InRelease"), clearSigned(pgp, description, atS))
  writeFileSync(join(folder, KEY_FILE), publicBlock(pgp))
}

function entryOf(folder: string, name: string): string {
  const bytes = readFileSync(join(folder, name))
  const control = execFileSync("dpkg-deb", ["--field", join(folder, name)], { encoding: "utf8" })
  return `${control}Filename: ./${name}\nSize: ${bytes.length}\nSHA256: ${sha256(bytes)}\n`
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex")
}
