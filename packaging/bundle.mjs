// The bundle: what a gateway runs. `dist/<hash of the sources>/` holds the agent, its parts that are loaded when they are
// needed, and the services that ship, as JavaScript; Node's TypeScript support would cost every agent 25 MB.
// Plain JavaScript without dependencies up to the build itself: run.mjs asks on Node 20 whether there is something to do.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** What the bundle is made of; each change of one makes another bundle. */
export const SOURCES = [
  "agent",
  "plugins",
  "packaging",
  "docs/examples/electric-car",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "LICENSE",
  ...["src", "locales", "icons", "examples", "package.json", "README.md"].map((name) => `nodered-nodes/${name}`),
]
/** Bundles that nobody runs and that are kept, so that going back and forth builds nothing. */
const KEPT = 2

/**
 * @param node the Node that the bundle is for: it builds, as the bundle names what its modules export
 * @returns the folder of the bundle of these sources, built where it was not there yet
 * @throws Error with what the build said
 */
export function ensureBundle(root, node = process.execPath) {
  const folder = join(root, "dist", hashOf(root))
  if (existsSync(folder)) return folder
  const built = spawnSync(node, [fileURLToPath(import.meta.url), folder], { encoding: "utf8" })
  if (built.status !== 0) throw new Error(`the bundle could not be built:\n${built.stderr || built.error?.message}`)
  forgetOthers(dirname(folder), folder)
  return folder
}

function hashOf(root) {
  const hash = createHash("sha256").update(`${process.platform}-${process.arch}\0`)
  for (const path of SOURCES.flatMap((name) => filesBelow(root, name))) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update("\0")
  }
  return hash.digest("hex").slice(0, 16)
}

function filesBelow(root, path) {
  if (!statSync(join(root, path)).isDirectory()) return [path]
  return readdirSync(join(root, path))
    .sort()
    .flatMap((name) => filesBelow(root, `${path}/${name}`))
}

/** An agent loads parts of its bundle late: a bundle stays while any process runs from it. */
function forgetOthers(dist, folder) {
  const unused = readdirSync(dist)
    .filter((name) => /^[0-9a-f]{16}(?:\.\d+)?$/.test(name))
    .map((name) => join(dist, name))
    .filter((other) => other !== folder && !isRun(other))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
  for (const old of unused.slice(KEPT)) rmSync(old, { recursive: true, force: true })
}

function isRun(folder) {
  return readdirSync("/proc").some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(`${folder}/`)
    } catch (error) {
      // It has ended meanwhile, or is none of ours.
      if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(error.code)) return false
      throw error
    }
  })
}

/** Two builds at once do not meet: each has a folder of its own until it is whole. */
async function build(folder) {
  const root = dirname(dirname(folder))
  const { buildInto } = await import("./bundle/recipe.mjs")
  const unfinished = `${folder}.${process.pid}`
  mkdirSync(unfinished, { recursive: true })
  try {
    await buildInto(unfinished, root)
    renameSync(unfinished, folder)
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true })
    // The other build was first.
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder] = process.argv.slice(2)
  if (folder !== undefined) await build(folder)
  // `npm run build`
  else console.log(ensureBundle(dirname(import.meta.dirname)))
}
