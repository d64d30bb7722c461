import { startAgent, type TestAgent } from "./agent.ts"
import { type NodeRed, type NodeRedVersion, startNodeRed } from "./node-red.ts"
import { CHARGER, CHARGER_CODE } from "./node-red-flow.ts"
import { serviceFolder } from "./service-folder.ts"

/** An agent with the charger, and a Node-RED that knows it. Each may be killed and brought back. */
export interface ChargerRig {
  agent: TestAgent
  nodeRed: NodeRed
  /** The same home again. */
  bringAgent(): Promise<void>
  /** The same user folder again. */
  bringNodeRed(): Promise<void>
}

/** For the tests of one `describe`: started before the first of them, ended after the last. */
export function chargerRig(version: NodeRedVersion = "5.0.7"): ChargerRig {
  const rig: Partial<ChargerRig> & Pick<ChargerRig, "bringAgent" | "bringNodeRed"> = {
    async bringAgent() {
      rig.agent = await startAgent({ home: rig.agent!.home })
    },
    async bringNodeRed() {
      const { userDir } = rig.nodeRed!
      rig.nodeRed = await startNodeRed({ version, userDir, env: { MESG_HOME: rig.agent!.home } })
    },
  }
  before(async function () {
    this.timeout(300_000)
    rig.agent = await startAgent()
    await rig.agent.json("service", "add", serviceFolder(CHARGER, CHARGER_CODE))
    rig.nodeRed = await startNodeRed({ version, env: { MESG_HOME: rig.agent.home } })
    await rig.nodeRed.notice(({ topic }) => topic === "mesg/palette", "the palette")
  })
  beforeEach(() => rig.nodeRed!.forget())
  after(async () => {
    await rig.nodeRed?.kill()
    await rig.agent?.stop()
    rig.agent?.clean()
  })
  return rig as ChargerRig
}
