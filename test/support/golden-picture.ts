import assert from "node:assert/strict"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Locator, Page } from "playwright-core"
import { differingShare, smaller } from "./editor-page.mjs"
import type { NodeRedVersion } from "./node-red.ts"
import { ROOT } from "./sources.ts"

const FOLDER = join(ROOT, "test/golden/node-red")
/** Letters are drawn a little differently from one Chromium to the next; a node, a row or a theme is more than this. */
export const DIFFERING_SHARE_MAX = 0.01

/** The version whose editor is reviewed. */
export const REVIEWED_VERSION: NodeRedVersion = "5.0.7"

/**
 * The page looks as it did at the last review. UPDATE_GOLDEN=1 takes the picture anew, to be looked at.
 * @param version of Node-RED; nothing is looked at where it is not REVIEWED_VERSION
 * @param mask what is different each time
 */
export async function looksAsReviewed(
  page: Page,
  version: NodeRedVersion,
  name: string,
  mask: readonly Locator[],
): Promise<void> {
  if (version !== REVIEWED_VERSION) return
  const file = join(FOLDER, `${name}.webp`)
  const picture = await page.screenshot({ mask: [...mask], maskColor: "#808080", animations: "disabled" })
  if (process.env["UPDATE_GOLDEN"] === "1") {
    return writeFileSync(file, Buffer.from(await page.evaluate(smaller, picture.toString("base64")), "base64"))
  }
  const share = await differing(page, picture, readFileSync(file))
  const percent = `${(share * 100).toFixed(2)} % of ${name}`
  assert.ok(share <= DIFFERING_SHARE_MAX, `${percent} differ; UPDATE_GOLDEN=1 takes it anew, to be looked at`)
}

/** @returns which share of two reviewed pictures differs */
export function differenceOf(page: Page, one: string, other: string): Promise<number> {
  return differing(page, readFileSync(join(FOLDER, `${one}.webp`)), readFileSync(join(FOLDER, `${other}.webp`)))
}

function differing(page: Page, one: Buffer, other: Buffer): Promise<number> {
  return page.evaluate(differingShare, [one.toString("base64"), other.toString("base64")] as const)
}
