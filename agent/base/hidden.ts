/** What stands in for a secret wherever something is recorded, shown or logged. */
export const HIDDEN = "(secret)"

/** What stands in for a secret that cannot be opened any more: it was sealed under the key of another home. */
export const LOST = "(lost)"

/** What stands in for a field that is kept but not shown. */
export const REDACTED = "(redacted)"

/** The last line of defence of a log: nobody logs secrets, but a field of this name is one. */
export const SECRET_FIELDS: readonly string[] = ["password", "token", "secret", "authorization", "privateKey"]
