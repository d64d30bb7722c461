import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { COMMANDS, NOUNS } from "../../../../agent/api/cli/command-list.ts"
import { completionScript, manPage } from "../../../../agent/api/cli/shell.ts"
import { mesg } from "../../../support/cli.ts"
import { assertGolden } from "../../../support/golden.ts"
import { tempDir } from "../../../support/temp-dir.ts"

describe("the help of the CLI", () => {
  it("is the same as ever for the program, every noun and every command", async () => {
    const asked = [
      [],
      ...Object.keys(NOUNS).map((noun) => [noun]),
      ...COMMANDS.map(({ command }) => command.name.split(" ")),
    ]
    let text = ""
    for (const words of asked) {
      const { exitCode, out, err } = await mesg([...words, "--help"])
      assert.deepEqual([exitCode, err], [0, ""], words.join(" "))
      text += `$ mesg ${[...words, "--help"].join(" ")}\n${out}\n`
    }
    assertGolden("cli/help.txt", text)
  })

  it("is what `mesg` alone prints", async () => {
    const { exitCode, out } = await mesg([])
    assert.deepEqual([exitCode, out], [0, (await mesg(["--help"])).out])
  })

  it("says the version", async () => {
    assert.deepEqual(await mesg(["--version"]), { exitCode: 0, out: "0.1.0\n", err: "" })
  })

  const wrong: { words: string; says: RegExp }[] = [
    { words: "exeution list", says: /unknown command 'exeution'\n\(Did you mean execution\?\)/ },
    { words: "service lst", says: /unknown command 'lst'\n\(Did you mean list\?\)/ },
    { words: "status extra", says: /too many arguments/ },
    { words: "event emit ocpp --data {}", says: /missing required argument 'EVENT'/ },
    { words: "event emit ocpp stopped", says: /required option '--data <json>' not specified/ },
    { words: "execution list --stats failed", says: /unknown option '--stats'\n\(Did you mean --status\?\)/ },
    { words: "execution list --status done", says: /Allowed choices are created, running, waiting/ },
    { words: "execution list --limit many", says: /"many" is not a whole number/ },
    { words: "execution list --since yesterday", says: /neither a time nor a duration like 10m, 2h or 7d/ },
    { words: "event emit ocpp stopped --data {kwh:1}", says: /\{kwh:1\} is not JSON/ },
    { words: "service", says: /Usage: mesg service/ },
    { words: "completion tcsh", says: /"tcsh" is none of bash, zsh, fish/ },
  ]
  for (const { words, says } of wrong) {
    it(`\`mesg ${words}\` is a usage error that says why`, async () => {
      const { exitCode, out, err } = await mesg(words.split(" "))
      assert.deepEqual([exitCode, out], [2, ""])
      assert.match(err, says)
    })

    it(`\`mesg ${words} --json\` says the same as one JSON value`, async () => {
      const { exitCode, out, err } = await mesg([...words.split(" "), "--json"])
      assert.deepEqual([exitCode, err], [2, ""])
      const { code, message } = JSON.parse(out) as { code: string; message: string }
      assert.equal(code, "USAGE")
      assert.match(message, words === "service" ? /a command is missing/ : says)
    })
  }
})

describe("shell completion", () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    it(`for ${shell} is the same as ever`, () => {
      assertGolden(`cli/completion.${shell}`, completionScript(shell))
    })
  }

  const cases = [
    { words: "mesg exec", completes: "execution" },
    { words: "mesg execution wa", completes: "watch" },
    { words: "mesg execution list --sta", completes: "--status" },
    { words: "mesg service add --tr", completes: "--trust" },
    { words: "mesg status --js", completes: "--json" },
  ]
  for (const { words, completes } of cases) {
    it(`in bash turns \`${words}\` into ${completes}`, () => {
      const file = join(tempDir("completion"), "mesg.bash")
      writeFileSync(file, completionScript("bash"))
      const script = `source ${file}; COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _mesg; echo "\${COMPREPLY[@]}"`
      assert.equal(execFileSync("bash", ["--norc", "-c", script], { encoding: "utf8" }).trim(), completes)
    })
  }
})

describe("the manual page", () => {
  it("is the same as ever, and names every command and option", () => {
    const text = manPage("0.1.0")
    assertGolden("cli/mesg.1", text)
    const plain = text.replaceAll("\\-", "-")
    for (const { command } of COMMANDS) {
      assert.ok(plain.includes(`mesg ${command.name}`), command.name)
      for (const option of command.options ?? []) assert.ok(plain.includes(option.flags), option.flags)
    }
  })
})
