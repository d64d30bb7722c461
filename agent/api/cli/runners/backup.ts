import { createWriteStream } from "node:fs"
import { access, rename, rm } from "node:fs/promises"
import { pipeline } from "node:stream/promises"
import { messageOf } from "../../../base/errors.ts"
import { callAgent, openRequest } from "../client.ts"
import type { RunnerContext } from "../runner.ts"
import { CliError, EXIT } from "../error.ts"
import { bytesText } from "../render/layout.ts"
import { requestOf, valueOf } from "../values.ts"

/** A copy of the home into a new file: here, or written by the agent itself with --on-gateway. */
export async function runBackup(context: RunnerContext): Promise<number> {
  const { chosen, terminal } = context
  if (chosen.entry.kind !== "agent") return EXIT.usage
  const [file, onGateway] = [...chosen.typed].map(([target, text]) => valueOf(target, text ?? false))
  const result = onGateway === true ? await onTheGateway(context, String(file)) : await download(context, String(file))
  terminal.out(
    chosen.json
      ? `${JSON.stringify(result)}\n`
      : `${result.file}: ${bytesText(result.bytes)}. It holds the store; keep keys, config.yml and plugins of the home beside it.\n`,
  )
  return EXIT.ok
}

async function onTheGateway(
  { chosen, endpoint }: RunnerContext,
  file: string,
): Promise<{ file: string; bytes: number }> {
  const { operation } = chosen.entry as Extract<typeof chosen.entry, { kind: "agent" }>
  const request = requestOf(operation, new Map(), {})
  return (await callAgent(endpoint(), { ...request, body: { file } })).body as { file: string; bytes: number }
}

async function download(
  { chosen, endpoint, signal }: RunnerContext,
  file: string,
): Promise<{ file: string; bytes: number }> {
  const { operation } = chosen.entry as Extract<typeof chosen.entry, { kind: "agent" }>
  await refuseExisting(file)
  const answer = await openRequest(endpoint(), { ...requestOf(operation, new Map(), {}), body: {} }, 0)
  const partial = `${file}.partial`
  try {
    // It holds keys: nobody else may read it, not even while it is written.
    const target = createWriteStream(partial, { mode: 0o600, flush: true })
    await pipeline(answer.body, target, { signal })
    await rename(partial, file)
    return { file, bytes: target.bytesWritten }
  } catch (error) {
    throw new CliError({ code: "FILE_UNREADABLE" }, `${file} was not written: ${messageOf(error)}`, { cause: error })
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
