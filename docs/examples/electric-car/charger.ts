import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type ManifestInput, type RemoteServiceHandle, remoteService } from "../../../agent/sdk.ts"

/*
 * A simulated charger and its power supplier: a program of its own that knows the agent by MQTT alone. It registers
 * two services, answers their tasks once it has verified who asks, and reports charges as events.
 *
 *   node docs/examples/electric-car/charger.ts HOME     HOME: the agent's home
 *
 * Started by `npm start` it says when it is ready and reports a charge when it is told to.
 */
const CHARGER: ManifestInput = {
  id: "charger",
  name: "Charger",
  version: "1.0.0",
  description: "A charging station in front of the house",
  events: {
    "charge-finished": {
      description: "A car is full, or was unplugged",
      data: {
        type: "object",
        properties: {
          car: { type: "string", pattern: "^[A-Za-z0-9_-]{1,32}$" },
          kwh: { type: "number", minimum: 0 },
          price: { type: "number", minimum: 0, description: "per kWh" },
        },
        required: ["car", "kwh", "price"],
        additionalProperties: false,
      },
      witness: "single",
    },
  },
  tasks: {
    standby: {
      description: "Releases the cable and sleeps until the next car",
      inputs: { type: "object", properties: { car: { type: "string" } }, required: ["car"] },
      statuses: {
        ok: { data: { type: "object", properties: { standby: { const: true } } } },
        unreachable: { data: { type: "object", properties: { reason: { type: "string" } } } },
      },
      // A charger in standby that is put to standby stays as it is.
      effect: "idempotent",
      timeoutMs: 10_000,
    },
  },
}

const SUPPLIER: ManifestInput = {
  id: "supplier",
  name: "Power supplier",
  version: "1.0.0",
  description: "Takes payments for power",
  tasks: {
    pay: {
      inputs: {
        type: "object",
        properties: { to: { type: "string" }, amount: { type: "number", minimum: 0 } },
        required: ["to", "amount"],
      },
      statuses: {
        paid: {
          data: {
            type: "object",
            properties: { receipt: { type: "string" }, amount: { type: "number" } },
            required: ["receipt", "amount"],
          },
        },
        refused: { data: { type: "object", properties: { reason: { type: "string" } }, required: ["reason"] } },
      },
      // The execution's id is the key of the payment: asked twice, it is paid once.
      effect: "idempotent",
      timeoutMs: 10_000,
    },
  },
}

const CREDIT = 100

interface Payment {
  readonly to: string
  readonly amount: number
}

interface Charge {
  readonly id: string
  readonly car: string
  readonly kwh: number
  readonly price: number
}

function pay({ to, amount }: Payment, { execution }: { execution: string }) {
  if (amount > CREDIT) return { status: "refused", data: { reason: `${amount} is more than the credit of ${CREDIT}` } }
  return { status: "paid", data: { receipt: `${to}/${execution}`, amount } }
}

/** Runs both services until the signal aborts. @throws RemoteServiceError where the agent does not take them */
async function connect(home: string, signal: AbortSignal): Promise<RemoteServiceHandle> {
  const agent = JSON.parse(readFileSync(join(home, "run/agent.json"), "utf8")) as { mqtt: string; nodeKey: string }
  const options = {
    mqtt: agent.mqtt,
    username: "owner",
    password: readFileSync(join(home, "run/token"), "utf8").trim(),
    // Requests of any other Core are dropped.
    core: agent.nodeKey,
    log: (level: string, message: string, fields: object) => {
      if (!signal.aborted) process.stderr.write(`charger: ${level}: ${message} ${JSON.stringify(fields)}\n`)
    },
    signal: AbortSignal.any([signal, AbortSignal.timeout(20_000)]),
  }
  const services = await Promise.all([
    remoteService(CHARGER, { tasks: { standby: () => ({ status: "ok", data: { standby: true } }) } }, options),
    remoteService(SUPPLIER, { tasks: { pay } }, options),
  ])
  signal.addEventListener("abort", () => {
    Promise.all(services.map((service) => service.stop())).then(
      () => {
        if (process.connected) process.disconnect?.()
      },
      (error: unknown) => {
        process.stderr.write(`charger: ${String(error)}\n`)
        process.exit(1)
      },
    )
  })
  return services[0]
}

const [home] = process.argv.slice(2)
if (home === undefined) {
  process.stderr.write("usage: charger.ts HOME (of the agent)\n")
  process.exit(2)
}
const life = new AbortController()
// An orphan would go on to charge cars: it ends with who started it.
for (const signal of ["SIGINT", "SIGTERM", "disconnect"]) process.once(signal, () => life.abort())
const charger = await connect(home, life.signal)
const report = ({ id, ...data }: Charge) => charger.emit("charge-finished", data, { id })

if (process.send === undefined) {
  await report({ id: `by-hand-${process.pid}`, car: "c-1", kwh: 12.5, price: 0.32 })
  process.stdout.write("charger: c-1 has been charged; Ctrl-C ends the charger\n")
} else {
  process.on("message", (charge: Charge) => {
    report(charge).then(
      () => process.send?.({ charged: charge.id }),
      (error: unknown) => process.send?.({ failed: String(error) }),
    )
  })
  process.send({ ready: true })
}
