// How esbuild makes the bundle. See docs/adr/008-what-runs-is-a-bundle.md.
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire, isBuiltin } from "node:module"
import { dirname, join, relative } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { build } from "esbuild"
import { buildNodeRedPackage } from "../nodered.mjs"

/** Files that are started or loaded by their name, by the name that they have in the bundle. */
const ENTRIES = {
  mesg: "agent/main.ts",
  start: "packaging/start.ts",
  charger: "docs/examples/electric-car/charger.ts",
  sdk: "agent/sdk.ts",
  evaluator: "agent/io/expressions/evaluator-thread.ts",
  "check-store": "agent/io/store/check-child.ts",
  confined: "agent/io/service-host/child/boot.mjs",
}
/** Files and folders that are read where they lie, and where that is in the bundle. */
const PLACES = {
  "agent/": "./",
  "plugins/": "./plugins/",
  "package.json": "./package.json",
  "node_modules/.cache/mesg": "./.cache",
  "agent/io/service-host/author/templates/": "./templates/",
  "nodered-nodes/dist/": "./node-red/",
}

/**
 * @param folder of the bundle, beside which the root's node_modules and docs are found
 * @param options.version of what is built; that of package.json if left out
 * @param options.without entries that are left out
 * @returns the paths of all that was bundled
 */
export async function buildInto(folder, root, { version: asked, without = [] } = {}) {
  const entries = Object.fromEntries(Object.entries(ENTRIES).filter(([name]) => !without.includes(name)))
  const services = readdirSync(join(root, "plugins")).filter((name) =>
    existsSync(join(root, "plugins", name, "service.yml")),
  )
  const plugins = Object.fromEntries(services.map((name) => [`plugins/${name}/index`, `plugins/${name}/index.ts`]))
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { ...entries, ...plugins },
    outdir: folder,
    chunkNames: "part-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node26",
    // Names stay, for stack traces; lines stay short, for the journal that prints one with an error.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 200,
    legalComments: "linked",
    // What packages of CommonJS require of Node.
    banner: { js: 'import{createRequire as requireOf}from"node:module";const require=requireOf(import.meta.url);' },
    logLevel: "silent",
    metafile: true,
    // node_modules may be a link to another place: the bytes are the same all the same.
    preserveSymlinks: true,
    plugins: [places(root), builtins, addonOfLmdb(root, folder), withoutExtractors],
  })
  const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version: asked ?? version, type: "module" }))
  for (const service of services) {
    for (const file of ["service.yml", "README.md"]) {
      cpSync(join(root, "plugins", service, file), join(folder, "plugins", service, file))
    }
  }
  await buildNodeRedPackage(join(folder, "node-red"))
  cpSync(join(root, "agent/io/service-host/author/templates"), join(folder, "templates"), { recursive: true })
  return { inputs: Object.keys(metafile.inputs) }
}

/** `new URL("…", import.meta.url)` names a file of the sources: in the bundle it names what became of that file. */
function places(root) {
  return {
    name: "places",
    setup({ onLoad, initialOptions: { entryPoints } }) {
      const names = Object.fromEntries(Object.entries(entryPoints).map(([name, file]) => [file, `./${name}.js`]))
      onLoad({ filter: /\/(agent|packaging|docs)\/.*\.m?[jt]s$/ }, ({ path }) => {
        if (!path.startsWith(`${root}/`) || path.includes("/node_modules/")) return undefined
        const contents = readFileSync(path, "utf8").replaceAll(
          /new URL\("([^"]+)", import\.meta\.url\)/g,
          (_, name) => {
            const file =
              relative(root, fileURLToPath(new URL(name, pathToFileURL(path)))) + (name.endsWith("/") ? "/" : "")
            // All code that names files lies flat in the bundle, two folders below the root.
            const there = names[file] ?? PLACES[file] ?? `../../${file}`
            return `new URL(${JSON.stringify(there)}, import.meta.url)`
          },
        )
        if (/import\.meta\.(dirname|filename)/.test(contents)) {
          throw new Error(`${path}: only new URL("…", import.meta.url) is understood by the bundle`)
        }
        return { contents, loader: path.endsWith("ts") ? "ts" : "js" }
      })
    },
  }
}

/**
 * Imports of Node's modules become properties of them. The namespace that `import` makes of one reads every property,
 * and some are there to load on demand: `import "node:http"` alone loads all of fetch, 15 MB.
 */
export const builtins = {
  name: "builtins",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z_:/0-9]+$/ }, ({ path, kind }) => {
      if (!isBuiltin(path) || (kind !== "import-statement" && kind !== "dynamic-import")) return undefined
      const suffix = kind === "dynamic-import" ? "?whole" : ""
      return { path: path.replace(/^node:/, ""), suffix, namespace: "builtin", sideEffects: false }
    })
    onLoad({ filter: /./, namespace: "builtin" }, ({ path, suffix }) => {
      const module = process.getBuiltinModule(`node:${path}`)
      // Of an import() all names are there, so those that load something are left out of it.
      const isWanted = (name) =>
        /^[A-Za-z_$][\w$]*$/.test(name) &&
        name !== "default" &&
        (suffix === "" || Object.getOwnPropertyDescriptor(module, name).get === undefined)
      const lines = Object.keys(module)
        .filter(isWanted)
        .map((name) => `export const ${name} = /* @__PURE__ */ (() => module.${name})()`)
      const get = `const module = /* @__PURE__ */ process.getBuiltinModule("node:${path}")`
      return { contents: [get, "export default module", ...lines].join("\n"), loader: "js" }
    })
  },
}

/** Addons that cbor-x and msgpackr would use where they are installed; their own JavaScript does the same. */
const withoutExtractors = {
  name: "without-extractors",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:cbor|msgpackr)-extract$/ }, () => ({ path: "extractor", namespace: "none" }))
    onLoad({ filter: /./, namespace: "none" }, () => ({ contents: "module.exports = null", loader: "js" }))
  },
}

/** lmdb looks for its addon in node_modules; in the bundle it lies beside the code. */
function addonOfLmdb(root, folder) {
  return {
    name: "addon-of-lmdb",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^node-gyp-build-optional-packages$/ }, () => ({ path: "addon", namespace: "addon" }))
      onLoad({ filter: /./, namespace: "addon" }, () => {
        const lmdb = createRequire(join(root, "package.json")).resolve("lmdb")
        const finder = createRequire(lmdb)("node-gyp-build-optional-packages")
        cpSync(finder.path(dirname(dirname(lmdb))), join(folder, "lmdb.node"))
        const load = [
          'import { fileURLToPath } from "node:url"',
          "const module = { exports: {} }",
          'process.dlopen(module, fileURLToPath(new URL("./lmdb.node", import.meta.url)))',
          "export default () => module.exports",
        ]
        return { contents: load.join("\n"), loader: "js" }
      })
    },
  }
}
