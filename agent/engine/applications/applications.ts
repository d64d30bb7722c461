import type { ApplicationName } from "../../base/ids.ts"
import { APPLICATION_VERSIONS_KEPT } from "../../base/limits.ts"
import type { Catalogue } from "../../core/workflow/compile.ts"
import { checkApplication } from "../../core/workflow/rules.ts"
import type { Change } from "../../ports/store.ts"
import type { Application } from "../../schema/application.ts"
import type { JsonObject } from "../../schema/json.ts"
import type { Manifest } from "../../schema/manifest.ts"
import { TABLE } from "../../schema/tables.ts"
import type { ApplicationView, Page, Paging, Verdict } from "../core.ts"
import type { FeedLog } from "../feed.ts"
import { pageOf } from "../page.ts"
import type { EnginePorts } from "../ports.ts"
import { areSealed, lostSettings, openSetting, sealSettings } from "../sealed-settings.ts"
import { Turns } from "../turns.ts"
import { resolveConfig } from "./config.ts"
import { ApplicationError } from "./error.ts"
import { catalogueOf, type PinnedWorkflow, pinWorkflow } from "./pinned.ts"
import { missingOf, type Used, usedBy } from "./used.ts"

/** One deployed version as stored: what was deployed and what it was compiled against, for as long as executions use it. */
interface VersionRecord {
  readonly v: 1
  readonly document: Application
  /** Secrets sealed. */
  readonly config: JsonObject
  readonly manifests: Readonly<Record<string, Manifest>>
  readonly applications: Readonly<Record<string, Application>>
}

interface ApplicationRecord {
  readonly v: 1
  readonly version: number
  readonly paused: boolean
  readonly deployedMs: number
  /** Removed: keeps its version number, so that a later deployment never reuses one. */
  readonly removed: boolean
}

const MISSING_REMEDY = "bring it back (mesg service add, or mesg app deploy), or deploy a version that does without"

/** A deployed application with its newest version pinned. */
interface Deployed {
  readonly record: ApplicationRecord
  readonly document: Application
  readonly used: Used
  readonly workflows: ReadonlyMap<string, PinnedWorkflow>
  readonly lostSecrets: readonly string[]
}

/** The applications of this Core: deployed, versioned, paused, removed. */
export class ApplicationBook {
  readonly #ports: EnginePorts
  readonly #feed: FeedLog
  readonly #catalogue: () => Catalogue
  readonly #deployed = new Map<string, Deployed>()
  readonly #pinned = new Map<string, PinnedWorkflow>()
  readonly #changed: () => void
  readonly #turns = new Turns()

  /** @param changed called when triggers may have changed */
  constructor(ports: EnginePorts, feed: FeedLog, catalogue: () => Catalogue, changed: () => void) {
    this.#ports = ports
    this.#feed = feed
    this.#catalogue = catalogue
    this.#changed = changed
  }

  async load(): Promise<void> {
    await this.#sealAll()
    for (const { key, value } of this.#ports.store.range(TABLE.application)) {
      const record = value as ApplicationRecord
      if (!record.removed) this.#remember(String(key[0]), record)
    }
  }

  /** An agent before this one kept secret settings as they were given. */
  async #sealAll(): Promise<void> {
    const { store, keys } = this.#ports
    const changes: Change[] = []
    for (const { key, value } of store.range(TABLE.applicationVersion)) {
      const record = value as VersionRecord
      const { document, config } = record
      if (areSealed(document, config)) continue
      const settings = Object.entries(document.config).map(([name, schema]) => {
        const { default: _, ...rest } = schema
        return [name, schema.secret === true ? rest : schema]
      })
      const shown = { ...document, config: Object.fromEntries(settings) as Application["config"] }
      const sealed = { ...record, document: shown, config: sealSettings(document, config, keys) }
      changes.push({ put: TABLE.applicationVersion, key, value: sealed })
    }
    await store.write(changes, { reserve: true })
  }

  /** The triggers of all applications that are not paused, newest versions. */
  *triggers(): Iterable<PinnedWorkflow> {
    for (const { record, workflows } of this.#deployed.values()) if (!record.paused) yield* workflows.values()
  }

  /** The workflows of all applications, paused ones too, newest versions. */
  *deployed(): Iterable<PinnedWorkflow> {
    for (const { workflows } of this.#deployed.values()) yield* workflows.values()
  }

  /** The pinned workflow of any version that is still kept. */
  pinned(app: string, workflow: string, version: number): PinnedWorkflow | null {
    const name = `${app}/${version}/${workflow}`
    const known = this.#pinned.get(name)
    if (known !== undefined) return known
    const record = this.#ports.store.get(TABLE.applicationVersion, [app, version]) as VersionRecord | undefined
    if (record === undefined || !Object.hasOwn(record.document.workflows, workflow)) return null
    const catalogue = catalogueOf(record.manifests, record.applications)
    const open = (setting: string) => openSetting(record.config[setting], this.#ports.keys)
    const pinned = pinWorkflow(record.document, workflow, version, record.config, catalogue, open)
    if (this.#pinned.size > APPLICATION_VERSIONS_KEPT * 10) this.#pinned.clear()
    this.#pinned.set(name, pinned)
    return pinned
  }

  /** The newest workflows of one application. @throws ApplicationError APPLICATION_NOT_FOUND */
  workflows(name: string): ReadonlyMap<string, PinnedWorkflow> {
    return this.#find(name).workflows
  }

  /** The newest version of one workflow, null where it is not deployed or paused. */
  newest(app: string, workflow: string): PinnedWorkflow | null {
    const deployed = this.#deployed.get(app)
    return deployed === undefined || deployed.record.paused ? null : (deployed.workflows.get(workflow) ?? null)
  }

  /** Whether the newest version of the application has this workflow, paused or not. */
  isDeployed(app: string, workflow: string): boolean {
    return this.#deployed.get(app)?.workflows.has(workflow) === true
  }

  document(name: string): Application | undefined {
    return this.#deployed.get(name)?.document
  }

  async validate(document: unknown): Promise<Verdict> {
    const { refusals, warnings } = this.#check(document)
    return { ok: refusals.length === 0, refusals, warnings }
  }

  #check(document: unknown) {
    return checkApplication(document, this.#catalogue(), this.#ports.expressions)
  }

  get catalogue(): Catalogue {
    return this.#catalogue()
  }

  /**
   * The workflows as they would be deployed, none where a rule is broken. Nothing is kept.
   * @throws ApplicationError APPLICATION_CONFIG_INVALID
   */
  tryOut(document: unknown, given: JsonObject) {
    const { refusals, warnings, application } = this.#check(document)
    const verdict: Verdict = { ok: refusals.length === 0, refusals, warnings }
    const workflows = new Map<string, PinnedWorkflow>()
    if (application === null || !verdict.ok) return { verdict, name: "", workflows }
    const config = resolveConfig(application, given)
    for (const workflow of Object.keys(application.workflows)) {
      workflows.set(
        workflow,
        pinWorkflow(application, workflow, 0, config, this.#catalogue(), (setting) => config[setting]),
      )
    }
    return { verdict, name: application.name, workflows }
  }

  async deploy(document: unknown, given: JsonObject) {
    const { refusals, warnings, application } = this.#check(document)
    if (application === null || refusals.length > 0) {
      const [first] = refusals
      const name = typeof document === "object" && document !== null && "name" in document ? String(document.name) : "?"
      throw new ApplicationError(
        { code: "APPLICATION_REFUSED", refusals },
        `application "${name}" breaks ${refusals.length} rule${refusals.length === 1 ? "" : "s"}: ${first?.rule} at ${first?.path || "/"}: ${first?.message}`,
        { remedy: first?.remedy ?? "correct the application" },
      )
    }
    const config = sealSettings(application, resolveConfig(application, given), this.#ports.keys)
    const view = await this.#turns.take(() => this.#deploy(application, config))
    return { ...view, warnings }
  }

  async #deploy(application: Application, config: JsonObject): Promise<ApplicationView> {
    const before = this.#ports.store.get(TABLE.application, [application.name]) as ApplicationRecord | undefined
    const version = (before?.version ?? 0) + 1
    const record: ApplicationRecord = {
      v: 1,
      version,
      paused: false,
      deployedMs: this.#ports.clock.now(),
      removed: false,
    }
    const versionRecord: VersionRecord = { v: 1, document: application, config, ...this.#used(application) }
    await this.#ports.store.write([
      { put: TABLE.application, key: [application.name], value: record },
      { put: TABLE.applicationVersion, key: [application.name, version], value: versionRecord },
    ])
    this.#remember(application.name, record)
    return this.#tell(this.#view(application.name, this.#find(application.name)))
  }

  list(paging: Paging): Page<ApplicationView> {
    const names = [...this.#deployed.keys()].sort()
    return pageOf(
      names,
      paging,
      (name) => name,
      (name) => this.#view(name, this.#deployed.get(name)!),
    )
  }

  show(name: ApplicationName) {
    const deployed = this.#find(name)
    return { ...this.#view(name, deployed), document: deployed.document }
  }

  pause(name: ApplicationName): Promise<ApplicationView> {
    return this.#turns.take(() => this.#setPaused(name, true))
  }

  resume(name: ApplicationName): Promise<ApplicationView> {
    return this.#turns.take(() => this.#setPaused(name, false))
  }

  remove(name: ApplicationName): Promise<void> {
    return this.#turns.take(() => this.#remove(name))
  }

  async #remove(name: ApplicationName): Promise<void> {
    const { record } = this.#find(name)
    await this.#ports.store.write([{ put: TABLE.application, key: [name], value: { ...record, removed: true } }])
    const view = this.#view(name, this.#find(name))
    this.#deployed.delete(name)
    this.#tell(view, true)
    this.warnOfMissing(`app:${name}`)
  }

  /**
   * Logs which applications stand on what is not here.
   * @param gone only those that miss this, a service's id or `app:<name>`; all of them left out
   */
  warnOfMissing(gone?: string): void {
    for (const [application, { used }] of this.#deployed) {
      const missing = missingOf(used, this.#catalogue())
      if (gone === undefined ? missing.length === 0 : !missing.includes(gone)) continue
      this.#ports.log.warn("an application uses what is not here", {
        application,
        missing: missing.join(", "),
        remedy: MISSING_REMEDY,
      })
    }
  }

  /** What is durable now: to triggers, then to readers. */
  #tell(application: ApplicationView, removed = false): ApplicationView {
    this.#changed()
    this.#feed.publish(`application/${application.name}`, () => ({ kind: "application", application, removed }))
    return application
  }

  /** Versions that nobody can need any more: not the newest ones, and no execution that is kept is pinned to them. */
  staleVersions(inUse: (app: string, version: number) => boolean): Change[] {
    const versions = new Map<string, number[]>()
    for (const { key } of this.#ports.store.range(TABLE.applicationVersion)) {
      const [app, version] = key as [string, number]
      versions.set(app, [...(versions.get(app) ?? []), version])
    }
    return [...versions].flatMap(([app, list]) =>
      list
        .sort((a, b) => b - a)
        .slice(APPLICATION_VERSIONS_KEPT)
        .filter((version) => !inUse(app, version))
        .map((version): Change => ({ remove: TABLE.applicationVersion, key: [app, version] })),
    )
  }

  async #setPaused(name: ApplicationName, paused: boolean): Promise<ApplicationView> {
    const deployed = this.#find(name)
    const record = { ...deployed.record, paused }
    await this.#ports.store.write([{ put: TABLE.application, key: [name], value: record }])
    this.#deployed.set(name, { ...deployed, record })
    return this.#tell(this.#view(name, this.#find(name)))
  }

  #find(name: string): Deployed {
    const deployed = this.#deployed.get(name)
    if (deployed === undefined) {
      throw new ApplicationError(
        { code: "APPLICATION_NOT_FOUND", application: name },
        `there is no application "${name}"`,
        { remedy: "see what is deployed: mesg app list" },
      )
    }
    return deployed
  }

  #remember(name: string, record: ApplicationRecord): void {
    const { document, config } = this.#ports.store.get(TABLE.applicationVersion, [
      name,
      record.version,
    ]) as VersionRecord
    const workflows = new Map(
      Object.keys(document.workflows).map((workflow) => [workflow, this.pinned(name, workflow, record.version)!]),
    )
    this.#deployed.set(name, {
      record,
      document,
      used: usedBy(document),
      workflows,
      lostSecrets: lostSettings(document, config, this.#ports.keys),
    })
  }

  #view(name: string, { record, document, used, lostSecrets }: Deployed): ApplicationView {
    return {
      name: name as ApplicationName,
      description: document.description ?? null,
      visibility: document.visibility,
      version: record.version,
      paused: record.paused,
      deployedMs: record.deployedMs,
      lostSecrets,
      missing: missingOf(used, this.#catalogue()),
      workflows: Object.entries(document.workflows).map(([workflow, { trigger, tasks }]) => ({
        name: workflow,
        trigger: { service: trigger.service, event: trigger.event },
        tasks: Object.keys(tasks),
      })),
    }
  }

  /** The manifests and public applications that an application names: kept with the version. */
  #used(application: Application): Pick<VersionRecord, "manifests" | "applications"> {
    const catalogue = this.#catalogue()
    const manifests: Record<string, Manifest> = {}
    const applications: Record<string, Application> = {}
    const used = usedBy(application)
    for (const id of used.services) {
      const manifest = catalogue.manifest(id)
      if (manifest !== undefined) manifests[id] = manifest
    }
    for (const name of used.applications) applications[name] = catalogue.application(name)!
    return { manifests, applications }
  }
}
