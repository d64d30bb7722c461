import { startPalette } from "./live-palette.ts"
import { startPanel } from "./panel.ts"
import { registerStaticNodes } from "./static-nodes.ts"

registerStaticNodes()
startPalette()
startPanel()
