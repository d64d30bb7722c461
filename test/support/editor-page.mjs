// What is done and looked at inside of the editor's page. Each function is sent there by its text, so it stands alone.

/** Node-RED's own dark theme, since 5. */
export function setDark(dark) {
  document.documentElement.classList.toggle("nr-theme-dark", dark)
}

export function showWarning() {
  document.querySelector("#mesg-warning").textContent = "A warning, as it would be read"
}

/** Our part of the palette, from its beginning. */
export function showPalette() {
  document.querySelector("#red-ui-palette-container-MESG").scrollIntoView({ block: "start" })
}

/** A PNG as a WebP of half its size. */
export async function smaller(picture) {
  const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob())
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
  canvas.getContext("2d").drawImage(bitmap, 0, 0)
  const blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.8 })
  return new Uint8Array(await blob.arrayBuffer()).toBase64()
}

/** Trays slide; what is looked at must stand still. */
export function standsStill() {
  return document.getAnimations().every(({ playState }) => playState !== "running")
}

/** A dialog has come to its place and takes clicks; it is raised above its surroundings then. */
export function dialogIsOpen() {
  return document.querySelector("#red-ui-editor-stack").style.zIndex === "13"
}

/** So many wires are drawn. */
export function hasWires(count) {
  return document.querySelectorAll(".red-ui-flow-link").length === count
}

/** Which share of the pixels of two pictures differs by more than letters that are smoothed in another way. */
export async function differingShare(pictures) {
  const TOLERANCE = 48
  const [one, other] = await Promise.all(
    pictures.map(async (picture) => {
      const bitmap = await createImageBitmap(await (await fetch(`data:image;base64,${picture}`)).blob())
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")
      context.drawImage(bitmap, 0, 0)
      return context.getImageData(0, 0, bitmap.width, bitmap.height)
    }),
  )
  if (one.width !== other.width || one.height !== other.height) return 1
  let differing = 0
  for (let at = 0; at < one.data.length; at += 4) {
    const isOther = [0, 1, 2].some((channel) => Math.abs(one.data[at + channel] - other.data[at + channel]) > TOLERANCE)
    if (isOther) differing++
  }
  return differing / (one.data.length / 4)
}

/** The contrast of the texts at these places, by the formula of WCAG 2. */
export function contrasts(parts) {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number)
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((value) => {
      const part = value / 255
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    if (element === null) return "rgb(255, 255, 255)"
    const colour = getComputedStyle(element).backgroundColor
    return (channels(colour)[3] ?? 1) === 0 ? behind(element.parentElement) : colour
  }
  const found = parts.map((part) => {
    const element = document.querySelector(part)
    const text = luminance(getComputedStyle(element).color)
    const ground = luminance(behind(element))
    return [part, (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05)]
  })
  return Object.fromEntries(found)
}

/** Fields of ours in the dialog that a screen reader could not name. */
export function unnamedFields() {
  const form = document.querySelector("#dialog-form")
  return [...form.querySelectorAll("input:not([type=hidden]), select, button, textarea")]
    .filter((field) => field.offsetParent !== null && field.closest("[id^=mesg-], .mesg-row") !== null)
    .filter((field) => !field.getAttribute("aria-label") && !form.querySelector(`label[for="${field.id}"]`))
    .map((field) => field.outerHTML.slice(0, 200))
}

/** How long the editor took to make the palette when it was loaded, in ms. */
export function paletteMs() {
  return performance.getEntriesByName("mesg-palette", "measure")[0].duration
}

/** What stands on the tab that is shown, which has this name. */
export function nodesOnTab(label) {
  const { nodes, workspaces } = globalThis.RED
  const tab = workspaces.active()
  if (nodes.workspace(tab).label !== label) throw new Error(`the tab "${nodes.workspace(tab).label}" is shown`)
  const found = []
  nodes.eachNode((node) => {
    if (node.z === tab)
      found.push({ type: node.type, agent: node.agent, outputs: node.outputs, statuses: node.statuses })
  })
  return found
}

/** The ports of a node that wires lead from. */
export function wiredPorts(id) {
  const { nodes } = globalThis.RED
  return nodes.filterLinks({ source: nodes.node(id) }).map(({ sourcePort }) => sourcePort)
}
