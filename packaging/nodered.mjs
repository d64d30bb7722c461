// The Node-RED package: `nodered-nodes/dist` holds what `npm publish` sends, as JavaScript that any Node-RED can load.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const SOURCE = join(ROOT, "nodered-nodes")

/** What is built names its sources: the same from wherever it is built, and wherever its packages really lie. */
const NAMED_ALIKE = { absWorkingDir: ROOT, preserveSymlinks: true }

/** @param folder where the package is put; what was there is removed */
export async function buildNodeRedPackage(folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const forNode = {
    ...NAMED_ALIKE,
    bundle: true,
    platform: "node",
    target: "node22",
    format: "cjs",
    logLevel: "error",
  }
  await build({
    ...forNode,
    entryPoints: [join(SOURCE, "src/runtime/index.ts")],
    outfile: join(folder, "mesg.js"),
    // Node-RED calls what the module is.
    footer: { js: "module.exports = module.exports.mesg;" },
  })
  // What the settings of a Node-RED that an agent runs are made by.
  await build({ ...forNode, entryPoints: [join(SOURCE, "src/host/settings.ts")], outfile: join(folder, "host.js") })
  const { outputFiles } = await build({
    entryPoints: [join(SOURCE, "src/editor/index.ts")],
    ...NAMED_ALIKE,
    bundle: true,
    write: false,
    target: "es2022",
    format: "iife",
    logLevel: "error",
  })
  const html = [
    `<style>\n${readFileSync(join(SOURCE, "src/editor/style.css"), "utf8")}</style>`,
    await staticForms(),
    `<script type="text/javascript">\n${outputFiles[0].text}</script>`,
  ]
  writeFileSync(join(folder, "mesg.html"), `${html.join("\n")}\n`)
  for (const name of ["locales", "icons", "examples", "README.md"]) {
    cpSync(join(SOURCE, name), join(folder, name), { recursive: true })
  }
  cpSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"))
  // The sources are ES modules; what is built of them is none.
  const { type: _, ...manifest } = JSON.parse(readFileSync(join(SOURCE, "package.json"), "utf8"))
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`)
}

/** The dialogs of the nodes that are always there, from the same pieces as those of the generated ones. */
async function staticForms() {
  const { outputFiles } = await build({
    entryPoints: [join(SOURCE, "src/editor/static-forms.ts")],
    ...NAMED_ALIKE,
    bundle: true,
    write: false,
    platform: "neutral",
    format: "esm",
    logLevel: "error",
  })
  const { STATIC_FORMS } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`)
  return Object.entries(STATIC_FORMS)
    .map(([type, form]) => `<script type="text/html" data-template-name="${type}">${form}\n</script>`)
    .join("\n")
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = join(SOURCE, "dist")
  await buildNodeRedPackage(folder)
  process.stdout.write(`${folder}\n`)
}
