import { MesgError } from "../../base/errors.ts"

export class KeysError extends MesgError<
  | { readonly code: "KEY_FILE_DAMAGED"; readonly file: string }
  | { readonly code: "KEY_FILE_EXPOSED"; readonly file: string }
  | { readonly code: "KEY_FILE_UNREADABLE"; readonly file: string }
  | { readonly code: "KEYS_NOT_WRITABLE"; readonly dir: string }
  | { readonly code: "PASSPHRASE_SHORT" | "PASSPHRASE_WRONG" }
> {}
