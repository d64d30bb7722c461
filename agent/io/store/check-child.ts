import { open } from "lmdb"
import { walkPages, type WalkVerdict } from "./page-walk.ts"

/**
 * The check of one file, run as `node check-child.ts FILE` in a process of its own, for LMDB itself may be killed by
 * what it reads. First every page without LMDB, then once through with it. On stdout, a line each: which share
 * was read, now and then, and the verdict in JSON.
 */
function check(path: string): WalkVerdict {
  const walked = walkPages(path, (share) => say(String(share)))
  if (!walked.ok) return walked
  const entries = countByLmdb(path)
  if (entries === walked.entries) return walked
  return { ok: false, reason: `LMDB reads ${entries} of ${walked.entries} entries` }
}

function countByLmdb(path: string): number {
  const db = open({ path, readOnly: true, encoding: "binary", keyEncoding: "binary", overlappingSync: false })
  return db.getKeysCount({ start: Buffer.alloc(1), end: Buffer.alloc(1, 0xff) })
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

say(JSON.stringify(check(process.argv[2]!)))
