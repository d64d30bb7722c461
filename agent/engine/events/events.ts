import type { ExecutionId, ServiceId } from "../../base/ids.ts"
import { EVENT_DATA_BYTES_MAX, EVENT_ID_LENGTH_MAX, JSON_DEPTH_MAX } from "../../base/limits.ts"
import { joined } from "../../base/joined.ts"
import { type Soon, soonAll } from "../../base/soon.ts"
import { isWaitingFor, triggeredInput } from "../../core/execution/transition.ts"
import type { Change } from "../../ports/store.ts"
import type { Event, RefusedEvent } from "../../schema/event.ts"
import { isTooDeep, type Json } from "../../schema/json.ts"
import { EVENT_ID_RULE, isEventId } from "../../schema/names.ts"
import type { ApplicationBook } from "../applications/applications.ts"
import type { PinnedWorkflow } from "../applications/pinned.ts"
import type { Accepted, Events, Page, Paging } from "../core.ts"
import { eventScope, matches } from "../executions/evaluate.ts"
import type { ExecutionBook } from "../executions/executions.ts"
import type { Live } from "../executions/live.ts"
import { safeMode } from "../executions/room.ts"
import type { Feeding } from "../executions/runner.ts"
import { isLarge } from "../../schema/json-size.ts"
import type { FeedLog } from "../feed.ts"
import type { Veils } from "../veils.ts"
import type { EnginePorts } from "../ports.ts"
import { Admissions } from "./admissions.ts"
import { Dedupe } from "./dedupe.ts"
import { EventError } from "./error.ts"
import { fingerprintOf } from "./fingerprint.ts"
import type { AcceptOptions, EventCatalogue, EventIntake, EventRefusal, IncomingEvent } from "./incoming.ts"
import { RefusedEvents } from "./refused.ts"
import { Sieve, type Sifted } from "./sieve.ts"
import { Triggers } from "./triggers.ts"

/** Events come in here, all of them, and nowhere else. */
export class EventInbox implements Events, EventIntake {
  readonly #ports: EnginePorts
  readonly #services: EventCatalogue
  readonly #applications: ApplicationBook
  readonly #executions: ExecutionBook
  readonly #feed: FeedLog
  readonly #veils: Veils
  readonly dedupe: Dedupe
  readonly #refused: RefusedEvents
  readonly #admissions: Admissions
  readonly #triggers = new Triggers()
  readonly #sieve: Sieve
  /** Events on their way into the store, by id: a repeat waits for the first one's fate. */
  readonly #onTheWay = new Map<string, Promise<Accepted>>()
  /** Per (service, event), the evaluation that is going on: matching keeps the order of arrival. */
  readonly #matching = new Map<string, Promise<unknown>>()
  #accepted = 0
  #duplicates = 0
  #unmatched = 0

  constructor(
    ports: EnginePorts,
    services: EventCatalogue,
    applications: ApplicationBook,
    executions: ExecutionBook,
    feed: FeedLog,
    veils: Veils,
  ) {
    this.#ports = ports
    this.#veils = veils
    this.#services = services
    this.#applications = applications
    this.#executions = executions
    this.#feed = feed
    this.dedupe = new Dedupe(ports.store)
    this.#sieve = new Sieve(ports.expressions)
    this.#refused = new RefusedEvents(ports.store)
    this.#admissions = new Admissions(ports.store, ports.clock, (app, workflow) => this.#firePending(app, workflow))
  }

  load(): void {
    this.dedupe.load(this.#ports.clock.now())
    this.#refused.load()
  }

  /** Debounced bursts go on; call once executions are restored and triggers known. */
  start(): void {
    this.#admissions.load()
    this.#revise()
  }

  /** What events lead to has changed: another application, another version, paused or not. */
  retarget(): void {
    this.#triggers.rebuild(this.#applications.triggers())
    this.#revise()
  }

  #revise(): void {
    const changes = this.#admissions.revise((app, workflow) => this.#applications.isDeployed(app, workflow))
    if (changes.length > 0) this.#executions.transactInBackground([], changes)
  }

  stop(): void {
    this.#admissions.stop()
  }

  counts() {
    return {
      accepted: this.#accepted,
      duplicates: this.#duplicates,
      refused: this.#refused.count,
      unmatched: this.#unmatched,
    }
  }

  refused(paging: Paging): Page<RefusedEvent> {
    return this.#refused.list(paging)
  }

  accept(incoming: IncomingEvent, options: AcceptOptions = {}): Promise<Accepted> {
    // Also one that nothing waits for now: in safe mode nobody can tell.
    if (this.#executions.room.isClosed) return Promise.reject(safeMode())
    const { service, event } = incoming
    const refusal = this.#check(incoming, incoming.id ?? null)
    if (refusal !== null) return refusal
    // The schema has judged what the service said; what goes on is without its secrets.
    const data = this.#veils.hideInData(service, incoming.data)
    const id = this.#veils.hideInData(service, incoming.id ?? null)
    if (id === null) return this.#take(this.#stamp(service, event, data, null), options)
    return this.#takeOnce(this.#stamp(service, event, data, id), id, options)
  }

  /** A repeat of an event with an id is told what became of the first one. */
  async #takeOnce(stamped: Event, id: string, options: AcceptOptions): Promise<Accepted> {
    const { service, event } = stamped
    const name = `${service}/${event}/${id}`
    const before = this.#onTheWay.get(name)
    if (before !== undefined) return this.#duplicate(await before, stamped)
    const known = this.dedupe.find(service, event, id)
    if (known !== null) {
      this.#duplicates++
      const differs = known.data !== null && known.data !== this.#fingerprint(stamped)
      const { executions } = known
      return { event: stamped, duplicate: true, differs, executions }
    }
    const taking = this.#take(stamped, options)
    this.#onTheWay.set(name, taking)
    try {
      return await taking
    } finally {
      this.#onTheWay.delete(name)
    }
  }

  #stamp(service: string, event: string, data: Json, id: string | null): Event {
    return { service: service as ServiceId, event, data, id, timeMs: this.#ports.clock.now() }
  }

  #duplicate(first: Accepted, repeat: Event): Accepted {
    this.#duplicates++
    return { ...first, duplicate: true, differs: this.#fingerprint(first.event) !== this.#fingerprint(repeat) }
  }

  #fingerprint({ service, event, data }: Event): string {
    return fingerprintOf(this.#services.identifying(service, event, data))
  }

  /** @returns null, or rejects with EventError; what breaks its schema is kept among the refused */
  #check({ service, event, data }: IncomingEvent, id: string | null): Promise<never> | null {
    const check = this.#services.eventCheck(service, event)
    if (check === "unknown-service") return Promise.reject(unknownService(service))
    if (check === "unknown-event") return Promise.reject(unknownEvent(service, event))
    if (id !== null && !isEventId(id)) {
      return this.refuse("EVENT_ID_INVALID", service, event, id.slice(0, EVENT_ID_LENGTH_MAX), EVENT_ID_RULE)
    }
    if (isTooDeep(data)) {
      return this.refuse("EVENT_TOO_LARGE", service, event, id, `the data nests deeper than ${JSON_DEPTH_MAX} levels`)
    }
    if (isLarge(data)) {
      return this.refuse("EVENT_TOO_LARGE", service, event, id, `the data is larger than ${EVENT_DATA_BYTES_MAX} bytes`)
    }
    const [issue] = check(data)
    if (issue === undefined) return null
    return this.refuse("EVENT_DATA_INVALID", service, event, id, `data${issue.path}: ${issue.message}`)
  }

  /** Acknowledged and kept with the reason, never delivered. @throws EventError always */
  async refuse(code: EventRefusal, service: string, event: string, id: string | null, reason: string): Promise<never> {
    await this.keepRefused(code, service, event, id, reason)
    throw new EventError({ code, service, event }, `event ${service}/${event}: ${reason}`, {
      remedy: remedyOf(code, service),
    })
  }

  /** Kept with the reason, for `mesg event tail --refused`. */
  async keepRefused(code: EventRefusal, service: string, event: string, id: string | null, why: string): Promise<void> {
    const timeMs = this.#ports.clock.now()
    const reason = this.#veils.hideInText(service, why)
    const refused = { service, event, id: this.#veils.hideInText(service, id), timeMs, code, reason }
    await this.#ports.store.write([this.#refused.add(refused)])
    this.#feed.publish(`event-refused/${service}/${event}`, () => ({ kind: "event-refused", event: refused }))
  }

  async #take(event: Event, options: AcceptOptions): Promise<Accepted> {
    const looking = this.#inTurn(joined(event.service, event.event), () => this.#look(event))
    const { matched, sifted } = looking instanceof Promise ? await looking : looking
    if (matched.length === 0 && this.#reached(event, sifted).length === 0) {
      this.#accepted++
      this.#unmatched++
      this.#tell(event)
      return { event, duplicate: false, differs: false, executions: [] }
    }
    const entering = matched.length === 0 ? null : this.#enter(event, sifted, options)
    // Only who has to wait gives up the turn: the others take their room before anybody else asks.
    const entered = entering === null ? null : await entering
    let begun: { readonly created: readonly ExecutionId[]; readonly durable: Promise<unknown> }
    try {
      begun = this.#begin(event, matched, sifted, options)
    } finally {
      entered?.()
    }
    await begun.durable
    this.#accepted++
    this.#tell(event)
    return { event, duplicate: false, differs: false, executions: begun.created }
  }

  #tell(event: Event): void {
    this.#feed.publish(joined("event", joined(event.service, event.event)), () => ({
      kind: "event",
      event: { ...event, data: this.#services.shownData(event) },
    }))
  }

  /** One write: the new executions, the waiting ones that the event moves, its id, and what its sender adds. */
  #begin(event: Event, matched: readonly PinnedWorkflow[], sifted: Sifted, options: AcceptOptions) {
    const { feedings, changes, created } = this.#plan(event, matched)
    const feedWaiting = this.#reached(event, sifted).map((live) => this.#deliver(live, event))
    const remembered = event.id === null ? [] : this.#remember(event, event.id, created)
    const also = [...changes, ...remembered, ...(options.also?.() ?? [])]
    return { created, durable: this.#executions.transact([...feedings, ...feedWaiting], also) }
  }

  /** The waiting executions that the event may move, as they are now. */
  #reached(event: Event, sifted: Sifted): readonly Live[] {
    return this.#executions.runner.waits.find(event).filter((live) => !sifted.leavesOut(live))
  }

  #remember(event: Event, id: string, executions: readonly ExecutionId[]): Change[] {
    const known = { executions, data: this.#fingerprint(event) }
    return this.dedupe.remember(event.service, event.event, id, known, event.timeMs)
  }

  #enter(event: Event, sifted: Sifted, { patient = false }: AcceptOptions): Promise<() => void> | null {
    // One that only keeps the event does not go on by it.
    const moves = this.#reached(event, sifted).some(({ state }) => state !== null && isWaitingFor(state, event))
    if (patient) return this.#executions.room.enter(moves)
    this.#executions.room.check(moves)
    return null
  }

  /** What was due when the event came happens first: it is too late for a wait that has timed out. */
  #deliver(live: Live, event: Event): Feeding {
    const { timeMs: atMs } = event
    const isDue = live.dueMs !== null && live.dueMs <= atMs
    return { live, inputs: [...(isDue ? [{ kind: "elapsed", atMs } as const] : []), { kind: "event", atMs, event }] }
  }

  /** What the event leads to, as far as conditions tell: nobody waits for that but events of the same name. */
  #look(event: Event): Soon<{ matched: readonly PinnedWorkflow[]; sifted: Sifted }> {
    const matched = this.#match(event)
    const sifted = this.#sieve.sift(this.#executions.runner.waits.find(event), event)
    if (!(matched instanceof Promise) && !(sifted instanceof Promise)) return { matched, sifted }
    return Promise.all([matched, sifted]).then(([found, left]) => ({ matched: found, sifted: left }))
  }

  /** The workflows whose trigger lets the event pass, in a constant order. */
  #match(event: Event): Soon<readonly PinnedWorkflow[]> {
    const triggers = this.#triggers.find(event.service, event.event)
    if (triggers.length === 0) return triggers
    if (triggers.every(({ definition }) => definition.trigger.where === null)) return triggers
    const scope = { trigger: eventScope(event), data: event.data }
    const answers = triggers.map(({ definition }) =>
      matches(this.#ports.expressions, definition.trigger.where, { ...scope, config: definition.config }, event.timeMs),
    )
    return soonAll(answers, (passes) => triggers.filter((_, i) => passes[i]))
  }

  /** Waits its turn behind slower evaluations. */
  #inTurn<Value>(topic: string, evaluate: () => Soon<Value>): Soon<Value> {
    const before = this.#matching.get(topic)
    const answer = before === undefined ? evaluate() : before.then(evaluate)
    if (!(answer instanceof Promise)) return answer
    const turn: Promise<unknown> = answer.finally(() => {
      if (this.#matching.get(topic) === turn) this.#matching.delete(topic)
    })
    this.#matching.set(topic, turn)
    return answer
  }

  /** Asks every matched trigger whether the event makes an execution. */
  #plan(event: Event, matched: readonly PinnedWorkflow[]) {
    const feedings: Feeding[] = []
    const changes: Change[] = []
    const created: ExecutionId[] = []
    for (const pinned of matched) {
      const { app, workflow } = pinned.definition
      const decision = this.#admissions.decide(
        pinned.definition,
        event,
        this.#executions.overlaps.isBusy(app, workflow),
      )
      changes.push(...decision.changes)
      if (decision.admission === "run" || decision.admission === "hold") {
        const feeding = this.#create(pinned, event, decision.admission === "hold")
        feedings.push(feeding)
        created.push(feeding.live.id)
      }
    }
    return { feedings, changes, created }
  }

  #create(pinned: PinnedWorkflow, event: Event, held: boolean): Feeding {
    const { app, workflow, version } = pinned.definition
    const live = this.#executions.prepare({ app, workflow, version }, pinned, held)
    return { live, inputs: [triggeredInput(live.id, event, event.timeMs, { held })] }
  }

  /** A debounced burst is over: its last event makes the execution. */
  #firePending(app: string, workflow: string): void {
    const pinned = this.#applications.newest(app, workflow)
    if (pinned === null) return
    const decision = this.#admissions.decidePending(pinned.definition, this.#executions.overlaps.isBusy(app, workflow))
    if (decision === null) return
    const makes = decision.admission === "run" || decision.admission === "hold"
    const feedings = makes ? [this.#create(pinned, decision.event, decision.admission === "hold")] : []
    this.#executions.transactInBackground(feedings, decision.changes)
  }
}

function unknownService(service: string): EventError {
  return new EventError({ code: "UNKNOWN_SERVICE", service }, `service "${service}" is not known`, {
    remedy: "see what is installed: mesg service list",
  })
}

function unknownEvent(service: string, event: string): EventError {
  return new EventError({ code: "UNKNOWN_EVENT", service, event }, `service "${service}" has no event "${event}"`, {
    remedy: `see its events: mesg service show ${service}`,
  })
}

function remedyOf(code: EventRefusal, service: string): string {
  if (code === "EVENT_TOO_LARGE") return "send less or flatter data, or keep it elsewhere and send where it is"
  if (code === "EVENT_ID_INVALID" || code === "EVENT_ID_REUSED") return "give each event an id of its own, or none"
  return `see what the event carries: mesg service show ${service}`
}
