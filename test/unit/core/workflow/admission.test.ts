import assert from "node:assert/strict"
import {
  type Admission,
  type AdmissionMemory,
  admit,
  admitPending,
  NO_MEMORY,
} from "../../../../agent/core/workflow/admission.ts"
import type { TriggerDefinition } from "../../../../agent/core/workflow/definition.ts"
import { eventOf } from "../../../support/workflow.ts"

const PLAIN: TriggerDefinition = {
  service: "s",
  event: "e",
  where: null,
  debounceMs: null,
  throttleMs: null,
  overlap: "parallel",
}

/** At a time, while busy or not; `due` is the end of the burst. */
type Step = readonly [atMs: number, busy: boolean, is: Admission] | readonly [due: "due", busy: boolean, is: Admission]

const cases: { name: string; trigger: Partial<TriggerDefinition>; steps: readonly Step[] }[] = [
  {
    name: "every occurrence runs, also while others do",
    trigger: {},
    steps: [
      [0, false, "run"],
      [0, true, "run"],
    ],
  },
  {
    name: "overlap queue: held while another has not ended",
    trigger: { overlap: "queue" },
    steps: [
      [0, false, "run"],
      [1, true, "hold"],
      [2, false, "run"],
    ],
  },
  {
    name: "overlap skip: none while another has not ended",
    trigger: { overlap: "skip" },
    steps: [
      [0, false, "run"],
      [1, true, "skip"],
      [2, false, "run"],
    ],
  },
  {
    name: "throttle: one, then none until the time is over",
    trigger: { throttleMs: 1000 },
    steps: [
      [0, false, "run"],
      [999, false, "skip"],
      [1000, false, "run"],
      [1001, true, "skip"],
    ],
  },
  {
    name: "throttle counts from what ran, not from what was skipped",
    trigger: { throttleMs: 1000, overlap: "skip" },
    steps: [
      [0, true, "skip"],
      [1, false, "run"],
      [900, false, "skip"],
      [1001, false, "run"],
    ],
  },
  {
    name: "throttle and queue: what is held has fired",
    trigger: { throttleMs: 1000, overlap: "queue" },
    steps: [
      [0, true, "hold"],
      [500, false, "skip"],
    ],
  },
  {
    name: "debounce: the burst's last event, when it is over",
    trigger: { debounceMs: 100 },
    steps: [
      [0, false, "later"],
      [60, false, "later"],
      ["due", false, "run"],
    ],
  },
  {
    name: "debounce and skip: decided when the burst is over",
    trigger: { debounceMs: 100, overlap: "skip" },
    steps: [
      [0, false, "later"],
      ["due", true, "skip"],
      [300, true, "later"],
      ["due", false, "run"],
    ],
  },
  {
    name: "debounce and throttle: bursts within the time make none",
    trigger: { debounceMs: 100, throttleMs: 1000 },
    steps: [
      [0, false, "later"],
      ["due", false, "run"],
      [300, false, "later"],
      ["due", false, "skip"],
      [1200, false, "later"],
      ["due", false, "run"],
    ],
  },
]

describe("the admission of a trigger", () => {
  for (const { name, trigger, steps } of cases) {
    it(name, () => {
      const definition = { ...PLAIN, ...trigger }
      let memory: AdmissionMemory = NO_MEMORY
      for (const [at, busy, is] of steps) {
        const before = memory
        const answer =
          at === "due"
            ? admitPending(definition, memory, memory.pending!.dueMs, busy)
            : admit(definition, memory, eventOf("e", { at }), at, busy)
        assert.equal(answer.admission, is, `at ${at}`)
        memory = JSON.parse(JSON.stringify(answer.memory)) as AdmissionMemory
        if (is === "later") {
          assert.deepEqual(memory.pending, { event: eventOf("e", { at }), dueMs: Number(at) + definition.debounceMs! })
        } else assert.equal(memory.pending, null)
        if (is === "skip" && at !== "due") assert.equal(answer.memory, before, "nothing to write")
      }
    })
  }
})
