import { execFileSync } from "node:child_process"
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { gzipSync } from "node:zlib"
import type { Arch } from "../binary/materials.ts"
import { RELEASE_TIME_S } from "./tree.ts"

export const DEB_ARCH = { x64: "amd64", arm64: "arm64" } as const
const MAINTAINER = "MESG Edge <maintainers@mesg.invalid>"

/**
 * Makes the Debian package: the same files as the archive, in Debian's places, and started by systemd.
 * @param tree what the archive holds
 * @param work a folder of its own
 */
export function writeDeb(file: string, arch: Arch, version: string, tree: string, work: string): void {
  rmSync(work, { recursive: true, force: true })
  const put = (path: string, content: string | Buffer, mode = 0o644) => {
    mkdirSync(dirname(join(work, path)), { recursive: true, mode: 0o755 })
    writeFileSync(join(work, path), content)
    chmodSync(join(work, path), mode)
  }
  const read = (path: string) => readFileSync(join(tree, path))
  const program = "usr/lib/mesg/mesg"
  mkdirSync(join(work, "usr/lib/mesg"), { recursive: true })
  copyFileSync(join(tree, "mesg"), join(work, program))
  chmodSync(join(work, program), 0o755)
  // Debian's util-linux has a mesg of its own, for terminals: files of two packages cannot have one name.
  put("usr/bin/mesg-edge", '#!/bin/sh\nexec /usr/lib/mesg/mesg "$@"\n', 0o755)
  const unit = read("mesg.service")
    .toString()
    .replaceAll("/opt/mesg/current/mesg", `/${program}`)
    .replace(/^Documentation=.*$/m, "Documentation=man:mesg-edge(1)")
  put("usr/lib/systemd/system/mesg.service", unit)
  put("usr/lib/sysusers.d/mesg.conf", read("mesg.sysusers"))
  put("usr/share/doc/mesg-edge/examples/devices.conf", read("share/devices.conf"))
  put("usr/share/doc/mesg-edge/mesg.cdx.json.gz", gzipSync(read("share/mesg.cdx.json"), { level: 9 }))
  put("usr/share/doc/mesg-edge/copyright", copyright())
  put("usr/share/doc/mesg-edge/changelog.gz", gzipSync(changelog(version), { level: 9 }))
  put("usr/share/man/man1/mesg-edge.1.gz", gzipSync(renamed(read("share/mesg.1")), { level: 9 }))
  for (const [shell, path] of Object.entries(COMPLETIONS)) put(path, renamed(read(`share/completion.${shell}`)))
  put("usr/share/lintian/overrides/mesg-edge", OVERRIDES)
  put("etc/mesg/environment", "# Settings as in `mesg config show`, such as MESG_MQTT_PORT=1884\n")
  put("DEBIAN/conffiles", "/etc/mesg/environment\n")
  put("DEBIAN/control", control(arch, version, kibBelow(work)))
  put("DEBIAN/preinst", PREINST, 0o755)
  put("DEBIAN/postinst", POSTINST, 0o755)
  put("DEBIAN/prerm", PRERM, 0o755)
  put("DEBIAN/postrm", POSTRM, 0o755)
  put("DEBIAN/md5sums", execFileSync("sh", ["-c", MD5SUMS], { cwd: work }))
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(RELEASE_TIME_S) }
  execFileSync(
    "dpkg-deb",
    ["--root-owner-group", "-Zxz", `-z${process.env["MESG_RELEASE_LEVEL"] ?? 6}`, "--build", work, file],
    {
      env,
      stdio: "pipe",
    },
  )
}

const COMPLETIONS = {
  bash: "usr/share/bash-completion/completions/mesg-edge",
  zsh: "usr/share/zsh/vendor-completions/_mesg-edge",
  fish: "usr/share/fish/vendor_completions.d/mesg-edge.fish",
} as const

/** The manual and the completions of the command under the name that the package gives it. */
function renamed(text: Buffer): string {
  return text
    .toString()
    .replaceAll("_mesg", "_mesg_edge")
    .replace(/^(\.TH )MESG/m, "$1MESG-EDGE")
    .replace(/^(\.B |(?=mesg \\-)|#compdef |complete (?:.*-F _mesg_edge|-c) )mesg\b/gm, "$1mesg-edge")
}

const MD5SUMS = "find . -path ./DEBIAN -prune -o -type f -print | sort | sed 's#^[.]/##' | xargs -d '\\n' md5sum"

function kibBelow(folder: string): number {
  return Number(execFileSync("du", ["-sk", folder], { encoding: "utf8" }).split("\t")[0]) || statSync(folder).size
}

function control(arch: Arch, version: string, kib: number): string {
  return `Package: mesg-edge
Version: ${version}
Architecture: ${DEB_ARCH[arch]}
Maintainer: ${MAINTAINER}
Installed-Size: ${kib}
Depends: libc6 (>= 2.28), libstdc++6 (>= 11), libatomic1 (>= 4.8), libgcc-s1
Recommends: systemd
Section: net
Priority: optional
Description: edge agent: device events over MQTT run durable workflows
 MESG Edge is one program for gateways of the size of a Raspberry Pi. It is an
 MQTT broker, hosts services that turn devices into events and tasks, and runs
 workflows of them whose executions outlive crashes and power cuts.
`
}

function copyright(): string {
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: mesg
Comment: The packages inside the program, with their licences, are in mesg.cdx.json.gz.

Files: *
Copyright: 2026 the authors of MESG Edge
License: Apache-2.0
 On Debian systems the text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.
`
}

function changelog(version: string): string {
  return `mesg-edge (${version}) stable; urgency=medium

  * See the release's own list of changes.

 -- ${MAINTAINER}  Thu, 01 Jan 2026 00:00:00 +0000
`
}

const OVERRIDES = `# Node carries its own libraries, and is built as it is by its makers.
mesg-edge: embedded-library *
mesg-edge: hardening-no-pie *
# The package is built without debhelper: systemd reads the unit anew.
mesg-edge: maintainer-script-calls-systemctl *
`

// Both would run an agent from the same data.
const PREINST = `#!/bin/sh
set -e
if [ -e /opt/mesg/current ]; then
  echo "mesg-edge: install.sh has put an agent to /opt/mesg: remove that one first (mesg uninstall); its data stays" >&2
  exit 1
fi
`
// The library is made beside the program, root's: the agent's user and everybody's commands find it there.
const POSTINST = `#!/bin/sh
set -e
if [ "$1" != configure ]; then exit 0; fi
/usr/lib/mesg/mesg --unpack /usr/lib/mesg/lib >/dev/null
if command -v systemd-sysusers >/dev/null; then
  systemd-sysusers mesg.conf
fi
# What its owner has disabled stays so.
deb-systemd-helper unmask mesg.service >/dev/null
if deb-systemd-helper --quiet was-enabled mesg.service; then
  deb-systemd-helper enable mesg.service >/dev/null
else
  deb-systemd-helper update-state mesg.service >/dev/null
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  if [ -n "$2" ]; then action=restart; else action=start; fi
  deb-systemd-invoke "$action" mesg.service >/dev/null ||
    echo "mesg-edge: the agent did not start; journalctl -u mesg tells why" >&2
fi
`
const PRERM = `#!/bin/sh
set -e
if [ "$1" != remove ]; then exit 0; fi
if [ -d /run/systemd/system ]; then
  deb-systemd-invoke stop mesg.service >/dev/null
fi
rm -rf /usr/lib/mesg/lib
`
const POSTRM = `#!/bin/sh
set -e
case $1 in
  remove) deb-systemd-helper mask mesg.service >/dev/null ;;
  purge)
    deb-systemd-helper purge mesg.service >/dev/null
    deb-systemd-helper unmask mesg.service >/dev/null
    rm -rf /var/lib/mesg /var/cache/mesg /etc/mesg
    ;;
esac
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
fi
`
