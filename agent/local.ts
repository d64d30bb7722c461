import { basename, join, resolve } from "node:path"
import type { LocalActions, LocalCall, LocalResult } from "./api/cli/local.ts"
import type { Language } from "./io/service-host/author/new-service.ts"
import type { JsonObject } from "./schema/json.ts"

/** The commands that need no running agent. Each loads what it needs when it is called. */
export function localActions(version: string): LocalActions {
  return {
    async start({ home, sets, safe }) {
      const { launchAgent } = await import("./launch.ts")
      const agent = await launchAgent({ home, sets, safe, env: process.env, version })
      return agent.stopped
    },
    init,
    restore,
    upgrade: async (call) => (await import("./installer.ts")).runInstaller("upgrade", call),
    uninstall: async (call) => (await import("./installer.ts")).runInstaller("uninstall", call),
    "service.new": newService,
    "service.test": testService,
    "service.validate": validateService,
    "config.show": showConfig,
    "config.change": setConfig,
  }
}

async function init({ home }: LocalCall): Promise<LocalResult> {
  const { initHome } = await import("./io/config/init.ts")
  const { openKeys } = await import("./io/keys/keys.ts")
  const made = initHome(home)
  const { nodeKey } = openKeys(join(home, "keys"))
  return { exitCode: 0, output: { home, nodeKey, made }, text: `${home} is ready (node ${nodeKey.slice(0, 16)}…)` }
}

async function restore({ home, values, passphrase }: LocalCall): Promise<LocalResult> {
  const { isHomeBackup, restoreHome } = await import("./home-restore.ts")
  const file = String(values["file"])
  const dryRun = values["dryRun"] === true
  if (!isHomeBackup(file)) return restoreStore(home, file, dryRun)
  const restored = await restoreHome(home, file, {
    wallMs: Date.now(),
    dryRun,
    force: values["force"] === true,
    withoutKeys: values["withoutKeys"] === true,
    passphrase: () => passphrase("Passphrase of the keys in the backup"),
  })
  const { head, keys, before, secrets } = restored
  const isNew = !keys && !(head.keys && dryRun)
  const text = [
    `the backup ${dryRun ? "can be" : "is"} restored to ${home}`,
    `made ${head.made} by mesg ${head.version}: ${restored.entries} entries`,
    keys ? `node ${head.node.slice(0, 16)}…, which must run nowhere else` : keysText(head.keys, dryRun),
    ...listed("secrets to be set again:", isNew ? secrets : []),
    ...listed("nodes of Node-RED whose credentials must be set again:", isNew ? head.nodesWithCredentials : []),
    ...(before === null ? [] : [`the home that was there is now ${before}`]),
  ]
  return { exitCode: 0, output: { ...restored, dryRun }, text: text.join("\n") }
}

function listed(title: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [title, ...names.map((name) => `  ${name}`)]
}

function keysText(areThere: boolean, dryRun: boolean): string {
  if (areThere && dryRun) return "its keys are sealed; without the passphrase they were not looked at"
  return areThere ? "without the keys that are in it: this is a new node" : "it holds no keys: this is a new node"
}

/** A verified copy (`data/copies`) or another store by itself. */
async function restoreStore(home: string, file: string, dryRun: boolean): Promise<LocalResult> {
  const { restoreBackup } = await import("./io/store/backup.ts")
  const content = await restoreBackup(join(home, "data"), file, { dryRun, wallMs: Date.now() })
  const verb = dryRun ? "can be restored" : "is restored"
  return { exitCode: 0, output: { ...content, dryRun }, text: `the store ${verb}: ${content.entries} entries` }
}

async function newService({ values }: LocalCall): Promise<LocalResult> {
  const { newService } = await import("./io/service-host/author/new-service.ts")
  const folder = resolve(String(values["folder"]))
  const id = (values["id"] as string | undefined) ?? basename(folder)
  const files = await newService(folder, { id, language: (values["language"] as Language | undefined) ?? "ts" })
  const text = [
    `service "${id}" is in ${folder}:`,
    ...files.map((file) => `  ${file}`),
    `try it: mesg service test ${folder}`,
  ]
  return { exitCode: 0, output: { id, folder, files }, text: text.join("\n") }
}

async function testService({ values, json, out }: LocalCall): Promise<LocalResult> {
  const { testService } = await import("./io/service-host/author/test-service.ts")
  const { serviceHost } = await import("./io/service-host/host.ts")
  const report = await testService(resolve(String(values["folder"])), serviceHost(), {
    onExample({ task, example, ok, message, ms }) {
      if (!json) out(`${ok ? "ok  " : "FAIL"} ${task} #${example} (${Math.round(ms)} ms)${ok ? "" : `: ${message}`}\n`)
    },
  })
  const failed = report.examples.filter(({ ok }) => !ok).length
  const lines = [
    ...report.problems.map((problem) => `problem: ${problem}`),
    `${report.examples.length - failed} passed, ${failed} failed`,
  ]
  return { exitCode: report.ok ? 0 : 1, output: report, text: lines.join("\n") }
}

async function validateService({ values }: LocalCall): Promise<LocalResult> {
  const { validateService } = await import("./io/service-host/author/validate-service.ts")
  const { ServiceError } = await import("./io/service-host/service-error.ts")
  const folder = resolve(String(values["folder"]))
  const validation = await validateService(folder).catch((error: unknown) => {
    if (error instanceof ServiceError && error.detail.code === "MANIFEST_INVALID") return error.detail
    throw error
  })
  if ("issues" in validation) {
    const { code, file, issues } = validation
    const text = issues.map(
      ({ line, path, message }) => `${file}${line === null ? "" : `:${line}`}: ${path} ${message}`,
    )
    return {
      exitCode: 1,
      output: { code, file, issues },
      text: [...text, `${issues.length} problems (${code})`].join("\n"),
    }
  }
  const { manifest, code, permissions, warnings } = validation
  const text = [
    `${manifest.id} ${manifest.version} is valid (${code})`,
    ...permissions.map((line) => `  ${line}`),
    ...warnings.map((line) => `warning: ${line}`),
  ]
  return {
    exitCode: 0,
    output: { id: manifest.id, version: manifest.version, code, permissions, warnings },
    text: text.join("\n"),
  }
}

async function showConfig({ home }: LocalCall): Promise<LocalResult> {
  const { loadConfig } = await import("./io/config/config.ts")
  return { exitCode: 0, output: { items: loadConfig({ home, env: process.env, sets: [] }).entries(), cursor: null } }
}

async function setConfig({ home, values }: LocalCall): Promise<LocalResult> {
  const { setConfig } = await import("./io/config/config.ts")
  const settings = values["values"] as JsonObject
  await setConfig(home, settings)
  // Nothing runs that would go on with the old values.
  return { exitCode: 0, output: { values: settings, restart: false } }
}
