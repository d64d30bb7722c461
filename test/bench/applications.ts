const TRIGGER = { service: "bench", event: "go" }

/** A task's inputs: the number that came before, and the event's text. */
const inputsFrom = (before: string) => ({ number: `{{ ${before}.number }}`, text: "{{ trigger.data.text }}" })

interface Step {
  readonly run: string
  readonly after?: string
  readonly with: Readonly<Record<string, unknown>>
}

/** `length` tasks, one behind the other. */
export function chain(task: "send" | "count", length: number) {
  const names = Array.from({ length }, (_, i) => `t${i + 1}`)
  const tasks = names.map((name, i): [string, Step] => {
    const before = names[i - 1]
    if (before === undefined) return [name, { run: `bench.${task}`, with: inputsFrom("trigger.data") }]
    return [name, { run: `bench.${task}`, after: `${before}.ok`, with: inputsFrom(`tasks.${before}.data`) }]
  })
  return { name: "bench", workflows: { chain: { trigger: TRIGGER, tasks: Object.fromEntries(tasks) } } }
}

/** What comes in by MQTT goes through two tasks and out by MQTT, as through two function nodes of Node-RED. */
export function wholeWay(topic: string) {
  const { number, text } = { number: "{{ trigger.data.number }}", text: "{{ tasks.t2.data.number }}" }
  const { workflows, name } = chain("count", 2)
  const tasks: Record<string, Step> = {
    ...workflows.chain.tasks,
    out: { run: "mqtt.publish", after: "t2.ok", with: { topic, qos: 1, payload: { number, text } } },
  }
  return { name, workflows: { chain: { trigger: TRIGGER, tasks } } }
}
