/** Where a broker is and how it is spoken to, as the options of mqtt.js name it. */
export interface MqttAddress {
  /** `mqtt`, `mqtts`, `ws`, `wss` */
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  /** Of a WebSocket. */
  readonly path?: string
  readonly username?: string
  readonly password?: string
}

/** mqtt.js reads addresses with a function of Node that is on its way out and warns at each start. @throws TypeError no URL */
export function mqttAddress(url: string): MqttAddress {
  const { protocol, hostname, port, pathname, search, username, password } = new URL(url)
  return {
    protocol: protocol.slice(0, -1),
    hostname: hostname.replace(/^\[|\]$/g, ""),
    ...(port === "" ? {} : { port: Number(port) }),
    ...(protocol.startsWith("ws") ? { path: pathname + search } : {}),
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
  }
}
