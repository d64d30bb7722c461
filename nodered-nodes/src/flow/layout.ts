/** A node to be laid out: how large Node-RED draws it, and the ports that lead to it. */
export interface Box {
  readonly label: string
  /** Output ports; they stand below one another on its right side. */
  readonly ports: number
  readonly from: readonly { readonly box: number; readonly port: number }[]
}

/** The middle of a node on the tab, as Node-RED stores it. */
export interface Position {
  readonly x: number
  readonly y: number
}

const GRID = 20
const MARGIN = 60
const COLUMN_GAP = 80
const ROW_GAP = 30
const PORT_PITCH = 15

/** As the editor draws it: room for the icon, the label and the ports. */
export function sizeOf({ label, ports }: Box): { readonly width: number; readonly height: number } {
  return { width: toGrid(Math.max(120, 60 + 8 * label.length)), height: Math.max(30, PORT_PITCH * ports) }
}

/**
 * Lays nodes out from left to right: every wire leads to the right, no two nodes overlap, and what follows a port stands
 * about as high as the port.
 * @param boxes in any order
 * @param top where the highest one may begin
 * @returns their positions, and where the lowest one ends
 */
export function layOut(boxes: readonly Box[], top: number): { readonly at: Position[]; readonly bottom: number } {
  const columns: number[][] = []
  columnsOf(boxes).forEach((column, box) => {
    while (columns.length <= column) columns.push([])
    columns[column]!.push(box)
  })
  const at: Position[] = []
  let left = MARGIN
  let bottom = top
  for (const column of columns) {
    const width = Math.max(...column.map((box) => sizeOf(boxes[box]!).width))
    const wished = new Map(column.map((box) => [box, wishedHeight(boxes, box, at, top)]))
    // Those of equal height stay in their order.
    const ordered = column.toSorted((a, b) => wished.get(a)! - wished.get(b)!)
    let free = top
    const drift = ordered.map((box) => {
      const { height } = sizeOf(boxes[box]!)
      const y = Math.max(wished.get(box)!, free + height / 2)
      at[box] = { x: left + width / 2, y }
      free = y + height / 2 + ROW_GAP
      return y - wished.get(box)!
    })
    // Pushed apart, they went down only: half of it is given back.
    const [highest] = ordered
    const room = at[highest!]!.y - sizeOf(boxes[highest!]!).height / 2 - top
    const lift = Math.min(room, drift.reduce((sum, one) => sum + one, 0) / drift.length)
    let edge = top
    for (const box of ordered) {
      const { height } = sizeOf(boxes[box]!)
      const y = Math.max(toGrid(at[box]!.y - lift), Math.ceil((edge + height / 2) / GRID) * GRID)
      at[box] = { x: at[box]!.x, y }
      edge = y + height / 2 + ROW_GAP / 2
      bottom = Math.max(bottom, y + height / 2)
    }
    left += width + COLUMN_GAP
  }
  return { at, bottom }
}

/** The height of the ports that lead to a box, on average. Their boxes have been laid out. */
function wishedHeight(boxes: readonly Box[], box: number, at: readonly Position[], top: number): number {
  const ports = boxes[box]!.from.filter((edge) => at[edge.box] !== undefined)
  if (ports.length === 0) return top + sizeOf(boxes[box]!).height / 2
  const heights = ports.map((edge) => {
    return at[edge.box]!.y + (edge.port - (boxes[edge.box]!.ports - 1) / 2) * PORT_PITCH
  })
  return heights.reduce((sum, one) => sum + one, 0) / heights.length
}

/** @returns per box how many wires lie on the longest way to it; boxes on a circle stand behind all others */
function columnsOf(boxes: readonly Box[]): number[] {
  const columns = boxes.map(() => 0)
  const open = boxes.map(({ from }) => from.length)
  const next: number[][] = boxes.map(() => [])
  boxes.forEach(({ from }, box) => {
    for (const edge of from) next[edge.box]!.push(box)
  })
  const ready = boxes.flatMap((_, box) => (open[box] === 0 ? [box] : []))
  for (let i = 0; i < ready.length; i++) {
    for (const box of next[ready[i]!]!) {
      columns[box] = Math.max(columns[box]!, columns[ready[i]!]! + 1)
      open[box]!--
      if (open[box] === 0) ready.push(box)
    }
  }
  const last = Math.max(0, ...ready.map((box) => columns[box]!)) + 1
  return columns.map((column, box) => (open[box] === 0 ? column : last))
}

/** Halves go up the tab: else what parts and comes together again would sink with every time. */
function toGrid(value: number): number {
  return Math.ceil(value / GRID - 0.5) * GRID
}
