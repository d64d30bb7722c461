/** What every error carries beside its code: typed by each area's own class. */
export interface ErrorDetail {
  readonly code: string
}

/**
 * The one base class of errors that cross a border (CLI, HTTP, MQTT, log).
 * The code is stable and listed in docs/reference/errors.md; the sentence says what happened, `remedy` what to do.
 */
export class MesgError<Detail extends ErrorDetail = ErrorDetail> extends Error {
  readonly detail: Detail
  readonly remedy: string | undefined

  constructor(detail: Detail, message: string, options: { remedy?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = new.target.name
    this.detail = detail
    this.remedy = options.remedy
  }

  get code(): Detail["code"] {
    return this.detail.code
  }
}

/** Told by the base class; which codes there are is told by the area's own class. */
export function isMesgError(error: unknown): error is MesgError {
  return error instanceof MesgError
}

/** The sentence of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
