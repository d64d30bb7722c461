import assert from "node:assert/strict"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { NodeRedError } from "../../../../agent/io/node-red/error.ts"
import { findNodeRed, globalModules, type NodeRedPlaces } from "../../../../agent/io/node-red/find.ts"
import { prepareUserFolder } from "../../../../agent/io/node-red/user-folder.ts"
import { tempDir } from "../../../support/temp-dir.ts"

/** A package that looks like an installed Node-RED. */
function install(folder: string, version: string, name = "node-red"): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version }))
  writeFileSync(join(folder, "red.js"), "")
  return folder
}

const none = (): NodeRedPlaces => {
  const root = tempDir("places")
  return { path: undefined, userDir: join(root, "user"), agent: join(root, "opt/mesg/agent"), search: "", global: [] }
}

describe("the Node-RED that is run", () => {
  const places: readonly { name: string; put: (places: NodeRedPlaces) => { folder: string; found: NodeRedPlaces } }[] =
    [
      {
        name: "is the configured folder",
        put: (at) => {
          const folder = install(tempDir("named"), "5.0.7")
          return { folder, found: { ...at, path: folder } }
        },
      },
      {
        name: "is in the node_modules of the configured folder",
        put: (at) => {
          const path = tempDir("named")
          return { folder: install(join(path, "node_modules/node-red"), "4.1.0"), found: { ...at, path } }
        },
      },
      {
        name: "is in the user folder of its flows",
        put: (at) => ({ folder: install(join(at.userDir, "node_modules/node-red"), "5.0.7"), found: at }),
      },
      {
        name: "is beside the agent",
        put: (at) => ({ folder: install(join(at.agent, "../node_modules/node-red"), "5.0.7"), found: at }),
      },
      {
        name: "is what `node-red` on the PATH leads to",
        put: (at) => {
          const folder = install(tempDir("elsewhere"), "5.0.7")
          const bin = tempDir("bin")
          symlinkSync(join(folder, "red.js"), join(bin, "node-red"))
          return { folder, found: { ...at, search: `/nowhere:${bin}` } }
        },
      },
      {
        name: "is installed for all users",
        put: (at) => {
          const modules = tempDir("global")
          return {
            folder: install(join(modules, "node-red"), "10.2.0"),
            found: { ...at, global: ["/nowhere", modules] },
          }
        },
      },
    ]
  for (const { name, put } of places) {
    it(name, () => {
      const { folder, found } = put(none())
      assert.equal(findNodeRed(found).folder, folder)
    })
  }

  it("is the one of its flows before one beside the agent", () => {
    const at = none()
    install(join(at.agent, "node_modules/node-red"), "5.0.7")
    const folder = install(join(at.userDir, "node_modules/node-red"), "5.0.7")
    assert.equal(findNodeRed(at).folder, folder)
  })

  it("is refused where it is too old, and not passed over", () => {
    for (const version of ["3.1.9", "4.0.9"]) {
      const at = none()
      install(join(at.userDir, "node_modules/node-red"), version)
      assert.throws(
        () => findNodeRed(at),
        (error: NodeRedError) => error.code === "NODE_RED_TOO_OLD" && error.message.includes(version),
      )
    }
  })

  it("is no other package", () => {
    const at = none()
    install(join(at.userDir, "node_modules/node-red"), "5.0.7", "red-node")
    assert.throws(
      () => findNodeRed(at),
      (error: NodeRedError) => error.code === "NODE_RED_NOT_FOUND" && /--node-red PATH/.test(error.remedy!),
    )
  })

  it("is looked for beside the running Node and where Debian has it", () => {
    assert.deepEqual(globalModules("/opt/node/bin/node"), [
      "/opt/node/lib/node_modules",
      "/usr/local/lib/node_modules",
      "/usr/lib/node_modules",
    ])
  })

  it("is refused without our nodes, with how to build them", () => {
    const options = { nodes: tempDir("unbuilt"), listen: "127.0.0.1", port: 0 }
    assert.throws(
      () => prepareUserFolder(tempDir("user"), options),
      (error: NodeRedError) => error.code === "NODE_RED_NODES_MISSING" && /packaging\/nodered/.test(error.remedy!),
    )
  })
})
