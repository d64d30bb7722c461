import { BUILT_IN_STATUSES } from "../../schema/names.ts"
import { type Catalogue, runTarget } from "./compile.ts"

/** The statuses that the manifest (or the called application's outputs) declares; empty where `run` is unknown. */
export function declaredStatuses(run: string, catalogue: Catalogue): readonly string[] {
  const target = runTarget(run)
  if ("application" in target) return Object.keys(catalogue.application(target.application)?.outputs ?? {})
  return Object.keys(catalogue.manifest(target.service)?.tasks[target.task]?.statuses ?? {})
}

/** Declared and built-in statuses. */
export function statusesOf(run: string, catalogue: Catalogue): readonly string[] {
  return [...declaredStatuses(run, catalogue), ...BUILT_IN_STATUSES]
}
