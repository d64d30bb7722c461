import { MesgError } from "../../base/errors.ts"

/** Why no Node-RED can be run. */
export class NodeRedError extends MesgError<
  | { readonly code: "NODE_RED_NOT_FOUND"; readonly path: string | null }
  | { readonly code: "NODE_RED_TOO_OLD"; readonly path: string; readonly version: string }
  | { readonly code: "NODE_RED_NODES_MISSING"; readonly path: string }
> {}
