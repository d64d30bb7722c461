import { execFileSync } from "node:child_process"
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { FORMAT } from "../../agent/io/store/format.ts"

/** Of every file of a release: the same bytes whenever it is made. 2026-01-01. */
export const RELEASE_TIME_S = 1_767_225_600

/** Words that the program says of itself, by the file that they become. */
const SAID = {
  "share/mesg.1": ["man"],
  "share/completion.bash": ["completion", "bash"],
  "share/completion.zsh": ["completion", "zsh"],
  "share/completion.fish": ["completion", "fish"],
} as const

/** Files of the repository, by where they go. */
const COPIED = {
  "mesg.service": "packaging/system/mesg.service",
  "mesg.user.service": "packaging/system/mesg.user.service",
  "mesg.sysusers": "packaging/system/mesg.sysusers",
  "share/devices.conf": "packaging/system/devices.conf",
  "share/LICENSE": "LICENSE",
} as const

/** What a tree is made of beside the files of the repository. */
export interface Ingredients {
  readonly binary: string
  /** A binary that runs on this machine. */
  readonly speaker: string
  readonly bill: string
  /** The script as it is released: `mesg upgrade` runs it. */
  readonly installer: string
}

/** Writes what one architecture's archive holds. */
export function writeTree(folder: string, root: string, { binary, speaker, bill, installer }: Ingredients): void {
  const put = (path: string, text: string | Buffer, mode: number) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
    chmodSync(join(folder, path), mode)
  }
  mkdirSync(join(folder, "share"), { recursive: true })
  copyFileSync(binary, join(folder, "mesg"))
  chmodSync(join(folder, "mesg"), 0o755)
  put("install.sh", installer, 0o755)
  // By it an upgrade tells copies of the store apart.
  put("share/format", `${FORMAT}\n`, 0o644)
  put("share/mesg.cdx.json", readFileSync(bill), 0o644)
  for (const [path, from] of Object.entries(COPIED)) {
    copyFileSync(join(root, from), join(folder, path))
    chmodSync(join(folder, path), 0o644)
  }
  for (const [path, words] of Object.entries(SAID)) put(path, execFileSync(speaker, words), 0o644)
}

/** A tar of the folder's contents: the same bytes from the same files, whoever packs them and when. */
export function packTree(folder: string, file: string): void {
  const words = [
    "--sort=name",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    `--mtime=@${RELEASE_TIME_S}`,
    "--format=ustar",
  ]
  execFileSync("tar", [...words, "-cf", file, "-C", folder, "."])
}
