// Why a connection is not read at the moment, as bits; it is read again when none is left.
/** The broker holds its publishers. */
export const HELD = 1
/** Too many of its messages are being accepted. */
export const ACCEPTING = 2
/** It does not read what it is sent. */
export const UNREAD = 4
