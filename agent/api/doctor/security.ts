import { type Check, isLoopback } from "./check.ts"

const DAY_MS = 86_400_000
/** A secret that is older was seen by more people than anybody remembers. */
const TOKEN_AGE_MS_MAX = 365 * DAY_MS

/** The most that others may be allowed: the group of a system service may read its home and its run files. */
const PRIVATE_PATHS: readonly (readonly [path: string, most: number])[] = [
  [".", 0o750],
  ["keys", 0o700],
  ["run", 0o750],
  ["run/token", 0o640],
  ["run/agent.json", 0o640],
  ["data", 0o750],
]

export const EXPOSURE: Check = {
  id: "exposure",
  title: "Network exposure",
  standards: ["ETSI EN 303 645 5.6", "OWASP IoT I2"],
  run: (probes) => {
    const { listen, mqtt } = probes.config
    const open = !isLoopback(listen)
    if (!open) return { ok: true, detail: "only this machine can connect" }
    const anonymous = mqtt.anonymous === "loopback" && !probes.claimed()
    return {
      ok: !anonymous && mqtt.tls !== undefined,
      detail: anonymous
        ? `${listen} is reachable from outside, and clients of this machine need no password`
        : `${listen} is reachable from outside${mqtt.tls === undefined ? ", without TLS" : ""}`,
      remedy: "set mqtt.tls, and mqtt.anonymous: never; or listen on 127.0.0.1",
    }
  },
}

export const PERMISSIONS: Check = {
  id: "permissions",
  title: "Permissions",
  standards: ["ETSI EN 303 645 5.4", "OWASP IoT I7", "NIST IR 8259A data protection"],
  run: async (probes) => {
    const wrong: string[] = []
    for (const [path, most] of PRIVATE_PATHS) {
      const mode = await probes.mode(path)
      if (mode !== null && (mode & ~most) !== 0) wrong.push(`${path} is ${mode.toString(8).padStart(4, "0")}`)
    }
    return {
      ok: wrong.length === 0,
      detail: wrong.length === 0 ? "keys and tokens are the agent's alone" : wrong.join(", "),
      remedy: `chmod o-rwx,g-w ${probes.home} && chmod -R go-rwx ${probes.home}/keys ${probes.home}/run`,
    }
  },
}

/** What `mesg doctor --security` looks at, in the order it is shown. */
export const SECURITY_CHECKS: readonly Check[] = [
  EXPOSURE,
  {
    id: "passwords",
    title: "Logging in",
    standards: ["ETSI EN 303 645 5.1", "OWASP IoT I1", "NIST IR 8259A logical access to interfaces"],
    run: ({ config, claimed }) => {
      if (config.mqtt.anonymous === "never" || claimed()) return { ok: true, detail: "every client needs a token" }
      return {
        ok: isLoopback(config.listen),
        detail: "programs of this machine use MQTT without a password, with the owner's rights",
        remedy: "mesg config set mqtt.anonymous never",
      }
    },
  },
  {
    id: "encryption",
    title: "Encryption",
    standards: ["ETSI EN 303 645 5.5", "OWASP IoT I7", "NIST IR 8259A data protection"],
    run: ({ config: { listen, mqtt } }) => {
      if (isLoopback(listen)) return { ok: true, detail: "nothing leaves this machine" }
      const also = mqtt.tls === undefined ? "" : "; MQTT over TLS is there too"
      return {
        ok: false,
        detail: `MQTT on port ${mqtt.port} and HTTP can be read on the way${also}`,
        remedy: "listen on 127.0.0.1 and let a proxy with TLS take what comes from outside; mqtt.tls is for MQTT",
      }
    },
  },
  PERMISSIONS,
  {
    id: "user",
    title: "The agent's user",
    standards: ["ETSI EN 303 645 5.6", "OWASP IoT I9"],
    run: ({ isRoot }) => ({
      ok: !isRoot(),
      detail: isRoot() ? "root: whoever gets into the agent has the machine" : "not root",
      remedy: "run it as a user of its own",
    }),
  },
  {
    id: "tokens",
    title: "Tokens",
    standards: ["ETSI EN 303 645 5.1", "OWASP IoT I3", "NIST IR 8259A logical access to interfaces"],
    run: (probes) => {
      const tokens = probes.tokens()
      const { nowMs } = probes.clocks()
      const old = tokens.filter(({ createdMs }) => nowMs - createdMs > TOKEN_AGE_MS_MAX)
      const nameless = tokens.filter(({ scope, name }) => scope === "admin" && name === null)
      const wrong = [
        ...nameless.map(({ id }) => `${id} may do everything and has no name`),
        ...old.map(({ id, name }) => `${name ?? id} is older than a year`),
      ]
      const admins = tokens.filter(({ scope }) => scope === "admin").length
      const detail = `${tokens.length} of them, ${admins} with every right`
      return {
        ok: wrong.length === 0,
        detail: wrong.length === 0 ? detail : `${detail}: ${wrong.join(", ")}`,
        remedy: "mesg token list, then mesg token revoke ID; make a new one with --name and the least --scope",
      }
    },
  },
  {
    id: "trust",
    title: "Services with the agent's rights",
    standards: ["ETSI EN 303 645 5.6", "OWASP IoT I9", "CRA Annex I minimise data and attack surface"],
    run: (probes) => {
      const added = probes.services().filter(({ shipped }) => !shipped)
      const inside = added.filter(({ kind }) => kind === "in-process").map(({ id }) => `${id} runs inside the agent`)
      const wide = added.filter(({ networkAny }) => networkAny).map(({ id }) => `${id} reaches any host`)
      const wrong = [...inside, ...wide]
      return {
        ok: wrong.length === 0,
        detail: wrong.length === 0 ? "none but those that ship with it" : wrong.join(", "),
        remedy: "add them again without --trust and --network-any, where they can do without",
      }
    },
  },
  {
    id: "browsers",
    title: "Pages of others",
    standards: ["OWASP IoT I3"],
    run: ({ config: { http } }) => {
      const plain = http.origins.filter((origin) => !origin.startsWith("https:") && !isLocalOrigin(origin))
      const detail = http.origins.length === 0 ? "none may call the API" : `${http.origins.join(", ")} may call the API`
      return {
        ok: plain.length === 0,
        detail:
          plain.length === 0 ? detail : `${plain.join(", ")} may call the API, and anybody on the way may change them`,
        remedy: "name https origins only in http.origins",
      }
    },
  },
]

function isLocalOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLoopback(new URL(origin).hostname.replace(/^\[|\]$/g, ""))
}
