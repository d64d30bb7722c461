import { STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import { ApiError } from "../errors.ts"
import { PROBLEM_MEDIA_TYPE, problemOf } from "./problem.ts"

/**
 * Answers bytes that are no HTTP request, of which no route hears, and ends the connection. A connection that is gone, or
 * on which an answer has begun, gets nothing more.
 * @param error as Node's parser gives it
 */
export function answerMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable || ("bytesWritten" in socket && socket.bytesWritten !== 0)) {
    socket.destroy()
    return
  }
  const { status, ...problem } = problemOf(errorOf(error.code))
  const body = JSON.stringify({ ...problem, status })
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: ${PROBLEM_MEDIA_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function errorOf(code: string | undefined): ApiError {
  switch (code) {
    case "HPE_INVALID_METHOD":
      return new ApiError({ code: "METHOD_UNKNOWN" }, "this does not begin with a method that HTTP knows", {
        remedy:
          "docs/reference/api.md names the methods of each route; TLS is a matter of what stands in front of the agent",
      })
    case "HPE_HEADER_OVERFLOW":
      return new ApiError({ code: "HEADERS_TOO_LARGE" }, "the headers of this request are too long", {
        remedy: "send fewer or shorter ones: the bound is HTTP_HEADER_BYTES_MAX",
      })
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new ApiError({ code: "REQUEST_TIMEOUT" }, "the request did not come whole in time", {
        remedy: "send it again, faster: the bounds are HTTP_HEADERS_TIMEOUT_MS and HTTP_REQUEST_TIMEOUT_MS",
      })
    default:
      return new ApiError({ code: "REQUEST_MALFORMED" }, "this is no HTTP request that can be read", {
        remedy: "send HTTP/1.1: a line for each header, with a name and a colon",
      })
  }
}
