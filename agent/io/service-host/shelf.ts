import { cp, realpath, rename, rm } from "node:fs/promises"
import { basename, join } from "node:path"
import { randomBytes } from "node:crypto"
import { messageOf } from "../../base/errors.ts"
import type { ServiceShelf } from "../../ports/service-host.ts"
import { refuseLinksOut } from "./confinement.ts"
import { ServiceError } from "./service-error.ts"
import { codeFileOf } from "./service-module.ts"
import { makeFolder } from "../folder.ts"

/** Copies of added services below `<home>/plugins/`. A copy has a name of its own, so that an upgrade never mixes two versions. */
export function serviceShelf(dir: string): ServiceShelf {
  return {
    async put(folder, id) {
      codeFileOf(folder)
      await refuseLinksOut(await realpath(folder))
      const name = `${id}-${randomBytes(4).toString("hex")}`
      const copy = join(dir, name)
      const draft = `${copy}.partial`
      try {
        makeFolder(dir)
        await cp(folder, draft, {
          recursive: true,
          errorOnExist: true,
          force: false,
          // A link is copied as it stands: what it leads to is the agent's to read, not the service's.
          verbatimSymlinks: true,
          preserveTimestamps: true,
        })
        await rename(draft, copy)
      } catch (cause) {
        // The first failure is the one to tell of; the next one is at most its echo.
        await rm(draft, { recursive: true, force: true }).catch(() => undefined)
        throw new ServiceError(
          { code: "SOURCE_INVALID", folder },
          `${folder} cannot be copied to ${dir}: ${messageOf(cause)}`,
          {
            remedy: "give a folder that this user may read, and see that the home has room",
            cause,
          },
        )
      }
      return name
    },
    folderOf: (name) => join(dir, basename(name)),
    async remove(name) {
      await rm(join(dir, basename(name)), { recursive: true, force: true })
    },
  }
}
