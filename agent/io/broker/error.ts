import { MesgError } from "../../base/errors.ts"

/** What a client did that MQTT 3.1.1 or a bound of ours forbids: its connection is closed. */
export type ProtocolFault =
  | { readonly code: "MQTT_MALFORMED"; readonly rule: string }
  | { readonly code: "MQTT_NOT_ALLOWED"; readonly rule: string }
  | { readonly code: "MQTT_TOO_LARGE"; readonly bytes: number; readonly bytesMax: number }

export class ProtocolError extends MesgError<ProtocolFault> {}

export type BrokerFault =
  | { readonly code: "MQTT_LISTEN_FAILED"; readonly address: string; readonly port: number }
  | { readonly code: "MQTT_BAD_MESSAGE"; readonly topic: string }
  | { readonly code: "MQTT_TLS_FILES"; readonly file: string }

export class BrokerError extends MesgError<BrokerFault> {}

/** @param rule the statement that was broken, such as `MQTT-3.3.1-4` */
export function malformed(rule: string, what: string): ProtocolError {
  return new ProtocolError({ code: "MQTT_MALFORMED", rule }, `${what} [${rule}]`)
}

/** @param rule the statement that was broken, or the name of our own bound */
export function notAllowed(rule: string, what: string): ProtocolError {
  return new ProtocolError({ code: "MQTT_NOT_ALLOWED", rule }, `${what} [${rule}]`)
}
