import { existsSync } from "node:fs"
import { join } from "node:path"
import { messageOf } from "../../base/errors.ts"
import type { ServiceModule } from "../../ports/service-author.ts"
import type { Manifest } from "../../schema/manifest.ts"
import { ServiceError } from "./service-error.ts"

const INDEX_FILES = ["index.ts", "index.js", "index.mjs"]
/** Programs that run on their own and register over MQTT. With `--execute TASK` they take inputs on stdin and print one answer. */
const PROGRAMS = ["service.py", "service.sh"]
const GUIDE = "docs/guides/write-a-service.md"

/** @returns the path of the code that the agent runs itself @throws ServiceError SERVICE_CODE_MISSING */
export function codeFileOf(folder: string): string {
  const { kind, file } = codeOfFolder(folder)
  if (kind === "module") return file
  throw new ServiceError(
    { code: "SERVICE_CODE_MISSING", folder },
    `${file} is a program of its own: the agent does not run it`,
    { remedy: `start it on any machine: it registers over MQTT and is then in \`mesg service list\`; see ${GUIDE}` },
  )
}

/** @returns what the service is written as @throws ServiceError SERVICE_CODE_MISSING */
export function codeOfFolder(folder: string): { readonly kind: "module" | "program"; readonly file: string } {
  const find = (names: readonly string[]) => names.map((name) => join(folder, name)).find((path) => existsSync(path))
  const module = find(INDEX_FILES)
  if (module !== undefined) return { kind: "module", file: module }
  const program = find(PROGRAMS)
  if (program !== undefined) return { kind: "program", file: program }
  const names = [...INDEX_FILES, ...PROGRAMS].join(", ")
  throw new ServiceError({ code: "SERVICE_CODE_MISSING", folder }, `${folder} has no code: none of ${names}`, {
    remedy: `put the service's code into one of them, as in ${GUIDE}; \`mesg service new\` writes one to begin with`,
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

/** A manifest may declare hundreds of tasks, and nobody reads a sentence of that many clauses. */
const PROBLEMS_NAMED = 5

/** Tasks of the code and of the manifest must be the same, and verify and recover belong to them. @throws ServiceError SERVICE_CODE_INVALID */
export function checkHandlers(names: HandlerNames, manifest: Pick<Manifest, "id" | "tasks">, file: string): void {
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
  const more = problems.length - PROBLEMS_NAMED
  const said = [...problems.slice(0, PROBLEMS_NAMED), ...(more > 0 ? [`and ${more} more of that kind`] : [])]
  throw new ServiceError({ code: "SERVICE_CODE_INVALID", file }, `${file}: ${said.join("; ")}`, {
    remedy: "make the names under `tasks` in the code and in service.yml the same",
  })
}

/** The names of the handlers that a service's code has. */
export interface HandlerNames {
  readonly tasks: readonly string[]
  readonly verify: readonly string[]
  readonly recover: readonly string[]
}

export function handlerNames(module: ServiceModule): HandlerNames {
  const names = (group: object | undefined) => Object.keys(group ?? {})
  return { tasks: names(module.tasks), verify: names(module.verify), recover: names(module.recover) }
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
