/** What `$SYS` and the metrics tell. Plain numbers, for they change with every packet. */
export class Counters {
  messagesReceived = 0
  messagesSent = 0
  publishReceived = 0
  publishSent = 0
  /** QoS 0 for a client that reads too slowly, and what did not fit a full queue. */
  publishDropped = 0
  publishRefused = 0
  bytesReceived = 0
  bytesSent = 0
  clientsMaximum = 0
  connectionsRefused = 0
  protocolFaults = 0
}
