import { LmdbStore } from "../agent/io/store/store.ts"
import { mkdtempSync, rmSync } from "node:fs"
import { readFileSync } from "node:fs"
const log: any = { debug() {}, info() {}, warn() {}, error() {}, child() { return log } }
const base = process.argv[2]!
const written = () => Number(/write_bytes: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))![1])
for (const writers of [1, 64]) for (const batch of [512, 256, 128, 64, 32]) {
  const dir = mkdtempSync(base + "/h2-")
  const store = new LmdbStore({ dir: dir + "/data", quotaBytes: 2 ** 30, copies: 0, log })
  await store.start()
  let row = 0, ex = 0; let spent: number[] = []
  const plain: number[] = [], heavy: number[] = [], all: number[] = []
  const text = "x".repeat(300), rec = "y".repeat(800)
  const total = Number(process.env.N ?? (writers === 1 ? 4000 : 40000))
  async function run(n: number, keep: boolean) {
    let k = 0
    const one = async () => { while (k < n) { k++
      const mine: number[] = []
      for (let s = 0; s < 4; s++) {
        const t = performance.now()
        const changes: any[] = []
        let h = false
        if (s < 3) { mine.push(row); changes.push({ put: "ex-open", key: [row++], value: { v: 2, steps: text } }) }
        else { changes.push({ put: "ex", key: ["e" + ex++], value: { v: 1, rec } }); spent.push(...mine)
          if (spent.length >= batch) { const out = spent; spent = []; h = true; for (const r of out) changes.push({ remove: "ex-open", key: [r] }) } }
        await store.write(changes, { reserve: true })
        const d = performance.now() - t
        if (keep) { all.push(d); (h ? heavy : plain).push(d) }
      } } }
    await Promise.all(Array.from({ length: writers }, one))
  }
  await run(total / 4, false)
  const c = process.cpuUsage(), w = written()
  await run(total, true)
  const d = process.cpuUsage(c)
  const q = (a: number[], p: number) => a.sort((x, y) => x - y)[Math.min(a.length - 1, Math.floor(a.length * p))]!.toFixed(2)
  console.log(`writers ${writers} batch ${batch}: p50 ${q(all, .5)} p99 ${q(all, .99)} p99.9 ${q(all, .999)} max ${q(all, 1)} heavy p50 ${q(heavy, .5)} (${heavy.length}) cpu/ex ${((d.user + d.system) / total).toFixed(1)} us, kB/ex ${((written() - w) / total / 1024).toFixed(1)}`)
  await store.stop(); rmSync(dir, { recursive: true })
}
