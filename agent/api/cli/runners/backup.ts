import { createWriteStream } from "node:fs"
import { access, rename, rm } from "node:fs/promises"
import { pipeline } from "node:stream/promises"
import { messageOf } from "../../../base/errors.ts"
import { callAgent, openRequest } from "../client.ts"
import type { RunnerContext } from "../runner.ts"
import { CliError, EXIT } from "../error.ts"
import { passphraseFrom } from "../passphrase.ts"
import { bytesText } from "../render/layout.ts"
import { requestOf, valueOf } from "../values.ts"

/** The whole home in a new file: here, or written by the agent itself with --on-gateway. */
export async function runBackup(context: RunnerContext): Promise<number> {
  const { chosen, env, terminal } = context
  if (chosen.entry.kind !== "agent") return EXIT.usage
  const [file, onGateway, passphraseFile] = [...chosen.typed].map(([target, typed]) =>
    typed === undefined ? undefined : valueOf(target, typed),
  ) as [string, boolean | undefined, string | undefined]
  if (onGateway !== true) await refuseExisting(file)
  const question = "Passphrase that seals the keys (none leaves them out)"
  const passphrase = await passphraseFrom({ file: passphraseFile, env, terminal }, question, true)
  const body = passphrase === null ? {} : { passphrase }
  const written =
    onGateway === true ? await onTheGateway(context, { ...body, file }) : await download(context, file, body)
  const result = { ...written, keys: passphrase !== null }
  terminal.out(
    chosen.json
      ? `${JSON.stringify(result)}\n`
      : `${result.file}: ${bytesText(result.bytes)}. ${result.keys ? WITH_KEYS : WITHOUT_KEYS}\n`,
  )
  return EXIT.ok
}

const WITH_KEYS = "It restores this gateway on any machine, with the passphrase."
const WITHOUT_KEYS =
  "The keys are left out, as no passphrase was given: what it restores is a new node, and secrets must be set again."

async function onTheGateway(
  { chosen, endpoint }: RunnerContext,
  body: { file: string; passphrase?: string },
): Promise<{ file: string; bytes: number }> {
  const { operation } = chosen.entry as Extract<typeof chosen.entry, { kind: "agent" }>
  const request = requestOf(operation, new Map(), {})
  return (await callAgent(endpoint(), { ...request, body })).body as { file: string; bytes: number }
}

async function download(
  { chosen, endpoint, signal }: RunnerContext,
  file: string,
  body: { passphrase?: string },
): Promise<{ file: string; bytes: number }> {
  const { operation } = chosen.entry as Extract<typeof chosen.entry, { kind: "agent" }>
  const answer = await openRequest(endpoint(), { ...requestOf(operation, new Map(), {}), body }, 0)
  const partial = `${file}.partial`
  try {
    // It holds keys: nobody else may read it, not even while it is written.
    const target = createWriteStream(partial, { mode: 0o600, flush: true })
    await pipeline(answer.body, target, { signal })
    await rename(partial, file)
    return { file, bytes: target.bytesWritten }
  } catch (error) {
    // The system speaks of the draft, which is gone by then.
    const reason = messageOf(error).replaceAll(partial, file)
    throw new CliError({ code: "FILE_UNWRITABLE" }, `${file} was not written: ${reason}`, {
      remedy: "see that its folder exists, may be written and has room",
      cause: error,
    })
  } finally {
    await rm(partial, { force: true })
  }
}

async function refuseExisting(file: string): Promise<void> {
  const exists = await access(file).then(
    () => true,
    () => false,
  )
  if (exists) throw new CliError({ code: "FILE_EXISTS" }, `${file} exists already`, { remedy: "name a new file" })
}
