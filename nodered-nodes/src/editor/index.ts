import { startPalette } from "./live-palette.ts"
import { registerStaticNodes } from "./static-nodes.ts"

registerStaticNodes()
startPalette()
