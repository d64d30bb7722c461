import { execFileSync } from "node:child_process"
import { join } from "node:path"

/** A self-signed certificate and its key, as PEM files in a folder, made by openssl. */
export function makeCertificate(folder: string, name = "server"): { readonly cert: string; readonly key: string } {
  const cert = join(folder, `${name}.pem`)
  const key = join(folder, `${name}.key`)
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
  const words = ["req", "-x509", ...kind, "-days", "2", "-subj", `/CN=${name}`, "-keyout", key, "-out", cert]
  execFileSync("openssl", words, { stdio: "pipe" })
  return { cert, key }
}
