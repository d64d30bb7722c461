import assert from "node:assert/strict"
import { execFile, execFileSync, spawnSync } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { RELEASED, servedRelease } from "../../support/release.ts"
import { tempDir } from "../../support/temp-dir.ts"

const run = promisify(execFile)

describe("the Debian packages", function () {
  this.timeout(300_000)
  let files: readonly string[]
  before(() => {
    files = ["amd64", "arm64"].map((arch) => join(servedRelease(), `mesg-edge_${RELEASED}_${arch}.deb`))
  })

  it("leave lintian nothing to say", async () => {
    const lint = (file: string) => run("lintian", ["--allow-root", "--fail-on", "error,warning", file])
    for (const { stdout } of await Promise.all(files.map(lint))) assert.equal(stdout, "")
  })

  it("put nothing where Debian's util-linux has a mesg of its own", () => {
    for (const file of files) {
      const listed = execFileSync("dpkg-deb", ["--contents", file], { encoding: "utf8" })
      assert.match(listed, /usr\/bin\/mesg-edge$/m)
      assert.doesNotMatch(listed, /usr\/bin\/mesg$|man1\/mesg\.1/m)
    }
  })

  it("complete the words of mesg-edge in bash", () => {
    for (const file of files) {
      const tree = tempDir("tree")
      execFileSync("dpkg-deb", ["--extract", file, tree])
      const completion = join(tree, "usr/share/bash-completion/completions/mesg-edge")
      const words = ["-c", '. "$1" && complete -p mesg-edge && type -t _mesg_edge', "bash", completion]
      assert.match(execFileSync("bash", words, { encoding: "utf8" }), /-F _mesg_edge mesg-edge\nfunction\n$/)
    }
  })

  it("have scripts that leave shellcheck nothing to say", () => {
    for (const file of files) {
      const control = tempDir("control")
      execFileSync("dpkg-deb", ["--control", file, control])
      const scripts = ["preinst", "postinst", "prerm", "postrm"].map((name) => join(control, name))
      const { status, stdout } = spawnSync("shellcheck", scripts, { encoding: "utf8" })
      assert.equal(stdout, "")
      assert.equal(status, 0)
    }
  })
})
