import type { ServiceBridge, ServiceHost, ServiceSpec } from "../../ports/service-host.ts"
import { checkSettings, settingsTrouble } from "../../schema/settings.ts"
import { runConfined } from "./confined.ts"
import { type ChildRuntime, SOURCE_RUNTIME } from "./confinement.ts"
import { containUncaught, runInProcess } from "./in-process.ts"
import { readManifest } from "./manifest-file.ts"
import type { Resolve } from "./network-gate.ts"
import { ServiceError } from "./service-error.ts"

export interface ServiceHostWithContainment extends ServiceHost {
  /**
   * For the `uncaughtException` handler of the program, called inside it: an error out of an in-process service's timer,
   * socket or promise ends that service alone (its bridge is told SERVICE_THREW).
   * @returns false where the error is the agent's own; the program must then end
   */
  contain(error: unknown): boolean
}

export interface ServiceHostOptions {
  /** How a child is run: by the program that runs the agent if left out. */
  readonly runtime?: ChildRuntime
  /** The resolver of names for confined services, the system's if left out. */
  readonly resolve?: Resolve
}

/** Runs services of this machine: in the agent's process, or confined to a child. See docs/spec/service.md#tiers. */
export function serviceHost(options: ServiceHostOptions = {}): ServiceHostWithContainment {
  return {
    manifestOf: readManifest,
    contain: containUncaught,
    async run(spec: ServiceSpec, bridge: ServiceBridge) {
      const { id } = spec.manifest
      const settings = checkSettings(spec.manifest, spec.config)
      if (!settings.ok) {
        const message = `settings of ${id}: ${settingsTrouble(settings)}`
        throw new ServiceError({ code: "SETTINGS_INVALID", service: id }, message, {
          remedy: `\`mesg service configure ${id}\` sets them; \`config\` in its service.yml tells which there are`,
        })
      }
      if (spec.isolation === "in-process") return runInProcess(spec, settings.config, bridge)
      const { runtime = SOURCE_RUNTIME, resolve } = options
      return runConfined(spec, settings.config, bridge, { runtime, resolve })
    },
  }
}
