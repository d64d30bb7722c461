import { canonicalJson } from "../../base/canonical.ts"
import { messageOf } from "../../base/errors.ts"
import type { Broker } from "../../ports/broker.ts"
import type { Isolation, ServiceBridge, ServiceHost, ServiceShelf, ServiceSpec } from "../../ports/service-host.ts"
import type { ServiceSources } from "../../ports/service-source.ts"
import type { JsonObject } from "../../schema/json.ts"
import type { Manifest } from "../../schema/manifest.ts"
import { secretSettings } from "../../schema/settings.ts"
import { TABLE } from "../../schema/tables.ts"
import type { EnginePorts } from "../ports.ts"
import { openSettings, sealSettings } from "../sealed-settings.ts"
import { Turns } from "../turns.ts"
import type { Veils } from "../veils.ts"
import { RegistryError, serviceNotFound } from "./error.ts"
import { Hosted } from "./hosted.ts"
import { checkNames, checkChange } from "./settings-change.ts"
import { Subscriptions } from "./subscriptions.ts"

/** A service of this home as stored. One that ships with the agent is stored only when it was configured. */
interface ServiceRecord {
  readonly v: 1
  /** Its name on the shelf, null for one that ships with the agent. */
  readonly folder: string | null
  readonly isolation: Isolation
  readonly networkAny: boolean
  /** Secrets sealed. */
  readonly config: JsonObject
}

export interface InstalledPorts extends EnginePorts {
  readonly broker: Broker
  readonly host: ServiceHost
  readonly shelf: ServiceShelf
  readonly sources: ServiceSources
}

export interface InstalledOptions {
  bridge(
    service: string,
    subscriptions: Subscriptions,
    ended: ServiceBridge["ended"],
  ): { readonly bridge: ServiceBridge; close(): void }
  /** Nobody else announces a service under this id. @returns ends it */
  reserve(id: string): () => void
  /** The service runs, stops, or is another one now. */
  changed(id: string): void
}

export interface AddOptions {
  /** The owner's word that it may run in the agent's process, where its manifest asks for that. */
  readonly trust: boolean
  readonly config?: JsonObject
  readonly networkAny?: boolean
}

interface InstalledService {
  readonly hosted: Hosted
  record: ServiceRecord
  /** Its id is free again. */
  readonly release: () => void
}

const SHIPPED: ServiceRecord = { v: 1, folder: null, isolation: "in-process", networkAny: true, config: {} }

/** Services that this Core runs: those that ship with it and those its owner added. All changes are live. */
export class Installed {
  readonly #ports: InstalledPorts
  readonly #veils: Veils
  readonly #options: InstalledOptions
  readonly #services = new Map<string, InstalledService>()
  readonly #turns = new Turns()
  /** In safe mode what is added or changed does not run either: it may be what keeps the agent from running. */
  #isStarted = false

  constructor(ports: InstalledPorts, veils: Veils, options: InstalledOptions) {
    this.#ports = ports
    this.#veils = veils
    this.#options = options
  }

  /** Learns what there is; nothing runs yet. @param shipped folders of the services that ship with the agent */
  async load(shipped: readonly string[]): Promise<void> {
    const { host, shelf, store, log } = this.#ports
    for (const folder of shipped) {
      const manifest = await host.manifestOf(folder)
      this.#install(manifest, folder, (store.get(TABLE.service, [manifest.id]) as ServiceRecord | undefined) ?? SHIPPED)
    }
    for (const { key, value } of store.range(TABLE.service)) {
      const { folder: name } = value as ServiceRecord
      if (name === null || this.has(String(key[0]))) continue
      const folder = shelf.folderOf(name)
      try {
        this.#install(await host.manifestOf(folder), folder, value as ServiceRecord)
      } catch (error) {
        log.error("an installed service cannot be read", { service: key[0], folder, error: messageOf(error) })
      }
    }
  }

  /** Starts them all, side by side. */
  async start(): Promise<void> {
    this.#isStarted = true
    await Promise.all([...this.#services.values()].map(({ hosted }) => hosted.start()))
  }

  async stop(): Promise<void> {
    const stopAll = () => Promise.all([...this.#services.values()].map(({ hosted }) => hosted.stop()))
    await stopAll()
    // A change that was under way may have started one again.
    await this.#turns.idle()
    await stopAll()
  }

  get ids(): Iterable<string> {
    return this.#services.keys()
  }

  has(id: string): boolean {
    return this.#services.has(id)
  }

  get(id: string): Hosted | undefined {
    return this.#services.get(id)?.hosted
  }

  isShipped(id: string): boolean {
    return this.#services.get(id)?.record.folder === null
  }

  /** Settings as stored: secrets sealed. */
  settings(id: string): JsonObject {
    return this.#services.get(id)?.record.config ?? {}
  }

  /** Secret settings that are stored and that this home's key does not open. */
  lostSecrets(id: string): readonly string[] {
    const service = this.#services.get(id)
    if (service === undefined) return []
    const { manifest, config } = service.hosted.spec
    return secretSettings(manifest).filter(
      (name) => Object.hasOwn(service.record.config, name) && !Object.hasOwn(config, name),
    )
  }

  /** @throws RegistryError SERVICE_BUILT_IN, SERVICE_SETTING_UNKNOWN, SETTINGS_INVALID */
  add(source: string, manifest: Manifest, options: AddOptions): Promise<void> {
    return this.#turns.take(() => this.#add(source, manifest, options))
  }

  /** Merges settings; null takes one away. @throws RegistryError SERVICE_NOT_FOUND, SERVICE_SETTING_UNKNOWN, SETTINGS_INVALID */
  configure(id: string, config: JsonObject): Promise<void> {
    return this.#turns.take(() => this.#configure(id, config))
  }

  /** With its values and its copy. @throws RegistryError SERVICE_NOT_FOUND, SERVICE_BUILT_IN */
  remove(id: string): Promise<void> {
    return this.#turns.take(() => this.#remove(id))
  }

  async #add(source: string, manifest: Manifest, options: AddOptions): Promise<void> {
    const { host, shelf, store } = this.#ports
    const { id } = manifest
    const before = this.#services.get(id)
    if (before?.record.folder === null) {
      throw new RegistryError({ code: "SERVICE_BUILT_IN", service: id }, `service "${id}" ships with the agent`, {
        remedy: "give your service another id",
      })
    }
    const name = await shelf.put(source, id)
    const folder = shelf.folderOf(name)
    let copied: Manifest
    let record: ServiceRecord
    try {
      copied = await host.manifestOf(folder)
      record = this.#recordOf(copied, name, options, before?.record)
      await store.write([{ put: TABLE.service, key: [id], value: record }])
    } catch (error) {
      await shelf.remove(name)
      throw error
    }
    if (before === undefined) {
      const hosted = this.#install(copied, folder, record)
      if (this.#isStarted) await hosted.start()
    } else {
      const { folder: old } = before.record
      before.record = record
      await this.#renew(before.hosted, this.#spec(copied, folder, record))
      if (old !== null) await shelf.remove(old)
    }
  }

  /** @throws RegistryError SERVICE_SETTING_UNKNOWN, SETTINGS_INVALID */
  #recordOf(manifest: Manifest, folder: string, options: AddOptions, before: ServiceRecord | undefined): ServiceRecord {
    const given = options.config ?? {}
    checkNames(manifest, given)
    // What an older version had and this one no longer knows is gone.
    const kept = Object.entries(before?.config ?? {}).filter(([name]) => Object.hasOwn(manifest.config, name))
    const config = { ...Object.fromEntries(kept), ...sealSettings(manifest, given, this.#ports.keys) }
    checkChange(manifest, given, this.#open(manifest, config))
    return {
      v: 1,
      folder,
      isolation: options.trust ? manifest.isolation : "confined",
      networkAny: options.networkAny ?? before?.networkAny ?? false,
      config,
    }
  }

  async #configure(id: string, config: JsonObject): Promise<void> {
    const service = this.#find(id)
    const { manifest, folder } = service.hosted.spec
    checkNames(manifest, config)
    const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null))
    const kept = Object.fromEntries(Object.entries(service.record.config).filter(([name]) => config[name] !== null))
    const record = { ...service.record, config: { ...kept, ...sealSettings(manifest, given, this.#ports.keys) } }
    const settings = this.#open(manifest, record.config)
    checkChange(manifest, config, settings)
    await this.#ports.store.write([{ put: TABLE.service, key: [id], value: record }])
    service.record = record
    // What runs with these settings already goes on: a restart would interrupt its tasks for nothing.
    if (service.hosted.running !== null && canonicalJson(settings) === canonicalJson(service.hosted.spec.config)) return
    await this.#renew(service.hosted, this.#spec(manifest, folder, record))
  }

  /** From now on with these: at once where it may run. */
  async #renew(hosted: Hosted, spec: ServiceSpec): Promise<void> {
    if (this.#isStarted) await hosted.replace(spec)
    else hosted.spec = spec
  }

  async #remove(id: string): Promise<void> {
    const { hosted, record, release } = this.#find(id)
    if (record.folder === null) {
      throw new RegistryError(
        { code: "SERVICE_BUILT_IN", service: id },
        `service "${id}" ships with the agent and stays`,
        { remedy: "leave it: where no application uses it, it does nothing" },
      )
    }
    const { store, shelf } = this.#ports
    // First, so that nothing comes behind the removal.
    await hosted.stop()
    const values = [...store.range(TABLE.serviceStore, { prefix: [id] })]
    await store.write([
      { remove: TABLE.service, key: [id] },
      ...values.map(({ key }) => ({ remove: TABLE.serviceStore, key })),
    ])
    this.#services.delete(id)
    try {
      await shelf.remove(record.folder)
      this.#veils.forget(id)
    } finally {
      release()
    }
  }

  #find(id: string) {
    const service = this.#services.get(id)
    if (service !== undefined) return service
    throw serviceNotFound(id)
  }

  #install(manifest: Manifest, folder: string, record: ServiceRecord): Hosted {
    const { host, clock, log, broker } = this.#ports
    const subscriptions = new Subscriptions(broker, clock, log)
    const hosted: Hosted = new Hosted(this.#spec(manifest, folder, record), {
      host,
      clock,
      log,
      hide: (text) => this.#veils.hideInText(manifest.id, text),
      bridge: (_, ended) => this.#veiled(hosted, this.#options.bridge(manifest.id, subscriptions, ended)),
      settled: () => subscriptions.settle(),
      changed: () => this.#options.changed(manifest.id),
    })
    this.#services.set(manifest.id, { hosted, record, release: this.#options.reserve(manifest.id) })
    return hosted
  }

  /** What a service logs is for many eyes; its secrets are not, even if it logs them itself. */
  #veiled(hosted: Hosted, run: { bridge: ServiceBridge; close(): void }) {
    const hide = <Value>(value: Value) => this.#veils.hideInText(hosted.spec.manifest.id, value)
    const log: ServiceBridge["log"] = (level, message, fields) => {
      const shown = [hide(message), hide(fields)] as const
      if (level === "warn") hosted.warned(...shown)
      run.bridge.log(level, ...shown)
    }
    return { bridge: { ...run.bridge, log }, close: run.close }
  }

  #open(manifest: Manifest, config: JsonObject): JsonObject {
    return openSettings(manifest, config, this.#ports.keys)
  }

  #spec(manifest: Manifest, folder: string, record: ServiceRecord): ServiceSpec {
    const config = this.#open(manifest, record.config)
    for (const name of secretSettings(manifest)) this.#veils.cover(manifest.id, config[name] ?? null)
    return {
      manifest,
      folder,
      isolation: record.isolation,
      config,
      grants: { network: record.networkAny ? "any" : "declared" },
    }
  }
}
