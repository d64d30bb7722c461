import { startPalette } from "./live-palette.ts"
import { startPanel } from "./panel.ts"
import { registerServiceNodes } from "./service-nodes.ts"
import { registerStaticNodes } from "./static-nodes.ts"
import { startTransfer } from "./transfer.ts"
import { watchWires } from "./work-node.ts"

registerStaticNodes()
registerServiceNodes()
startPalette()
startPanel()
startTransfer()
watchWires()
