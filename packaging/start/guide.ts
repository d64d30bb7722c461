import { executionText } from "../../agent/api/cli/render/execution.ts"
import { paint, printable, type Terminal } from "../../agent/api/cli/terminal.ts"
import type { MesgError } from "../../agent/base/errors.ts"
import type { ExecutionView } from "../../agent/schema/execution.ts"

/** What became of the first event; `execution` null where it was taken at an earlier start and is no longer kept. */
export interface First {
  readonly event: { readonly id: string; readonly car: string; readonly kwh: number; readonly price: number }
  readonly execution: ExecutionView | null
}

interface Guide {
  readonly home: string
  /** Whether the home was given by --home, so that the CLI must be told as well. */
  readonly named: boolean
  readonly agent: { readonly addresses: { readonly mqtt: string; readonly http: string } }
  readonly anonymous: "loopback" | "never"
  readonly first: First
  readonly terminal: Terminal
}

/** What a person who has just started the agent can do now. */
export function guide({ home, named, agent, anonymous, first, terminal }: Guide): string {
  const { mqtt, http } = agent.addresses
  const { hostname, port } = new URL(mqtt)
  const login = anonymous === "never" ? ` -u owner -P "$(cat ${quoted(`${home}/run/token`)})"` : ""
  const data = JSON.stringify({ car: "c-2", kwh: 18.5, price: 0.31 })
  const publish = `mosquitto_pub -h ${hostname.replace(/^\[|\]$/g, "")} -p ${port}${login} -q 1 -t mesg/v1/charger/event/charge-finished -m '${data}'`
  const cli = (words: string) => `npm run --silent mesg -- ${words}${named ? ` --home ${quoted(home)}` : ""}`
  const title = (text: string) => paint(terminal, "bold", text)
  return `
${title("MESG Edge is ready.")} The example application is deployed: docs/examples/electric-car

  API           ${http}/   (token: ${home}/run/token)
  MQTT          ${mqtt}

${title("The first event")}  charger/charge-finished ${JSON.stringify(first.event)}
${indented(firstText(first, terminal))}
${title("Try it:")} let another car be charged. Paste this into a second terminal:

${publish}

and see what became of it, here or with

  ${cli("execution list")}
  ${cli("execution show ID")}

Ctrl-C stops everything; start it again and it goes on where it was.
`
}

function firstText({ execution }: First, terminal: Terminal): string {
  if (execution === null) return "was taken at an earlier start; its execution is no longer kept\n"
  return executionText(execution, terminal)
}

/** One line for an execution that has ended: what each branch came to. */
export function lineOf({ id, status, trigger, branches, tasks }: ExecutionView): string {
  const taken = branches.filter((branch) => branch.status !== "not-taken")
  const paths = taken.map(({ path }) =>
    path
      .filter((task) => tasks[task]?.status != null)
      .map((task) => `${task} ${tasks[task]?.status}`)
      .join(" -> "),
  )
  return printable(
    `${id} ${status}: ${trigger.service}/${trigger.event} ${JSON.stringify(trigger.data)} => ${paths.join("; ")}`,
  )
}

/** @returns what to do where a port is taken, null for every other error */
export function portHint({ code, detail }: MesgError): string | null {
  const { port } = detail as { port?: number }
  if (port === undefined) return null
  const key = code === "MQTT_LISTEN_FAILED" ? "mqtt.port" : code === "HTTP_LISTEN_FAILED" ? "http.port" : null
  return key === null
    ? null
    : `is another one running? Stop it, or take another port: npm start -- --set ${key}=${port + 1}`
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "  ")
}

/** For a shell. */
function quoted(text: string): string {
  return /^[\w./~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
