import assert from "node:assert/strict"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PEM_FILE_BYTES_MAX } from "../../../../agent/base/limits.ts"
import { type ConfigSources, loadConfig, setConfig } from "../../../../agent/io/config/config.ts"
import { ConfigError } from "../../../../agent/io/config/errors.ts"
import { homeFolder, SERVICE_HOME } from "../../../../agent/io/config/home.ts"
import { SETTINGS, variableOf } from "../../../../agent/io/config/settings.ts"
import { makeCertificate } from "../../../support/certificate.ts"

describe("configuration", () => {
  let home: string
  const file = () => join(home, "config.yml")
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "mesg-config-"))
  })
  afterEach(() => rmSync(home, { recursive: true }))

  const load = (text: string | null, more: Partial<ConfigSources> = {}) => {
    if (text !== null) writeFileSync(file(), text)
    return loadConfig({ home, env: {}, sets: [], ...more })
  }

  it("has a default for everything when there is no file", () => {
    const { config, entries } = load(null)
    assert.equal(config.mqtt.port, 1883)
    assert.deepEqual(
      entries().filter(({ source }) => source !== "default"),
      [],
    )
  })

  it("puts the environment over the file and --set over both, and says where each value comes from", () => {
    const { config, entries } = load("name: shed\nmqtt:\n  port: 1\nhttp: { port: 2 }\nlog:\n  level: warn\n", {
      env: { MESG_HTTP_PORT: "3", MESG_LOG_LEVEL: "error", MESG_HOME: "/elsewhere", PATH: "/bin" },
      sets: ["log.level=debug", "http.hosts=gate.local, shed", "http.metrics=true"],
    })
    assert.deepEqual([config.name, config.mqtt.port, config.http.port, config.log.level], ["shed", 1, 3, "debug"])
    assert.deepEqual(config.http.hosts, ["gate.local", "shed"])
    assert.equal(config.http.metrics, true)
    const found = Object.fromEntries(entries().map(({ key, source, place }) => [key, `${source} ${place}`]))
    assert.equal(found["name"], "file config.yml:1")
    assert.equal(found["mqtt.port"], "file config.yml:3")
    assert.equal(found["http.port"], "environment MESG_HTTP_PORT")
    assert.equal(found["log.level"], "command line --set")
    assert.equal(found["store.copies"], "default ")
  })

  it("takes a group from the environment alone", () => {
    const { config } = load(null, { env: { MESG_MQTT_TLS_CERT: "c.pem", MESG_MQTT_TLS_KEY: "k.pem" } })
    assert.deepEqual(config.mqtt.tls, { port: 8883, cert: "c.pem", key: "k.pem" })
  })

  it("has a variable for every setting, each its own", () => {
    assert.equal(variableOf("mqtt.port"), "MESG_MQTT_PORT")
    assert.equal(variableOf("mqtt.maxPacketBytes"), "MESG_MQTT_MAX_PACKET_BYTES")
    assert.equal(new Set(SETTINGS.map(({ variable }) => variable)).size, SETTINGS.length)
    for (const { key, description } of SETTINGS) assert.ok(description.length > 0, `${key} has no description`)
  })

  const wrong: { name: string; text?: string; more?: Partial<ConfigSources>; code: string; says: RegExp }[] = [
    {
      name: "an unknown key",
      text: "mqtt:\n  prot: 1\n",
      code: "CONFIG_UNKNOWN_KEY",
      says: /config\.yml:2: mqtt\.prot .*Did you mean mqtt\.port\?/,
    },
    {
      name: "an unknown group",
      text: "name: a\nmqqt: {}\n",
      code: "CONFIG_UNKNOWN_KEY",
      says: /config\.yml:2: mqqt is no setting/,
    },
    { name: "__proto__", text: "__proto__: { a: 1 }\n", code: "CONFIG_UNKNOWN_KEY", says: /config\.yml:1: __proto__/ },
    {
      name: "an unknown variable",
      more: { env: { MESG_MQTT_PROT: "1" } },
      code: "CONFIG_UNKNOWN_KEY",
      says: /^MESG_MQTT_PROT .*mean MESG_MQTT_PORT/,
    },
    {
      name: "an unknown --set",
      more: { sets: ["mqtt.anonymus=never"] },
      code: "CONFIG_UNKNOWN_KEY",
      says: /--set: mqtt\.anonymus .*mean mqtt\.anonymous/,
    },
    {
      name: "a text for a number",
      text: "# ports\nmqtt:\n  port: x\n",
      code: "CONFIG_INVALID",
      says: /config\.yml:3: mqtt\.port is "x"; it must be a number/,
    },
    {
      name: "a text for a number in a variable",
      more: { env: { MESG_HTTP_PORT: "http" } },
      code: "CONFIG_INVALID",
      says: /^MESG_HTTP_PORT: http\.port is "http"/,
    },
    {
      name: "a number too large",
      text: "mqtt: { port: 70000 }\n",
      code: "CONFIG_INVALID",
      says: /:1: mqtt\.port is 70000; it must be at most 65535/,
    },
    {
      name: "a number that is not whole",
      text: "mqtt:\n  maxConnections: 1.5\n",
      code: "CONFIG_INVALID",
      says: /:2: mqtt\.maxConnections .* a whole number/,
    },
    {
      name: "a value for a group",
      text: "mqtt: 3\n",
      code: "CONFIG_INVALID",
      says: /:1: mqtt is 3; it must be a group/,
    },
    {
      name: "a group in --set",
      more: { sets: ["mqtt=3"] },
      code: "CONFIG_INVALID",
      says: /mqtt is a group.*mqtt\.port/,
    },
    {
      name: "a choice there is not",
      text: "log: { level: loud }\n",
      code: "CONFIG_INVALID",
      says: /log\.level is "loud"; it must be one of debug, info/,
    },
    {
      name: "a list item of the wrong type",
      text: "http:\n  hosts: [1]\n",
      code: "CONFIG_INVALID",
      says: /:2: http\.hosts\.0 is 1; it must be a list of texts/,
    },
    {
      name: "what a group needs and has not",
      text: "mqtt:\n  tls:\n    cert: a\n",
      code: "CONFIG_INVALID",
      says: /:2: mqtt\.tls\.key is missing/,
    },
    {
      name: "a store that no machine has the addresses for",
      text: "store:\n  quotaMb: 16777216\n",
      code: "CONFIG_INVALID",
      says: /:2: store\.quotaMb is 16777216; it must be at most 65536/,
    },
    {
      name: "a key with dots, which the command line gives too",
      text: "name: a\nhttp.port: 5\n",
      more: { sets: ["http.port=6"] },
      code: "CONFIG_UNKNOWN_KEY",
      says: /config\.yml:2: "http\.port" is no key of this file Write it as a group: http: \{ port: … \}\./,
    },
    {
      name: "a name that breaks the line",
      text: 'name: "a\\nb"\n',
      code: "CONFIG_INVALID",
      says: /:1: name is "a\\nb"; it must be a text without control characters/,
    },
    {
      name: "two origins in one",
      text: "http:\n  origins: ['https://a.example,https://b.example']\n",
      code: "CONFIG_INVALID",
      says: /:2: http\.origins\.0 .* it must be an origin such as https:\/\/panel\.example\.org/,
    },
    {
      name: "packets that no CONNECT fits into",
      text: "mqtt: { maxPacketBytes: 1 }\n",
      code: "CONFIG_INVALID",
      says: /mqtt\.maxPacketBytes is 1; it must be at least 4096/,
    },
    {
      name: "packets that no memory holds",
      text: "mqtt: { maxPacketBytes: 1000000000 }\n",
      code: "CONFIG_INVALID",
      says: /it must be at most 16777216/,
    },
    { name: "a --set without =", more: { sets: ["mqtt.port"] }, code: "CONFIG_INVALID", says: /KEY=VALUE/ },
    { name: "no YAML", text: "mqtt:\n  port: [1\n", code: "CONFIG_SYNTAX", says: /config\.yml:\d: / },
    { name: "a key twice", text: "name: a\nname: b\n", code: "CONFIG_SYNTAX", says: /config\.yml:2: / },
    { name: "a list for the whole", text: "- 1\n", code: "CONFIG_INVALID", says: /map of settings/ },
    {
      name: "aliases that explode",
      text: `a: &a [1,1]\n${"bcdefghijk"
        .split("")
        .map((n, i) => `${n}: &${n} [${`*${"abcdefghij"[i]},`.repeat(9)}]`)
        .join("\n")}\n`,
      code: "CONFIG_SYNTAX",
      says: /alias/i,
    },
    { name: "a file too large", text: `# ${"x".repeat(300_000)}`, code: "CONFIG_UNREADABLE", says: /larger than/ },
  ]
  for (const { name, text = null, more, code, says } of wrong) {
    it(`refuses ${name}, naming the place`, () => {
      assert.throws(
        () => load(text, more),
        (error: unknown) => {
          assert.ok(error instanceof ConfigError)
          assert.equal(error.code, code)
          assert.match(`${error.message} ${error.remedy ?? ""}`, says)
          return true
        },
      )
    })
  }

  // A folder in its place cannot be read, nor replaced by a file, not even by root.
  it("says when the file cannot be read", () => {
    mkdirSync(file())
    assert.throws(() => loadConfig({ home, env: {}, sets: [] }), { name: "ConfigError", code: "CONFIG_UNREADABLE" })
  })

  describe("set", () => {
    const text = "# the shed\n\nmqtt:\n  port: 1 # why one\n\nhttp: { port: 3 }\n"

    it("changes one value and keeps comments, order and the rest", async () => {
      const loaded = load(text)
      assert.deepEqual(await loaded.set({ "mqtt.port": 0 }), { restart: true })
      await loaded.set({ "log.level": "debug" })
      assert.equal(
        readFileSync(file(), "utf8"),
        "# the shed\n\nmqtt:\n  port: 0 # why one\n\nhttp: { port: 3 }\nlog:\n  level: debug\n",
      )
      assert.equal(load(null).config.mqtt.port, 0)
    })

    it("takes a value out, so that the default holds", async () => {
      load(text)
      await setConfig(home, { "http.port": null })
      assert.equal(load(null).config.http.port, 6374)
      assert.equal(load(null).config.mqtt.port, 1)
    })

    for (const text of [null, "", "# only words\n", "http:\n  port: 1\n"])
      it(`takes out what is not there, of ${JSON.stringify(text)}`, async () => {
        if (text !== null) writeFileSync(file(), text)
        await setConfig(home, { "mqtt.port": null, name: null })
        assert.equal(load(null).config.http.port, text?.includes("port") ? 1 : 6374)
      })

    it("makes the file where there is none, for its owner only, and leaves no other file", async () => {
      await setConfig(home, { "mqtt.port": "0" })
      assert.equal(readFileSync(file(), "utf8"), "mqtt:\n  port: 0\n")
      assert.equal(statSync(file()).mode & 0o777, 0o600)
      assert.deepEqual(readdirSync(home), ["config.yml"])
    })

    it("sets together what is only valid together, and takes it out again", async () => {
      const { cert, key } = makeCertificate(home)
      await assert.rejects(setConfig(home, { "mqtt.tls.cert": cert }), {
        message: "config set: mqtt.tls.cert needs mqtt.tls.key too",
        remedy: "Set mqtt.tls.key together with mqtt.tls.cert.",
      })
      await setConfig(home, { "mqtt.tls.cert": cert, "mqtt.tls.key": key })
      assert.deepEqual(load(null).config.mqtt.tls, { port: 8883, cert, key })
      await assert.rejects(setConfig(home, { "mqtt.tls.cert": null }), {
        message: "config unset: mqtt.tls needs mqtt.tls.cert",
        remedy: "Unset the other settings of mqtt.tls together with it.",
      })
      await setConfig(home, { "mqtt.tls.cert": null, "mqtt.tls.key": null })
      assert.equal(load(null).config.mqtt.tls, undefined)
    })

    const impossible: { name: string; values: () => Record<string, string>; says: RegExp }[] = [
      {
        name: "an address that this machine has not",
        values: () => ({ listen: "192.0.2.1" }),
        says: /listen is "192\.0\.2\.1", where nothing can listen/,
      },
      {
        name: "what is no address at all",
        values: () => ({ listen: "\0" }),
        says: /listen is "\\u0000", where nothing can listen/,
      },
      { name: "an empty address", values: () => ({ listen: "" }), says: /listen is ""; it must be a text that is not/ },
      {
        name: "an address for Node-RED that this machine has not",
        values: () => ({ "nodeRed.listen": "192.0.2.1" }),
        says: /nodeRed\.listen is "192\.0\.2\.1"/,
      },
      {
        name: "a certificate that never ends",
        values: () => ({ "mqtt.tls.cert": "/dev/zero", "mqtt.tls.key": "/dev/zero" }),
        says: /mqtt\.tls\.cert: \/dev\/zero cannot be read: it is no file/,
      },
      {
        name: "a certificate that is far too large",
        values: () => {
          const cert = join(home, "large.pem")
          writeFileSync(cert, "x".repeat(PEM_FILE_BYTES_MAX + 1))
          return { "mqtt.tls.cert": cert, "mqtt.tls.key": cert }
        },
        says: /large\.pem cannot be read: it is larger than 1048576 bytes/,
      },
      {
        name: "a certificate that cannot be read",
        values: () => ({ "mqtt.tls.cert": "/nowhere.pem", "mqtt.tls.key": "/nowhere.pem" }),
        says: /mqtt\.tls\.cert: \/nowhere\.pem cannot be read/,
      },
      {
        name: "a key that is not the certificate's",
        values: () => ({
          "mqtt.tls.cert": makeCertificate(home, "one").cert,
          "mqtt.tls.key": makeCertificate(home, "other").key,
        }),
        says: /the certificate and the key cannot be used/,
      },
    ]
    for (const { name, values, says } of impossible) {
      it(`refuses ${name}, and leaves the file as it was`, async () => {
        load(text)
        await assert.rejects(setConfig(home, values()), { code: "CONFIG_INVALID", message: says })
        assert.equal(readFileSync(file(), "utf8"), text)
      })
    }

    const refused: { name: string; key: string; value: string | null; code: string }[] = [
      { name: "an unknown key", key: "mqtt.prot", value: "1", code: "CONFIG_UNKNOWN_KEY" },
      { name: "to take out an unknown key", key: "mqtt.prot", value: null, code: "CONFIG_UNKNOWN_KEY" },
      { name: "to take out a group", key: "mqtt", value: null, code: "CONFIG_INVALID" },
      { name: "a wrong type", key: "mqtt.port", value: "x", code: "CONFIG_INVALID" },
      { name: "a group", key: "mqtt", value: "x", code: "CONFIG_INVALID" },
    ]
    for (const { name, key, value, code } of refused) {
      it(`refuses ${name} and leaves the file as it was`, async () => {
        await assert.rejects(load(text).set({ "log.level": "error", [key]: value }), { code })
        assert.equal(readFileSync(file(), "utf8"), text)
      })
    }

    it("says when the file cannot be written, and leaves it as it was", async () => {
      load(text)
      // Not even root can open a folder for writing.
      mkdirSync(`${file()}.${process.pid}.tmp`)
      await assert.rejects(setConfig(home, { "mqtt.port": "0" }), { name: "ConfigError", code: "CONFIG_UNWRITABLE" })
      assert.equal(readFileSync(file(), "utf8"), text)
      assert.deepEqual(readdirSync(home), ["config.yml"])
    })
  })

  describe("the home folder", () => {
    const cases: { name: string; flag?: string; env?: Record<string, string>; there?: string[]; is: string }[] = [
      { name: "--home comes first", flag: "/a", env: { MESG_HOME: "/b" }, is: "/a" },
      { name: "then MESG_HOME", env: { MESG_HOME: "/b", STATE_DIRECTORY: "/c" }, is: "/b" },
      { name: "then what systemd made", env: { STATE_DIRECTORY: "/c:/d", HOME: "/u" }, is: "/c" },
      {
        name: "then the user's own",
        env: { HOME: "/u" },
        there: ["/u/.local/share/mesg", SERVICE_HOME],
        is: "/u/.local/share/mesg",
      },
      { name: "then the installed service's", env: { HOME: "/u" }, there: [SERVICE_HOME], is: SERVICE_HOME },
      { name: "then the user's own, to be made", env: { HOME: "/u" }, is: "/u/.local/share/mesg" },
      { name: "an empty variable is none", env: { MESG_HOME: "", HOME: "/u", XDG_DATA_HOME: "/x" }, is: "/x/mesg" },
    ]
    for (const { name, flag, env = {}, there = [], is } of cases) {
      it(name, () =>
        assert.equal(
          homeFolder(flag, env, (path) => there.includes(path)),
          is,
        ),
      )
    }
  })
})
