import { sized } from "../../base/sized.ts"
import type { ExecutionId, ServiceId } from "../../base/ids.ts"
import type { Input, InputKind } from "../../core/execution/input.ts"
import type { Event } from "../../schema/event.ts"
import type { Json } from "../../schema/json.ts"

/** One durable step: the inputs that were taken together. `core` is the node key of the Core that recorded it. */
export interface StepRecord {
  readonly atMs: number
  readonly core: string
  readonly inputs: readonly Input[]
}

/** What a step need not say because it stands beside it: whose it is, and the node key that it means by 0. */
export interface StepContext {
  readonly execution: ExecutionId
  readonly core: string
}

type FieldsOf<Kind extends InputKind> = Exclude<keyof (Input & { readonly kind: Kind }), "kind" | "atMs" | "execution">

/**
 * How an input lies in the store, docs/spec/execution.md#history: the number of its row, its time, its fields.
 * Kept for ever: a row is added at the end, a field at the end of its row.
 */
const ROWS: readonly { readonly [Kind in InputKind]: readonly [Kind, ...FieldsOf<Kind>[]] }[InputKind][] = [
  ["triggered", "event", "held", "retryOf"],
  ["released"],
  ["event", "event"],
  ["judged", "task", "number", "match"],
  ["prepared", "task", "inputs"],
  ["unprepared", "task", "code", "message"],
  ["assigned", "task", "core"],
  ["started", "task"],
  ["submitted", "task", "status", "data"],
  ["verified", "task", "correct"],
  ["result", "task", "status", "data"],
  ["attempt-failed", "task", "attempt", "cause", "code", "message", "outcome"],
  ["elapsed"],
  ["cancel"],
]
const ROW_OF = new Map(ROWS.map((row, number) => [row[0], number]))

type PackedEvent = readonly [service: ServiceId, event: string, data: Json, id: string | null, afterMs: number]
type Packed = readonly [row: number, afterMs: number, ...fields: unknown[]]
type PackedStep = readonly [atMs: number, core: string | 0, ...inputs: Packed[]]

/** @returns JSON text; steps with a comma between them are the text of several */
export function stepText({ atMs, core, inputs }: StepRecord, context: StepContext): string {
  const step: unknown[] = [atMs, core === context.core ? 0 : core]
  for (const input of inputs) step.push(packed(input, atMs, context))
  return JSON.stringify(step)
}

/** @param text of any number of steps */
export function stepsOfText(text: string, context: StepContext): StepRecord[] {
  const steps = JSON.parse(`[${text}]`) as PackedStep[]
  return steps.map(([atMs, core, ...inputs]) => ({
    atMs,
    core: core === 0 ? context.core : core,
    inputs: inputs.map((input) => unpacked(input, atMs, context)),
  }))
}

function packed(input: Input, stepMs: number, { core }: StepContext): readonly unknown[] {
  const row = ROW_OF.get(input.kind)!
  const fields = input as unknown as Readonly<Record<string, unknown>>
  const names = ROWS[row]!
  const values = sized<unknown>(names.length + 1)
  values[0] = row
  values[1] = input.atMs - stepMs
  for (let i = 1; i < names.length; i++) {
    const name = names[i]!
    const value = fields[name]
    if (name === "event") values[i + 1] = packedEvent(value as Event, stepMs)
    else values[i + 1] = name === "core" && value === core ? 0 : value
  }
  return values
}

function unpacked([row, afterMs, ...values]: Packed, stepMs: number, { execution, core }: StepContext): Input {
  const [kind, ...names] = ROWS[row]!
  const input: Record<string, unknown> = { kind, atMs: stepMs + afterMs }
  if (kind === "triggered") input["execution"] = execution
  values.forEach((value, i) => {
    const name = names[i]!
    if (name === "event") input[name] = unpackedEvent(value as PackedEvent, stepMs)
    else input[name] = name === "core" && value === 0 ? core : value
  })
  return input as unknown as Input
}

function packedEvent({ service, event, data, id, timeMs }: Event, stepMs: number): PackedEvent {
  return [service, event, data, id, timeMs - stepMs]
}

function unpackedEvent([service, event, data, id, afterMs]: PackedEvent, stepMs: number): Event {
  return { service, event, data, id, timeMs: stepMs + afterMs }
}
