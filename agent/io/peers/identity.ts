import { publicKeyFromRaw } from "@libp2p/crypto/keys"
import type { Ed25519PrivateKey, Ed25519PublicKey } from "@libp2p/interface"
import { fromHex } from "../../base/bytes.ts"
import type { Keys } from "../../ports/keys.ts"

/** The node key as libp2p takes it. It signs by the port: the key itself never comes here. */
export function identityOf({ nodeKey, sign }: Pick<Keys, "nodeKey" | "sign">): Ed25519PrivateKey {
  // 32 bytes are an Ed25519 key.
  const publicKey = publicKeyFromRaw(fromHex(nodeKey)!) as Ed25519PublicKey
  return {
    type: "Ed25519",
    publicKey,
    get raw(): Uint8Array {
      throw new Error("the node key stays where the keys are")
    },
    equals: (other: { readonly publicKey?: Ed25519PublicKey } | undefined) => publicKey.equals(other?.publicKey),
    sign: (data) => sign(data instanceof Uint8Array ? data : data.subarray()),
  }
}
