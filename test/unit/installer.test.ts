import assert from "node:assert/strict"
import { runInstaller } from "../../agent/installer.ts"
import { tempDir } from "../support/temp-dir.ts"

describe("the installer of an agent", () => {
  const call = {
    home: tempDir("home"),
    values: {},
    json: false,
    out: () => {},
    err: () => {},
    passphrase: async () => null,
  }
  for (const action of ["upgrade", "uninstall"] as const) {
    it(`refuses to ${action} with NOT_INSTALLED what install.sh did not install`, () => {
      assert.throws(() => runInstaller(action, call), { name: "InstallerError", code: "NOT_INSTALLED" })
    })
  }
})
