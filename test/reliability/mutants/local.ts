import type { Mutant } from "./mutant.ts"

const CRASH = { spec: "test/reliability/crash.test.ts", env: { CRASH_KILLS: "3", CRASH_END_MS: "20000" } } as const

/** Promises that an agent keeps by itself. */
export const LOCAL: readonly Mutant[] = [
  {
    name: "ack-before-sync",
    patches: [
      {
        file: "agent/io/broker/dialogue.ts",
        from: "    if (qos === 2) this.#remember(session, packetId, accepted)\n",
        to: "    if (qos === 2) this.#remember(session, packetId, accepted)\n    if (qos === 1) this.#speaker.acknowledge(wire.PUBACK << 4, packetId)\n",
      },
      {
        file: "agent/io/broker/dialogue.ts",
        from: "        if (qos === 1) this.#speaker.acknowledge(wire.PUBACK << 4, packetId)\n        this.#caughtUp()",
        to: "        this.#caughtUp()",
      },
    ],
    ...CRASH,
    says: /lost: event \d+ over qos1\S* was accepted and made no execution/,
  },
  {
    name: "http-202-before-sync",
    patches: [
      {
        file: "agent/engine/events/events.ts",
        from: "    await begun.durable\n    this.#accepted++",
        to: "    begun.durable.catch(() => {})\n    this.#accepted++",
      },
    ],
    spec: "test/reliability/device-errors.test.ts",
    grep: "sync error",
    says: /(lost: event \d+ over \S+ was accepted|duplicated: event \d+ over http-id)/,
  },
  {
    name: "store-does-not-sync",
    patches: [
      {
        file: "agent/io/store/env.ts",
        from: "    overlappingSync: false,\n",
        to: "    overlappingSync: false,\n    noSync: true,\n",
      },
    ],
    spec: "test/power/power-cut.test.ts",
    grep: "loses no promised write",
    says: /was promised and is lost|there by half|AssertionError/,
  },
  {
    name: "no-dedupe-by-id",
    patches: [
      {
        file: "agent/engine/events/events.ts",
        from: "    const known = this.dedupe.find(service, event, id)",
        to: '    const known = null as ReturnType<Dedupe["find"]>',
      },
    ],
    ...CRASH,
    says: /duplicated: event \d+ over (qos1-id|http-id) made/,
  },
  {
    name: "qos2-packet-ids-in-memory",
    patches: [
      {
        file: "agent/io/broker/router.ts",
        from: "if (remembers) changes.push(receivedChange(from.session!, packetId))",
        to: "if (remembers && packetId < 0) changes.push(receivedChange(from.session!, packetId))",
      },
    ],
    spec: "test/e2e/mqtt-clients.test.ts",
    grep: "QoS 2 over lost connections",
    says: /(agent|subscriber) has each once/,
  },
  {
    name: "retry-without-stable-id",
    patches: [
      {
        file: "agent/engine/tasks/tasks.ts",
        from: "    return { execution, task, inputs, deadlineMs:",
        to: "    return { execution: `${execution}-${Math.random()}` as TaskExecutionId, task, inputs, deadlineMs:",
      },
    ],
    ...CRASH,
    says: /unstable key: |invented result: |effect repeated: /,
  },
  {
    name: "effectful-runs-again",
    patches: [
      {
        file: "agent/engine/executions/interrupted.ts",
        from: 'if (definition.effect !== "effectful" || ',
        to: 'if (definition.effect !== "pure" || ',
      },
      {
        file: "agent/core/execution/task.ts",
        from: 'const repeatable = effect !== "effectful" || input.outcome === "known"',
        to: 'const repeatable = effect !== "pure" || input.outcome !== "known"',
      },
    ],
    ...CRASH,
    says: /effect repeated: (fire|charge) \S+ happened/,
  },
  {
    name: "started-tasks-in-memory",
    patches: [
      {
        file: "agent/engine/executions/recovery.ts",
        from: '      settleInterrupted(ports, book.runner, tasks, { live, task, attempt, by: "Core", outcome: "unknown" })\n',
        to: '      if (attempt < 0)\n        settleInterrupted(ports, book.runner, tasks, { live, task, attempt, by: "Core", outcome: "unknown" })\n',
      },
    ],
    ...CRASH,
    says: /the end of all executions did not come/,
  },
  {
    name: "timers-in-memory",
    patches: [
      {
        file: "agent/engine/executions/runner.ts",
        from: "    if (live.dueMs !== null && live.cancelTimer === null) this.#setTimer(live, live.dueMs)\n",
        to: "    if (live.dueMs === -1) this.#setTimer(live, live.dueMs)\n",
      },
    ],
    ...CRASH,
    says: /the end of all executions did not come/,
  },
  {
    name: "waits-in-memory",
    patches: [
      {
        file: "agent/engine/executions/runner.ts",
        from: "  restore(live: Live): void {\n    this.#hold(live)\n",
        to: "  restore(live: Live): void {\n    this.active.set(live.id, live)\n",
      },
    ],
    ...CRASH,
    says: /the end of all executions did not come/,
  },
  {
    name: "sessions-in-memory",
    patches: [
      {
        file: "agent/io/broker/session-store.ts",
        from: "    if (!clean) changes.push(this.#recordOf(session))\n",
        to: "",
      },
      {
        file: "agent/io/broker/session-store.ts",
        from: "    if (!session.persistent || granted.size === 0) return\n",
        to: "    if (granted.size >= 0) return\n",
      },
    ],
    spec: "test/unit/io/broker/bounds.test.ts",
    grep: "is on the device",
    says: /AssertionError|did not come within/,
  },
  {
    name: "no-frame-guard",
    patches: [
      { file: "agent/io/broker/frame-guard.ts", from: "    if (total > this.#bytesMax)\n", to: "    if (total < 0)\n" },
    ],
    spec: "test/unit/io/broker/structures.test.ts",
    grep: "a packet that is too long",
    says: /Missing expected exception/,
  },
  {
    name: "no-acl-on-will",
    patches: [
      {
        file: "agent/io/broker/admissions.ts",
        from: "    if (client.will !== null && !this.#mayLeave(client.will.topic, rights)) return NOT_AUTHORIZED\n",
        to: "",
      },
    ],
    spec: "test/unit/io/broker/rights.test.ts",
    grep: "a will without right",
    says: /AssertionError/,
  },
  {
    name: "no-acl-on-published-will",
    patches: [
      {
        file: "agent/io/broker/broker.ts",
        from: "    if (reserved !== null || !new Rights(principal).mayPublish(will.topic)) {\n",
        to: "    if (reserved !== null) {\n",
      },
    ],
    spec: "test/unit/io/broker/rights.test.ts",
    grep: "a will whose right ended",
    says: /AssertionError/,
  },
  {
    name: "no-acl-on-publish",
    patches: [
      {
        file: "agent/io/broker/dialogue.ts",
        from: "this.#topicAllowed = this.#rights.mayPublish(topic.name)",
        to: 'this.#topicAllowed = topic.name !== ""',
      },
    ],
    spec: "test/unit/io/broker/rights.test.ts",
    says: /AssertionError|nothing expected/,
  },
  {
    name: "the-agents-topics-are-anybodys",
    patches: [
      { file: "agent/io/broker/router.ts", from: "reserved: this.#reservedFor(topic.name)", to: "reserved: null" },
    ],
    spec: "test/unit/io/broker/reserved.test.ts",
    says: /AssertionError|nothing expected/,
  },
  {
    name: "confined-without-permission",
    // It looks on, and refuses nothing: without any such flag Node refuses those that allow.
    patches: [{ file: "agent/io/service-host/confinement.ts", from: '"--permission"', to: '"--permission-audit"' }],
    spec: "test/e2e/containment.test.ts",
    grep: "reads a file it may not",
    says: /AssertionError|SERVICE_FORBIDDEN/,
  },
  {
    name: "confined-without-memory-cap",
    patches: [
      {
        file: "agent/io/service-host/confined.ts",
        from: '    this.#kill({ code: "SERVICE_MEMORY", message })\n',
        to: "",
      },
    ],
    spec: "test/e2e/containment.test.ts",
    grep: "eats memory",
    says: /AssertionError|Timeout of/,
  },
  {
    name: "no-watchdog",
    patches: [
      {
        file: "agent/compose.ts",
        from: "const watchdog = startWatchdog(WATCHDOG_STALL_MS)",
        to: "const watchdog = startWatchdog(WATCHDOG_STALL_MS * 1000)",
      },
    ],
    spec: "test/e2e/containment.test.ts",
    grep: "inside the agent",
    says: /Timeout of/,
  },
  {
    name: "no-hold-at-stop",
    patches: [
      {
        file: "agent/engine/engine.ts",
        from: "would acknowledge them for nothing.\n      ports.broker.hold(true)\n",
        to: "would acknowledge them for nothing.\n",
      },
    ],
    spec: "test/e2e/stop-in-order.test.ts",
    says: /\d+ events were acknowledged, \d+ made an execution/,
  },
  {
    name: "wills-lost-at-stop",
    patches: [
      {
        file: "agent/io/broker/wills.ts",
        from: "    else if (holding) this.#waiting.push(key)\n",
        to: "    else if (holding) void this.#remove(key)\n",
      },
    ],
    spec: "test/unit/io/broker/wills.test.ts",
    grep: "are not lost by a stop",
    says: /AssertionError/,
  },
  {
    name: "result-ack-before-durable",
    patches: [
      {
        file: "agent/engine/services/mqtt-bridge.ts",
        from: "  await parts.answer(service, execution as TaskExecutionId,",
        to: "  void parts.answer(service, execution as TaskExecutionId,",
      },
    ],
    spec: "test/unit/engine/executions/results.test.ts",
    says: /AssertionError/,
  },
  {
    name: "subscriptions-end-with-the-run",
    patches: [
      {
        file: "agent/engine/services/plugin-bridge.ts",
        from: "      for (const close of closers) close(false)\n",
        to: "      for (const close of closers) close(true)\n",
      },
    ],
    spec: "test/e2e/acked-while-changing.test.ts",
    says: /\d+ lost and \d+ doubled of \d+/,
  },
  {
    name: "acked-between-two-runs",
    patches: [
      {
        file: "agent/engine/services/subscriptions.ts",
        from: "    if (entry.handlers.size === 0) await this.#nextRun(entry)\n",
        to: "    if (entry.handlers.size < 0) await this.#nextRun(entry)\n",
      },
    ],
    spec: "test/e2e/acked-while-changing.test.ts",
    says: /\d+ lost and \d+ doubled of \d+/,
  },
  {
    name: "ended-begins-again",
    patches: [
      {
        file: "agent/engine/executions/archive.ts",
        from: "if (store.get(TABLE.finished, [id]) !== undefined) {",
        to: "if (store.get(TABLE.finished, [`${id}`, 0]) !== undefined) {",
      },
    ],
    spec: "test/unit/engine/executions/restart.test.ts",
    says: /AssertionError/,
  },
  {
    name: "pruned-without-rows",
    patches: [{ file: "agent/engine/executions/archive.ts", from: ", ...log.removalsOf(id))", to: ")" }],
    spec: "test/unit/engine/executions/prune.test.ts",
    grep: "takes what ended for good",
    says: /AssertionError/,
  },
  {
    name: "room-never-woken",
    patches: [
      {
        file: "agent/engine/executions/room.ts",
        from: "  wake(): void {\n",
        to: "  wake(): void {\n    if (!this.#granted) return\n",
      },
    ],
    spec: "test/unit/engine/executions/room.test.ts",
    grep: "is there again for those who wait",
    says: /AssertionError/,
  },
  {
    name: "room-for-everybody",
    patches: [
      {
        file: "agent/engine/executions/room.ts",
        from: "    if (this.#waiting.length >= EVENTS_WAITING_MAX)",
        to: "    if (this.#waiting.length >= Number.POSITIVE_INFINITY)",
      },
    ],
    spec: "test/unit/engine/executions/room.test.ts",
    grep: "so many altogether",
    says: /Missing expected exception/,
  },
  {
    name: "offline-queue-unbounded",
    patches: [
      {
        file: "agent/io/broker/router.ts",
        from: "    const place = full ? null : session.reserve(message, qos, seq)\n",
        to: "    const place = full && seq < 0 ? null : session.reserve(message, qos, seq)\n",
      },
    ],
    spec: "test/unit/io/broker/bounds.test.ts",
    grep: "full offline queue",
    says: /AssertionError/,
  },
  {
    name: "webhook-waits-for-room",
    patches: [
      {
        file: "agent/io/service-host/runner.ts",
        from: "options?.id, answering.getStore() !== true)",
        to: "options?.id, answering !== undefined)",
      },
    ],
    spec: "test/e2e/backpressure.test.ts",
    grep: "answers 429 with Retry-After",
    says: /aborted due to timeout|AssertionError/,
  },
  {
    name: "long-tasks-block-short-ones",
    patches: [
      {
        file: "agent/engine/tasks/tasks.ts",
        from: "    const name = `${run.service}.${run.task}`\n",
        to: "    const name = run.service.slice(0, 0)\n",
      },
    ],
    spec: "test/e2e/engine.test.ts",
    grep: "long tasks do not delay short ones",
    says: /AssertionError|did not come|Timeout of/,
  },
  {
    name: "careless-after-a-crash",
    patches: [
      {
        file: "agent/compose.ts",
        from: "afterCrash: opened.crashed",
        to: "afterCrash: false",
      },
    ],
    spec: "test/e2e/poison-event.test.ts",
    says: /AssertionError/,
  },
]
