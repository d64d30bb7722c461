import { spawnSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { build } from "esbuild"
import { builtins, buildInto } from "../bundle/recipe.mjs"
import { packLibrary } from "./library.ts"
import { type Arch, materialsFor } from "./materials.ts"
import { type Part, partsOf } from "./parts.ts"

/** What only `npm start` uses. */
const LEFT_OUT = ["start", "charger"]

/** Flags that the binary gives to Node at every start. Those of V8 are set while it runs: agent/launch.ts. */
const NODE_FLAGS = ["--disable-warning=ExperimentalWarning", "--disable-warning=DEP0169"]

/**
 * Makes the single file of an architecture: the same bytes from the same sources, wherever they lie.
 * @param file to write, e.g. dist/mesg-linux-x64
 * @returns the packages that are in it
 */
export async function buildBinary(root: string, arch: Arch, version: string, file: string): Promise<Part[]> {
  const { node, addon } = materialsFor(root, arch)
  const work = join(root, "dist", `binary-${arch}.${process.pid}`)
  const bundle = join(work, "bundle")
  mkdirSync(bundle, { recursive: true })
  try {
    const { inputs } = await buildInto(bundle, root, { version, without: LEFT_OUT })
    copyFileSync(addon, join(bundle, "lmdb.node"))
    const files = Object.fromEntries(filesBelow(bundle).map((path) => [path, readFileSync(join(bundle, path))]))
    const { contents, bytes } = packLibrary(files)
    writeFileSync(join(work, "contents.json"), JSON.stringify(contents))
    writeFileSync(join(work, "library"), bytes)
    await build({
      absWorkingDir: root,
      entryPoints: ["packaging/binary/main.ts"],
      outfile: join(work, "main.mjs"),
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node26",
      minifyWhitespace: true,
      lineLimit: 200,
      logLevel: "silent",
      plugins: [builtins],
    })
    const config = {
      main: "main.mjs",
      mainFormat: "module",
      executable: node,
      output: "binary",
      disableExperimentalSEAWarning: true,
      useCodeCache: false,
      execArgv: NODE_FLAGS,
      // NODE_OPTIONS of a shell is meant for other programs.
      execArgvExtension: "cli",
      // Node looks at each asset at every start, which maps its surroundings: two of them, not one for each file.
      assets: { "contents.json": "contents.json", library: "library" },
    }
    writeFileSync(join(work, "sea.json"), JSON.stringify(config))
    const made = spawnSync(process.execPath, ["--build-sea", "sea.json"], { cwd: work, encoding: "utf8" })
    if (made.status !== 0 || !existsSync(join(work, "binary"))) throw new Error(`node --build-sea: ${made.stderr}`)
    renameSync(join(work, "binary"), file)
    return partsOf(root, inputs)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}
