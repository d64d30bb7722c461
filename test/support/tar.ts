import { gzipSync } from "node:zlib"

/** One member of an archive, as an attacker may write it too. */
export interface TarMember {
  readonly path: string
  readonly content?: string | Uint8Array
  /** `0` file, `5` folder, `2` symbolic link, `1` hard link, `x` pax record, `L` GNU long name. */
  readonly type?: string
  readonly link?: string
  readonly mode?: number
  /** Instead of the content's own. */
  readonly bytes?: number
}

/** A tar archive, packed with gzip. */
export function tgz(members: readonly TarMember[], options: { ends?: boolean } = {}): Buffer {
  const parts = members.flatMap((member) => {
    const content = Buffer.from(member.content ?? "")
    const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
    return [headerOf(member, content.length), content, padding]
  })
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(options.ends === false ? 0 : 1024)]))
}

function headerOf({ path, type = "0", link = "", mode = 0o644, bytes }: TarMember, length: number): Buffer {
  const header = Buffer.alloc(512)
  header.write(path, 0, 100)
  header.write(`${mode.toString(8).padStart(7, "0")}\0`, 100)
  header.write(`${(bytes ?? length).toString(8).padStart(11, "0")}\0`, 124)
  header.write("        ", 148)
  header.write(type, 156)
  header.write(link, 157, 100)
  header.write("ustar\x0000", 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148)
  return header
}

/** The record of a pax header: `<length> key=value\n`. */
export function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + String(rest).length
  if (String(length).length !== String(rest).length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}
