import { utf8 } from "../../../base/bytes.ts"
import { readLightBlock } from "../../../core/chain/light.ts"
import { recordMessage } from "../../../core/chain/message.ts"
import { heightBytes, type Shell } from "../validator/shell.ts"
import type { HeaderSource } from "./light.ts"

/** A Core that is connected, as it answers. */
export function peerSource(shell: Pick<Shell, "ask">, peer: string): HeaderSource {
  return {
    name: peer,
    async lightBlock(height) {
      const answer = await shell.ask(peer, "header", height === null ? new Uint8Array() : heightBytes(height))
      return answer && readLightBlock(answer)
    },
    async record(name) {
      const answer = await shell.ask(peer, "record", utf8(name))
      return answer && recordMessage.read(answer)
    },
  }
}
