import { join } from "node:path"
import { npmCache } from "./npm-cache.ts"

/** @param version exact @returns the program of that Node, as npm brings it: installed outside the checkout, once */
export function npmNode(version: string): string {
  const name = `node-linux-${process.arch}`
  return join(npmCache(`node-${version}`, [`${name}@${version}`]), "node_modules", name, "bin/node")
}
