// Prints what failed as it fails, the slowest tests, and `N passed, N failed` as the last line.
// A run of no tests has failed, and so has one that leaves something open that keeps the process alive.
import Mocha from "mocha"

const SLOWEST_SHOWN = 5
const OPEN_AFTER_MS = 10_000
const { EVENT_RUN_END, EVENT_SUITE_BEGIN, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING } =
  Mocha.Runner.constants

export default class Reporter {
  constructor(runner) {
    const counts = { passed: 0, failed: 0, skipped: 0 }
    const slowest = []
    runner.on(EVENT_SUITE_BEGIN, (suite) => {
      if (suite.parent?.root) console.log(suite.title)
    })
    runner.on(EVENT_TEST_PASS, (test) => {
      counts.passed++
      slowest.push(test)
      slowest.sort((a, b) => b.duration - a.duration).splice(SLOWEST_SHOWN)
    })
    runner.on(EVENT_TEST_PENDING, (test) => {
      counts.skipped++
      console.log(`  skipped: ${test.fullTitle()}`)
    })
    runner.on(EVENT_TEST_FAIL, (test, error) => {
      counts.failed++
      console.log(`  FAILED: ${test.fullTitle()}\n${indented(error.stack ?? String(error))}`)
      if (error.generatedMessage !== false && error.actual !== undefined) console.log(indented(error.message))
    })
    runner.on(EVENT_RUN_END, () => {
      for (const test of slowest) console.log(`  ${test.duration} ms: ${test.fullTitle()}`)
      end(counts)
    })
  }
}

function end({ passed, failed, skipped }) {
  if (skipped > 0) console.log(`${skipped} skipped`)
  // `--fail-zero` makes the exit code of it.
  if (passed + failed === 0) console.log("no test ran")
  console.log(`${passed} passed, ${failed} failed`)
  setTimeout(() => {
    console.log(`the tests are over, but these keep the process alive: ${process.getActiveResourcesInfo().join(", ")}`)
    console.log(`${passed} passed, ${failed + 1} failed`)
    process.exit(1)
  }, OPEN_AFTER_MS).unref()
  // When nothing keeps it alive any more: what Node 26 does by itself at its end, closing what it counts as open, may spin
  // for ever (node::Environment::CleanupHandles).
  process.once("beforeExit", () => process.exit())
}

function indented(text) {
  return text.replace(/^/gm, "    ")
}
