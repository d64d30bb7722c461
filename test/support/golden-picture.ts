import assert from "node:assert/strict"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Locator, Page } from "playwright-core"
import { differingShare } from "./editor-page.mjs"
import { ROOT } from "./sources.ts"

const FOLDER = join(ROOT, "test/golden/node-red")
/** Letters are drawn a little differently from one Chromium to the next; a node, a row or a theme is more than this. */
export const DIFFERING_SHARE_MAX = 0.01

/**
 * The page looks as it did at the last review. UPDATE_GOLDEN=1 takes the picture anew, to be looked at.
 * @param mask what is different each time
 */
export async function looksAsReviewed(page: Page, name: string, mask: readonly Locator[]): Promise<void> {
  const file = join(FOLDER, `${name}.png`)
  const picture = await page.screenshot({ mask: [...mask], maskColor: "#808080", animations: "disabled" })
  if (process.env["UPDATE_GOLDEN"] === "1") return writeFileSync(file, picture)
  const share = await differing(page, picture, readFileSync(file))
  const percent = `${(share * 100).toFixed(2)} % of ${name}`
  assert.ok(share <= DIFFERING_SHARE_MAX, `${percent} differ; UPDATE_GOLDEN=1 takes it anew, to be looked at`)
}

/** @returns which share of two reviewed pictures differs */
export function differenceOf(page: Page, one: string, other: string): Promise<number> {
  return differing(page, readFileSync(join(FOLDER, `${one}.png`)), readFileSync(join(FOLDER, `${other}.png`)))
}

function differing(page: Page, one: Buffer, other: Buffer): Promise<number> {
  return page.evaluate(differingShare, [one.toString("base64"), other.toString("base64")] as const)
}
