import assert from "node:assert/strict"
import { PEER_BAN_MS, PEER_FAULTS_BURST, PEERS_REMEMBERED_MAX } from "../../../../agent/base/network-limits.ts"
import { Conduct } from "../../../../agent/io/peers/conduct.ts"

describe("the conduct of a peer", () => {
  let nowMs: number
  let conduct: Conduct
  const faults = (peer: string, times: number) => Array.from({ length: times }, () => conduct.fault(peer))

  beforeEach(() => {
    nowMs = 0
    conduct = new Conduct({ elapsed: () => nowMs })
  })

  it("keeps it away at one false thing too many, for a time", () => {
    assert.deepEqual(faults("a", PEER_FAULTS_BURST), Array(PEER_FAULTS_BURST).fill(false))
    assert.equal(conduct.isBanned("a"), false)
    assert.equal(conduct.fault("a"), true)
    assert.equal(conduct.fault("a"), false, "it is told once")
    assert.equal(conduct.isBanned("b"), false)
    nowMs = PEER_BAN_MS - 1
    assert.equal(conduct.isBanned("a"), true)
    nowMs = PEER_BAN_MS
    assert.equal(conduct.isBanned("a"), false)
  })

  it("forgives in time", () => {
    faults("a", PEER_FAULTS_BURST)
    nowMs = 60_000
    assert.deepEqual(faults("a", 2), [false, true])
  })

  it("is remembered of so many", () => {
    for (let i = 0; i <= PEERS_REMEMBERED_MAX; i++) faults(`peer ${i}`, PEER_FAULTS_BURST + 1)
    assert.equal(conduct.isBanned("peer 0"), false)
    assert.equal(conduct.isBanned("peer 1"), true)
  })
})
