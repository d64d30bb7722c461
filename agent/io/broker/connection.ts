import { ownBytes } from "../../base/bytes.ts"
import { messageOf } from "../../base/errors.ts"
import { MQTT_CONNECT_TIMEOUT_MS, MQTT_DRAIN_TIMEOUT_MS, MQTT_SWEEP_INTERVAL_MS } from "../../base/limits.ts"
import type { Credentials } from "../../ports/broker.ts"
import { checkConnect, type ConnectFacts } from "./connect-packet.ts"
import { Dialogue } from "./dialogue.ts"
import { notAllowed, ProtocolError } from "./error.ts"
import type { Floor } from "./floor.ts"
import { FrameGuard, type FrameSink } from "./frame-guard.ts"
import { InOrder } from "./in-order.ts"
import type { Link } from "./link.ts"
import { Output } from "./output.ts"
import { HELD, UNREAD } from "./pause.ts"
import type { Rights } from "./rights.ts"
import type { Receiver, Session } from "./session.ts"
import * as wire from "./wire.ts"

/** What a connection needs of the broker it belongs to. */
export interface Home extends Floor {
  /** Connections that wait for `holding` to end. */
  readonly held: Set<Connection>
  /** A CONNECT that passed the guard. */
  connect(connection: Connection, packet: Buffer): void
  /** The client sent DISCONNECT. */
  leaving(connection: Connection, packet: Buffer): void
  /** The connection ended in any other way. */
  gone(connection: Connection): void
}

/** The client as it was admitted. */
export interface Admission {
  readonly session: Session
  readonly rights: Rights
  readonly credentials: Credentials
  /** Whether the session outlived an earlier connection. */
  readonly present: boolean
}

/**
 * One client's connection. CONNECT, the will and DISCONNECT go to aedes (session-plane.ts); every other packet is
 * a matter of its dialogue. @see docs/adr/001-broker-fast-path.md
 */
export class Connection implements FrameSink, Receiver {
  readonly link: Link
  readonly openedMs: number
  facts: ConnectFacts | null = null
  admission: Admission | null = null
  /** It lost its right to be here, and its will with it. */
  revoked = false
  readonly #home: Home
  readonly #guard: FrameGuard
  readonly #output: Output
  #dialogue: Dialogue | null = null
  #closed = false
  #paused = 0
  /** Whether anything came since the last sweep. */
  #heard = true
  #silentSweeps = 0
  #progressMs: number
  #flushedBytes = 0

  constructor(home: Home, link: Link) {
    this.#home = home
    this.link = link
    this.openedMs = this.#progressMs = home.nowMs
    this.#guard = new FrameGuard(this)
    this.#output = new Output(home.outputs, link)
    link.listen({
      data: (chunk) => this.#receive(chunk),
      drained: () => this.#drained(),
      failed: (error) => this.fail(error),
      closed: () => this.#ended(),
    })
  }

  get closed(): boolean {
    return this.#closed
  }

  get roomy(): boolean {
    return this.#output.roomy
  }

  /** The order in which what it published is delivered. */
  get turns(): InOrder {
    return this.#dialogue?.turns ?? new InOrder()
  }

  /** CONNACK is on its way: packets flow. */
  ready(admission: Admission): void {
    if (this.#closed) return
    this.#dialogue = new Dialogue(this.#home, this, admission)
    admission.session.resume(this)
    try {
      this.#guard.open(this.#home.packetBytesMax, this.facts?.version === 3)
    } catch (error) {
      this.fail(error)
    }
    if (this.#paused === 0 && !this.#closed) this.link.resume()
  }

  /** Rights changed while connected. */
  reconsider(rights: Rights): void {
    if (this.admission === null || this.#dialogue === null) return
    this.admission = { ...this.admission, rights }
    this.#dialogue.reconsider(rights)
  }

  /** The client lost its right to be here, and its will with it. */
  revoke(): void {
    this.revoked = true
    this.fail(notAllowed("recheck", "the client's rights ended"))
  }

  frame(bytes: Buffer, start: number, body: number, end: number): boolean {
    this.#home.counters.messagesReceived++
    const type = bytes[start]! >> 4
    if (type === wire.CONNECT) this.#connect(bytes, start, body, end)
    else if (type === wire.PINGREQ) this.send(wire.PINGRESP_BYTES)
    else if (type === wire.DISCONNECT) this.#leave(bytes.subarray(start, end))
    else return this.#dialogue!.packet(type, bytes, start, body, end)
    return true
  }

  sendPacket(bytes: Buffer, start: number, end: number): void {
    this.#home.counters.publishSent++
    this.#output.add(bytes, start, end)
  }

  sendPublish(frame: wire.EncodedPublish, packetId: number, qos: wire.Qos, retain: boolean, dup: boolean): void {
    const { length } = frame.bytes
    this.#home.counters.publishSent++
    if (qos === 0 && !retain) {
      this.#output.add(frame.bytes, 0, length)
      return
    }
    const slab = this.#home.outputs.deliveries
    const at = slab.take(length)
    const { bytes } = slab
    bytes.set(frame.bytes, at)
    bytes[at] = (wire.PUBLISH << 4) | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
    if (qos > 0) {
      bytes[at + frame.packetIdAt] = packetId >> 8
      bytes[at + frame.packetIdAt + 1] = packetId & 255
      this.#home.sessions.progressed(this.#dialogue!.session)
    }
    this.#output.add(bytes, at, at + length)
  }

  sendPubrel(packetId: number): void {
    this.acknowledge((wire.PUBREL << 4) | 2, packetId)
  }

  /** A packet of a header and a packet identifier. */
  acknowledge(header: number, packetId: number): void {
    const slab = this.#home.outputs.acknowledgements
    const at = slab.take(4)
    const { bytes } = slab
    bytes[at] = header
    bytes[at + 1] = 2
    bytes[at + 2] = packetId >> 8
    bytes[at + 3] = packetId & 255
    this.#home.counters.messagesSent++
    if (this.#closed) return
    this.#output.add(bytes, at, at + 4)
    this.#checkUnread()
  }

  /** A packet of its own. */
  send(bytes: Buffer): void {
    this.#home.counters.messagesSent++
    if (this.#closed) return
    this.#output.add(bytes, 0, bytes.length)
    this.#checkUnread()
  }

  /** Bytes that aedes wrote: CONNACK. */
  sendBytes(bytes: Buffer): void {
    this.#output.add(bytes, 0, bytes.length)
  }

  /** The broker lets publishers go on. */
  unhold(): void {
    this.unpause(HELD)
  }

  /** Closes the connection and says why. Never throws. */
  fail(error: unknown): void {
    if (this.#closed) return
    const fault = error instanceof ProtocolError
    if (fault) this.#home.counters.protocolFaults++
    this.#home.log.info("an MQTT connection was closed", {
      clientId: this.facts?.clientId,
      address: this.link.address,
      code: fault ? error.code : undefined,
      reason: messageOf(error),
    })
    this.close()
  }

  /** Ends the connection after what was sent; the will is published unless the client said goodbye. */
  close(): void {
    if (this.#closed) return
    this.#detach()
    this.#output.flush()
    this.link.end()
    this.#home.gone(this)
  }

  /** Called twice a second. */
  sweep(nowMs: number): void {
    if (this.#closed) return
    if (this.#dialogue === null) {
      if (nowMs - this.openedMs >= MQTT_CONNECT_TIMEOUT_MS) this.fail(new Error("no CONNECT was accepted in time"))
      return
    }
    // Counted in sweeps: while this process does not run, none happens, and what came meanwhile is read before the next.
    // A connection that we do not read cannot be heard.
    this.#silentSweeps = this.#heard || this.#paused !== 0 ? 0 : this.#silentSweeps + 1
    this.#heard = false
    const { keepaliveS } = this.facts!
    // [MQTT-3.1.2-24]
    if (keepaliveS > 0 && this.#silentSweeps * MQTT_SWEEP_INTERVAL_MS >= keepaliveS * 1500) {
      this.fail(notAllowed("MQTT-3.1.2-24", "the client was silent for longer than its keep alive"))
      return
    }
    const flushed = this.link.flushedBytes
    if (this.#output.waitingBytes === 0 || flushed !== this.#flushedBytes) this.#progressMs = nowMs
    this.#flushedBytes = flushed
    if (nowMs - this.#progressMs >= MQTT_DRAIN_TIMEOUT_MS) this.#stuck()
  }

  get waitingBytes(): number {
    return this.#output.waitingBytes
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return
    this.#home.counters.bytesReceived += chunk.length
    this.#heard = true
    try {
      this.#guard.receive(chunk)
    } catch (error) {
      this.fail(error)
    }
  }

  #connect(bytes: Buffer, start: number, body: number, end: number): void {
    const verdict = checkConnect(bytes, body, end)
    if (verdict.kind === "refuse") {
      this.send(verdict.answer)
      this.#home.counters.connectionsRefused++
      this.fail(notAllowed("MQTT-3.1.4-1", verdict.reason))
      return
    }
    this.facts = verdict.facts
    // Until it is admitted a client costs no more than what one read brought.
    this.link.pause()
    // The will in it is held as long as the client is there.
    this.#home.connect(this, ownBytes(bytes.subarray(start, end)))
  }

  /** DISCONNECT: aedes drops the will [MQTT-3.14.4-3] and closes. */
  #leave(packet: Buffer): void {
    this.#detach()
    this.#output.flush()
    this.#home.leaving(this, packet)
    this.link.end()
  }

  /** Answers pile up for a client that does not read them: it is not read either. */
  #checkUnread(): void {
    if (!this.#output.roomy) this.pause(UNREAD)
  }

  #drained(): void {
    this.#output.drained()
    if (!this.#output.roomy) return
    this.#dialogue?.roomy()
    this.unpause(UNREAD)
  }

  /** Reads no more until `unpause`. @returns false, for the packet that could not be taken */
  pause(reason: number): false {
    if (this.#paused === 0) this.link.pause()
    this.#paused |= reason
    if (reason === HELD) this.#home.held.add(this)
    return false
  }

  /** A reason not to read has gone. @param reason HELD or ACCEPTING */
  unpause(reason: number): void {
    if ((this.#paused & reason) === 0) return
    this.#paused &= ~reason
    if (this.#paused !== 0 || this.#closed) return
    try {
      this.#guard.resume()
    } catch (error) {
      this.fail(error)
    }
    if (this.#paused === 0) this.link.resume()
  }

  #stuck(): void {
    this.#home.log.info("an MQTT client does not read", { clientId: this.facts?.clientId })
    this.#detach()
    this.link.destroy()
    this.#home.gone(this)
  }

  #ended(): void {
    if (this.#closed) return
    this.#detach()
    this.#home.gone(this)
  }

  #detach(): void {
    this.#closed = true
    this.#guard.close()
    const session = this.admission?.session
    if (session?.receiver === this) session.receiver = null
    this.#home.held.delete(this)
  }
}
