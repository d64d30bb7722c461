/** The one set of this package; its catalogue has the same name. */
export const SET = "@mesg/node-red/mesg"

/** The text of a key, in the language of the editor. */
export function text(key: string, values: Readonly<Record<string, unknown>> = {}): string {
  return RED._(`${SET}:mesg.${key}`, values)
}
