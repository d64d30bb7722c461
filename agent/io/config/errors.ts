import { MesgError } from "../../base/errors.ts"

export type ConfigErrorDetail =
  | { code: "CONFIG_UNREADABLE"; file: string }
  | { code: "CONFIG_UNWRITABLE"; file: string }
  | { code: "CONFIG_SYNTAX"; file: string; line: number }
  | { code: "CONFIG_UNKNOWN_KEY"; key: string; source: string }
  | { code: "CONFIG_INVALID"; key: string; source: string }

/** What is wrong with `config.yml`, a MESG_ variable or a `--set`: the sentence begins with the place. */
export class ConfigError extends MesgError<ConfigErrorDetail> {}
