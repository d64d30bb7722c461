import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { ROOT, sources } from "../support/sources.ts"

const reference = (name: string) => readFileSync(join(ROOT, "docs/reference", name), "utf8")

/** Options of each command of docs/reference/cli.md, by its words. */
function commands(): Map<string, Set<string>> {
  const sections = reference("cli.md")
    .split(/^### `mesg /m)
    .slice(1)
  return new Map(
    sections.map((section) => {
      const name = /^[a-z-]+(?: [a-z-]+)*/.exec(section)![0]
      const options = [...section.matchAll(/^- `(--[a-z-]+)/gm)].map(([, option]) => option!)
      return [name, new Set([...options, "--json", "--home", "--help"])]
    }),
  )
}

/** What a reader would type: blocks of shell, and spans of code. */
const typed = sources(/^(?:README|SECURITY|docs\/guides\/[^/]+)\.md$/).flatMap(({ path, text }) =>
  [...text.matchAll(/^```(?:sh|ini)\n([\s\S]*?)^```|`([^`\n]+)`/gm)].map(([, block, span]) => ({
    path,
    text: block ?? span!,
  })),
)

describe("the guides", () => {
  it("begin with the workflow that `npm start` deploys", () => {
    const read = (path: string) => readFileSync(join(ROOT, path), "utf8")
    const [, shown] = /## How an application looks\n\n```yaml\nname: ev-charging\n([\s\S]*?)```/.exec(
      read("README.md"),
    )!
    assert.ok(shown!.length > 500)
    assert.ok(read("docs/examples/electric-car/app.yml").includes(shown!))
  })

  it("name only commands and options that there are", () => {
    const known = commands()
    const used = typed.flatMap(({ path, text }) =>
      // Not where mesg is a user, a group, an image or a unit.
      [...text.matchAll(/(?<![\w./@-]|-[a-z] |restart |enable )mesg(?:-edge)? (?=[a-z])([^\n`|;&>#]+)/g)].map(
        ([, words]) => ({ path, words: words!.trim() }),
      ),
    )
    assert.ok(used.length > 40, `${used.length} were found`)
    const wrong = used.filter(({ words }) => {
      const name = [...known.keys()].find((command) => words === command || words.startsWith(`${command} `))
      const nouns = [...known.keys()].some((command) => command.startsWith(`${words} `))
      if (name === undefined) return !nouns
      return (words.match(/--[a-z-]+/g) ?? []).some((option) => !known.get(name)!.has(option))
    })
    assert.deepEqual(wrong, [])
  })

  it("name only variables that there are", () => {
    const elsewhere = ["MESG_HOME", "MESG_URL", "MESG_TOKEN", "MESG_BACKUP_PASSPHRASE", "MESG_RELEASE_KEY"]
    const known = new Set([...reference("config.md").match(/\bMESG_[A-Z_]+/g)!, ...elsewhere])
    const ofInstaller = readFileSync(join(ROOT, "install.sh"), "utf8").match(/\bMESG_[A-Z_]+/g)!
    const used = typed.flatMap(({ path, text }) =>
      (text.match(/\bMESG_[A-Z_]+/g) ?? []).map((name) => ({ path, name })),
    )
    assert.ok(used.length > 15, `${used.length} were found`)
    assert.deepEqual(
      used.filter(({ name }) => !known.has(name) && !ofInstaller.includes(name)),
      [],
    )
  })
})
