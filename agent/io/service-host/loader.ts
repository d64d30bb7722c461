import { registerHooks } from "node:module"
import { pathToFileURL } from "node:url"
import type { ServiceModule } from "../../ports/service-author.ts"
import { codeFileOf, moduleOf } from "./service-module.ts"

/** The name under which services import the sdk: always this agent's own, so that its classes are the ones the host knows. */
const SDK = "@mesg/sdk"
const SDK_URL = new URL("../../sdk.ts", import.meta.url).href

let hooked = false

/**
 * Loads the code of a service, once: Node never forgets a module, so that a service that is started again and again would
 * fill the memory. Another version lies in another folder. See docs/spec/service.md#tiers
 * @throws ServiceError SERVICE_CODE_MISSING, SERVICE_CODE_INVALID; what the code itself throws while it loads
 */
export async function loadServiceModule(folder: string): Promise<ServiceModule> {
  const file = codeFileOf(folder)
  hookOnce()
  const loaded = (await import(pathToFileURL(file).href)) as { default?: unknown }
  return moduleOf(loaded.default, file)
}

function hookOnce(): void {
  if (hooked) return
  hooked = true
  registerHooks({
    resolve: (specifier, context, nextResolve) =>
      specifier === SDK ? { url: SDK_URL, shortCircuit: true } : nextResolve(specifier, context),
  })
}
