import { existsSync } from "node:fs"
import { registerHooks } from "node:module"
import { join } from "node:path"
import { isSea } from "node:sea"
import { pathToFileURL } from "node:url"
import vm from "node:vm"
import { messageOf } from "../../base/errors.ts"
import type { ServiceModule } from "../../ports/service-author.ts"
import type { Manifest } from "../../schema/manifest.ts"
import { ServiceError } from "./service-error.ts"

const INDEX_FILES = ["index.ts", "index.js", "index.mjs"]
const GENERATION = "mesg-generation"

type ImportModule = (url: string) => Promise<{ default?: unknown }>

/**
 * `import()` as the main program would do it. A plain `import()` of a file fails inside a single-executable
 * application; one made through vm with the default loader does not.
 */
const importModule: ImportModule = isSea()
  ? vm.runInThisContext("(url) => import(url)", {
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    })
  : (url) => import(url)

/** @returns the path of the service's code @throws ServiceError SERVICE_CODE_MISSING */
export function codeFileOf(folder: string): string {
  const file = INDEX_FILES.map((name) => join(folder, name)).find((path) => existsSync(path))
  if (file !== undefined) return file
  throw new ServiceError({ code: "SERVICE_CODE_MISSING", folder }, `${folder} has no ${INDEX_FILES.join(", ")}`, {
    remedy: "put the service's code into index.ts or index.js, as in docs/guides/write-a-service.md",
  })
}

let generation = 0
let hooked = false

/**
 * Loads the code of a service anew, with every module of its own folder: a changed file takes effect without a restart.
 * What was loaded before stays in memory until the program ends, as Node never forgets a module.
 * @throws ServiceError SERVICE_CODE_MISSING, SERVICE_CODE_INVALID; what the code itself throws while it loads
 */
export async function loadServiceModule(folder: string): Promise<ServiceModule> {
  const file = codeFileOf(folder)
  hookOnce()
  const url = pathToFileURL(file)
  generation += 1
  url.searchParams.set(GENERATION, `${generation}-${url.pathname.split("/").length}`)
  const loaded = await importModule(url.href)
  return moduleOf(loaded.default, file)
}

/**
 * Hands the mark of a load on to the modules that the marked one imports from the service's folder. The mark is the
 * number of the load and the count of parts in the path of the service's code, which tells the folder.
 */
function hookOnce(): void {
  if (hooked) return
  hooked = true
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context)
      if (!specifier.startsWith(".") || context.parentURL?.includes(GENERATION) !== true) return resolved
      const parent = new URL(context.parentURL)
      const mark = parent.searchParams.get(GENERATION)
      const parts = Number(mark?.split("-")[1])
      const url = new URL(resolved.url)
      const folderOf = (path: string) => path.split("/", parts - 1).join("/")
      if (mark === null || url.protocol !== "file:" || folderOf(url.pathname) !== folderOf(parent.pathname))
        return resolved
      url.searchParams.set(GENERATION, mark)
      return { ...resolved, url: url.href }
    },
  })
}

/** @throws ServiceError SERVICE_CODE_INVALID where the default export is no service */
export function moduleOf(value: unknown, file: string): ServiceModule {
  const refuse = (what: string) =>
    new ServiceError({ code: "SERVICE_CODE_INVALID", file }, `${file}: ${what}`, {
      remedy:
        "export default { start?, stop?, tasks: { name(inputs, ctx) {…} } }, as in docs/guides/write-a-service.md",
    })
  if (typeof value !== "object" || value === null) throw refuse("the default export is no service")
  const members = value as Record<string, unknown>
  for (const hook of ["start", "stop"]) {
    if (members[hook] !== undefined && typeof members[hook] !== "function") throw refuse(`\`${hook}\` is no function`)
  }
  for (const group of ["tasks", "verify", "recover"]) {
    const handlers = members[group] ?? {}
    if (typeof handlers !== "object") throw refuse(`\`${group}\` is no object of functions`)
    for (const [name, handler] of Object.entries(handlers)) {
      if (typeof handler !== "function") throw refuse(`\`${group}.${name}\` is no function`)
    }
  }
  return value as ServiceModule
}

/** Tasks of the code and of the manifest must be the same, and verify and recover belong to them. @throws ServiceError SERVICE_CODE_INVALID */
export function checkHandlers(
  names: { tasks: readonly string[]; verify: readonly string[]; recover: readonly string[] },
  manifest: Pick<Manifest, "id" | "tasks">,
  file: string,
): void {
  const declared = Object.keys(manifest.tasks)
  const missing = declared.filter((task) => !names.tasks.includes(task))
  const problems = [
    ...missing.map((task) => `service.yml declares the task \`${task}\`, but \`tasks\` has no function of that name`),
    ...(["tasks", "verify", "recover"] as const).flatMap((group) =>
      names[group]
        .filter((task) => !declared.includes(task))
        .map((task) => `\`${group}.${task}\` belongs to no task of service.yml`),
    ),
  ]
  if (problems.length === 0) return
  throw new ServiceError({ code: "SERVICE_CODE_INVALID", file }, `${file}: ${problems.join("; ")}`, {
    remedy: "make the names under `tasks` in the code and in service.yml the same",
  })
}

/** What the code's own failure to load is called. */
export function loadFailure(service: string, folder: string, cause: unknown): ServiceError {
  if (cause instanceof ServiceError) return cause
  return new ServiceError(
    { code: "START_FAILED", service },
    `${service}: its code does not load: ${messageOf(cause)}`,
    {
      cause,
      remedy: `correct the code in ${folder}; \`mesg service test ${folder}\` shows the same error`,
    },
  )
}
