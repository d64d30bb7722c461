import { execFileSync } from "node:child_process"
import { join } from "node:path"
import type { Arch } from "../../packaging/binary/materials.ts"
import { ROOT } from "./sources.ts"

/** @returns the single file of these sources, built */
export function builtBinary(arch: Arch = "x64", root = ROOT): string {
  execFileSync(process.execPath, [join(root, "packaging/binary.ts"), arch], { cwd: root, stdio: "pipe" })
  return join(root, "dist", `mesg-linux-${arch}`)
}
