import { fromUtf8 } from "../../base/bytes.ts"
import { HTTP_BODY_BYTES_MAX, JSON_DEPTH_MAX } from "../../base/limits.ts"
import { type Json, parseJson } from "../../schema/json.ts"
import { ApiError } from "../errors.ts"

/**
 * The bytes of a request's body.
 * @throws ApiError BODY_TOO_LARGE as soon as it is known, without reading on
 */
export async function readBody(request: Request, bytesMax = HTTP_BODY_BYTES_MAX): Promise<Uint8Array> {
  const tooLarge = () =>
    new ApiError({ code: "BODY_TOO_LARGE", bytesMax }, `the body is larger than ${bytesMax} bytes`, {
      remedy: "send less at once, or keep large data elsewhere and send where it is",
    })
  const declared = Number(request.headers.get("content-length") ?? 0)
  if (declared > bytesMax) throw tooLarge()
  if (request.body === null) return new Uint8Array()
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for await (const part of request.body as AsyncIterable<Uint8Array>) {
      length += part.length
      if (length > bytesMax) throw tooLarge()
      parts.push(part)
    }
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw new ApiError({ code: "BODY_INTERRUPTED" }, "the connection ended inside the body", { cause: error })
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

/**
 * The JSON of a request's body: bounded in bytes and depth, UTF-8, of type application/json.
 * @returns undefined where there is no body
 * @throws ApiError CONTENT_TYPE_UNSUPPORTED, BODY_TOO_LARGE, BODY_NOT_UTF8, BODY_NOT_JSON, BODY_TOO_DEEP,
 *   BODY_VALUE_INVALID
 */
export async function readJson(request: Request): Promise<Json | undefined> {
  const bytes = await readBody(request)
  if (bytes.length === 0) return undefined
  const type = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase() ?? ""
  if (type !== "application/json") {
    throw new ApiError({ code: "CONTENT_TYPE_UNSUPPORTED" }, `the body is ${type === "" ? "of no type" : type}`, {
      remedy: "send JSON with `Content-Type: application/json`",
    })
  }
  const text = fromUtf8(bytes)
  if (text === null)
    throw new ApiError({ code: "BODY_NOT_UTF8" }, "the body is not valid UTF-8", {
      remedy: "send JSON in UTF-8; bytes that are no text as base64",
    })
  const parsed = parseJson(text)
  if (parsed.ok) return parsed.value
  switch (parsed.why) {
    case "syntax":
      throw new ApiError({ code: "BODY_NOT_JSON" }, `the body is not JSON: ${parsed.message}`, {
        remedy: "check quotes and commas: names and texts stand in double quotes",
      })
    case "depth":
      throw new ApiError({ code: "BODY_TOO_DEEP" }, `the body nests deeper than ${JSON_DEPTH_MAX} levels`, {
        remedy: "flatten it, or send the inner part as a text",
      })
    case "value":
      throw new ApiError({ code: "BODY_VALUE_INVALID" }, `the body cannot be taken as it is: ${parsed.message}`, {
        remedy: "send as a text what is to arrive to the last digit",
      })
  }
}
