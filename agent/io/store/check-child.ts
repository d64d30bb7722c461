import { open } from "lmdb"
import { walkPages, type WalkVerdict } from "./page-walk.ts"

/**
 * The check of one file, run as `node check-child.ts FILE` in a process of its own, for LMDB itself may be killed by
 * what it reads. First every page without LMDB, then once through with it. One line of JSON on stdout.
 */
function check(path: string): WalkVerdict {
  const walked = walkPages(path)
  if (!walked.ok) return walked
  const entries = countByLmdb(path)
  if (entries === walked.entries) return walked
  return { ok: false, reason: `LMDB reads ${entries} of ${walked.entries} entries` }
}

function countByLmdb(path: string): number {
  const db = open({ path, readOnly: true, encoding: "binary", keyEncoding: "binary", overlappingSync: false })
  return db.getKeysCount({ start: Buffer.alloc(1), end: Buffer.alloc(1, 0xff) })
}

process.stdout.write(`${JSON.stringify(check(process.argv[2]!))}\n`)
