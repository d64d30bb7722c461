import type { Catalogue } from "../../core/workflow/compile.ts"
import { runTarget } from "../../core/workflow/compile.ts"
import type { Application } from "../../schema/application.ts"

/** What an application stands on, by name: services, and public applications that it runs as tasks. */
export interface Used {
  readonly services: ReadonlySet<string>
  readonly applications: ReadonlySet<string>
}

export function usedBy({ workflows }: Application): Used {
  const services = new Set<string>()
  const applications = new Set<string>()
  for (const { trigger, tasks } of Object.values(workflows)) {
    services.add(trigger.service)
    for (const { run, wait } of Object.values(tasks)) {
      if (wait) services.add(wait.service)
      const target = runTarget(run)
      if ("service" in target) services.add(target.service)
      else applications.add(target.application)
    }
  }
  return { services, applications }
}

/** @returns what of it is not here, in order: ids of services, and `app:<name>` as in `run` */
export function missingOf({ services, applications }: Used, catalogue: Catalogue): string[] {
  return [
    ...[...services].filter((id) => catalogue.manifest(id) === undefined),
    ...[...applications].filter((name) => catalogue.application(name) === undefined).map((name) => `app:${name}`),
  ].sort()
}
