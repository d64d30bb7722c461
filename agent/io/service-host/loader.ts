import { registerHooks } from "node:module"
import { pathToFileURL } from "node:url"
import type { ServiceModule } from "../../ports/service-author.ts"
import { codeFileOf, moduleOf } from "./service-module.ts"

const GENERATION = "mesg-generation"

/** The name under which services import the sdk: always this agent's own, so that its classes are the ones the host knows. */
const SDK = "@mesg/sdk"
const SDK_URL = new URL("../../sdk.ts", import.meta.url).href

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
  const loaded = (await import(url.href)) as { default?: unknown }
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
      if (specifier === SDK) return { url: SDK_URL, shortCircuit: true }
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
