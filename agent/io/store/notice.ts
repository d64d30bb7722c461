import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import * as v from "valibot"
import type { StoreRecovery } from "../../ports/store.ts"
import { parseJson } from "../../schema/json.ts"
import { notWritable } from "./error.ts"
import { type StoreFiles, syncFile, syncFolderOf } from "./files.ts"

const NoticeSchema = v.object({
  foundMs: v.number(),
  reason: v.string(),
  quarantined: v.nullable(v.string()),
  copy: v.nullable(v.string()),
  copyMs: v.nullable(v.number()),
})

/**
 * Keeps word of a recovery until its owner removes the file: no restart makes it forgotten.
 * @throws StoreError STORE_NOT_WRITABLE
 */
export function leaveNotice(files: StoreFiles, recovery: StoreRecovery): void {
  const draft = `${files.notice}.new`
  try {
    writeFileSync(draft, `${JSON.stringify(recovery, null, 2)}\n`, { mode: 0o600 })
    syncFile(draft)
    renameSync(draft, files.notice)
    syncFolderOf(files.notice)
  } catch (cause) {
    throw notWritable(files.notice, cause)
  }
}

/** @returns the recovery that nobody has acknowledged, null where there is none; what a person made of the file is none */
export function readNotice(files: StoreFiles): StoreRecovery | null {
  if (!existsSync(files.notice)) return null
  const parsed = parseJson(readFileSync(files.notice, "utf8"))
  const notice = parsed.ok ? v.safeParse(NoticeSchema, parsed.value) : null
  return notice?.success === true ? notice.output : null
}
