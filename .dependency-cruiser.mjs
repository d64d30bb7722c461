// The layers of ARCHITECTURE.md: base < schema < core < ports < { io, engine } < api < main.
const folder = (path) => `^agent/${path}/`
const ours = "^(agent|plugins|nodered-nodes|firmware-bridge)/"
const nodes = (path) => `^nodered-nodes/src/${path}`
/** What the editor is told by the runtime. */
const TOLD = "runtime/(palette/definition|(panel|transfer)/view)[.]ts$"
/** Who in the nodes uses which file of the agent. */
const SHARED = [
  ["runtime/inline/inputs[.]ts$", "^agent/(engine/executions/evaluate|ports/expressions)[.]ts$"],
  ["runtime/nodes/(event|wait)[.]ts$", "^agent/base/duration[.]ts$"],
  ["runtime/api/", "^agent/base/pause[.]ts$"],
  ["runtime/transfer/transfer[.]ts$", "^agent/api/cli/document[.]ts$"],
]
const only = (name, from, allowed) => ({
  name,
  severity: "error",
  from: { path: from },
  to: { path: ours, pathNot: allowed },
})

export default {
  forbidden: [
    only("base-imports-nothing", folder("base"), [folder("base")]),
    only("schema-imports-base", folder("schema"), [folder("base"), folder("schema")]),
    only("core-is-pure", folder("core"), [folder("base"), folder("schema"), folder("core")]),
    only("ports-are-types", folder("ports"), [folder("base"), folder("schema"), folder("ports")]),
    only("io-implements-ports", folder("io"), [folder("base"), folder("schema"), folder("ports"), folder("io")]),
    only(
      "engine-not-io",
      folder("engine"),
      ["base", "schema", "core", "ports", "engine"].map((name) => folder(name)),
    ),
    only(
      "api-over-engine",
      folder("api"),
      ["base", "schema", "ports", "engine", "api"].map((name) => folder(name)),
    ),
    only("plugins-only-sdk", "^plugins/([^/]+)/", ["^plugins/$1/", "^agent/sdk[.]ts$"]),
    only("nodes-only-sdk-and-schema", "^nodered-nodes/", [
      "^nodered-nodes/",
      "^agent/sdk[.]ts$",
      folder("schema"),
      ...SHARED.map(([, shared]) => shared),
    ]),
    ...SHARED.map(([user, shared]) => ({
      name: "nodes-share-where-it-means-the-same",
      comment: "A template, a duration and a file mean the same here as in the agent: bundled, not written twice.",
      severity: "error",
      from: { path: "^nodered-nodes/", pathNot: nodes(user) },
      to: { path: shared },
    })),
    {
      name: "nodes-editor-is-a-page",
      comment: "It is bundled into a page: no Node, no package, no agent; of the runtime it knows what it is told.",
      severity: "error",
      from: { path: nodes("editor/") },
      to: { pathNot: [nodes("(editor|flow)/"), nodes(TOLD)] },
    },
    {
      name: "nodes-editor-is-told-data",
      severity: "error",
      from: { path: nodes("editor/") },
      to: { path: nodes(TOLD), dependencyTypesNot: ["type-only"] },
    },
    only("nodes-runtime-knows-no-page", nodes("runtime/"), [nodes("(runtime|flow)/"), "^agent/"]),
    only("nodes-host-asks-the-agent", nodes("host/"), [nodes("host/"), nodes("runtime/(api/|limits[.]ts$)")]),
    {
      name: "nodes-see-types-of-schema",
      comment: "The package is published without the agent: of schema/ only types, which are gone when it is emitted.",
      severity: "error",
      // What is imported, or compared with what an agent has, gets the defaults of an application as the agent gives them.
      from: { path: "^nodered-nodes/", pathNot: nodes("runtime/(transfer/transfer|deploy/same)[.]ts$") },
      to: { path: folder("schema"), dependencyTypesNot: ["type-only"] },
    },
    {
      name: "flow-is-pure",
      comment: "What a flow means is asked by the runtime, by the editor and offline: no Node, no package, no runtime.",
      severity: "error",
      from: { path: nodes("flow/") },
      to: { pathNot: [nodes("flow/"), folder("schema")] },
    },
    {
      name: "io-siblings-are-strangers",
      comment: "What they share is how a folder is made and a PEM file is read.",
      severity: "error",
      from: { path: "^agent/io/([^/]+)/" },
      to: { path: "^agent/io/", pathNot: ["^agent/io/$1/", "^agent/io/(folder|pem-file)[.]ts$"] },
    },
    {
      name: "peers-are-loaded-late",
      comment:
        "libp2p takes as much memory as an agent: network.ts alone leads to it, loaded where a network is enabled.",
      severity: "error",
      from: { path: ours, pathNot: ["^agent/network[.]ts$", "^agent/io/peers/"] },
      to: { path: "^agent/io/peers/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "network-is-loaded-late",
      severity: "error",
      from: { path: ours },
      to: { path: "^agent/network[.]ts$", dynamic: false, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "below-io-no-node",
      comment:
        "Time, ids and entropy arrive inside inputs; base/hash.ts alone may use node:crypto, base/in-time.ts node:vm.",
      severity: "error",
      from: { path: "^agent/(base|schema|core)/", pathNot: "^agent/base/(hash|in-time)[.]ts$" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "product-never-imports-tests",
      severity: "error",
      from: { path: ours },
      to: { path: "^(test|packaging)/" },
    },
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
    exclude: { path: "(^|/)(dist|coverage)/" },
  },
}
