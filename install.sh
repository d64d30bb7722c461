#!/bin/sh
# Installs, upgrades and removes MESG Edge on a 64-bit Linux with glibc. `sh install.sh --help` tells how.
# All of it is one group, so that a script that was cut while it was loaded does nothing.
# shellcheck disable=SC2317 # What a trap calls is reached.
{
  set -eu
  umask 022
  export LC_ALL=C

  # Filled in by `npm run release`: what a release is signed with, and where it is served.
  PUBLIC_KEY='@PUBLIC_KEY@'
  MIRROR='@MIRROR@'

  # KiB: the archive, the program and the library beside it.
  ROOM_KIB=307200
  # Of a start: how long it may be silent, what it may take as long as it tells how far it is (systemd waits for it
  # likewise), and how long it must stay well before it counts.
  SILENT_S=15
  START_S=600
  WATCH_S=4
  # How long systemd may take to answer one question.
  ANSWER_S=5

  usage() {
    cat <<'END'
usage: sh install.sh [install|upgrade|uninstall] [options]
  --from PATH     take the release from a folder or from its archive in one, without a network
  --user          for this user alone, without root
  --no-start      do not start the agent
  --allow-older   also where a newer version is installed
  --dry-run       check everything and say what would be done
  --purge         with uninstall: remove the data too
environment: MESG_MIRROR (where releases are served), MESG_VERSION or MESG_CHANNEL (a folder below it),
  MESG_MQTT_PORT, MESG_HTTP_PORT (where the standard ports 1883 and 6374 are taken)
END
  }

  say() { printf 'mesg: %s\n' "$*"; }
  die() {
    printf 'mesg: %s\n' "$*" >&2
    exit 1
  }
  has() { command -v "$1" >/dev/null 2>&1; }

  # Does it, or says what would be done.
  run() {
    if [ "$dry" = yes ]; then say "would: $*"; else "$@"; fi
  }

  main() {
    action=install from='' user=no start=yes older=no dry=no purge=no
    while [ $# -gt 0 ]; do
      case $1 in
        install | upgrade | uninstall) action=$1 ;;
        --from)
          [ $# -ge 2 ] || die "--from needs a folder or an archive"
          from=$2
          shift
          ;;
        --user) user=yes ;;
        --no-start) start=no ;;
        --allow-older) older=yes ;;
        --dry-run) dry=yes ;;
        --purge) purge=yes ;;
        -h | --help)
          usage
          exit 0
          ;;
        *) die "there is no option $1; --help tells which there are" ;;
      esac
      shift
    done
    places
    work='' undo='' copied=no
    trap ended EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    take_lock
    if [ "$action" = uninstall ]; then uninstall; else install_release; fi
  }

  # However it ends, nothing that is half done stays.
  ended() {
    status=$?
    trap - EXIT
    trap '' INT TERM HUP
    set +e
    if [ -n "$work" ]; then rm -rf "$work"; fi
    case $undo in
      install) undo_install ;;
      version) rm -rf "$prefix/versions/$version" ;;
      upgrade) roll_back ;;
    esac
    exit "$status"
  }

  # One at a time. What is locked is a folder that is there before and after, so that no file is left for it.
  take_lock() {
    has flock || die "flock is needed: apt-get install util-linux"
    exec 9<"$(nearest "$beside")"
    flock -n 9 || die "another install.sh is at work here: nothing was changed"
  }

  # $1, or the folder above it that is there.
  nearest() {
    place=$1
    while [ ! -d "$place" ]; do place=$(dirname "$place"); done
    printf '%s\n' "$place"
  }

  # A whole file or the one that was there before: the disk may be full.
  put_file() {
    if cmp -s "$1" "$2"; then return; fi
    if cp -p "$1" "$2.new" && mv "$2.new" "$2"; then return; fi
    rm -f "$2.new"
    return 1
  }

  # Where everything lies.
  places() {
    if [ "$user" = yes ]; then
      [ -n "${HOME:-}" ] || die "HOME is not set"
      prefix=$HOME/.local/lib/mesg
      beside=$HOME
      bin=$HOME/.local/bin
      home=${XDG_DATA_HOME:-$HOME/.local/share}/mesg
      cache=${XDG_CACHE_HOME:-$HOME/.cache}/mesg
      config=${XDG_CONFIG_HOME:-$HOME/.config}/mesg
      units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
      unit=mesg.user.service
    else
      [ "$(id -u)" = 0 ] || die "this needs root: sudo sh install.sh, or --user for this user alone"
      prefix=/opt/mesg
      beside=/opt
      bin=/usr/local/bin
      home=/var/lib/mesg
      cache=/var/cache/mesg
      config=/etc/mesg
      units=/etc/systemd/system
      unit=mesg.service
    fi
  }

  sc() {
    if [ "$user" = yes ]; then systemctl --user "$@"; else systemctl "$@"; fi
  }
  has_systemd() {
    if [ "$user" = yes ]; then
      has systemctl && systemctl --user show-environment >/dev/null 2>&1
    else
      has systemctl && [ -d /run/systemd/system ]
    fi
  }

  # What systemd says of the service now, in one answer; a busy one may owe it.
  look() {
    if [ "$user" = yes ]; then set -- --user; else set --; fi
    set -- "$@" show -p ActiveState,NRestarts,StatusText,InvocationID mesg
    looked=$(timeout "$ANSWER_S" systemctl "$@" 2>/dev/null) && [ -n "$looked" ]
  }
  seen() { printf '%s\n' "$looked" | sed -n "s/^$1=//p"; }

  # @returns whether it runs; without an answer nothing can be begun
  is_running() {
    has_systemd || return 1
    tries=0
    until look; do
      tries=$((tries + 1))
      [ "$tries" -lt 6 ] || die "systemd does not answer, so nobody can say whether mesg runs; nothing was changed"
    done
    case $(seen ActiveState) in active | activating) ;; *) return 1 ;; esac
  }

  # Waits for the disk to have all of a folder, and for nothing else that is written.
  durable() { find "$1" -exec sync {} +; }

  # --- the machine

  check_machine() {
    [ "$(uname -s)" = Linux ] || die "MESG Edge runs on Linux, this is $(uname -s)"
    machine=$(uname -m)
    case $machine in
      x86_64 | amd64) arch=x64 ;;
      aarch64 | arm64) arch=arm64 ;;
      arm*) die "this is 32-bit ARM ($machine), for which there is no Node 26: install a 64-bit system" ;;
      *) die "there is no binary for $machine, only for x86_64 and aarch64" ;;
    esac
    [ "$(getconf LONG_BIT 2>/dev/null || echo 64)" = 64 ] ||
      die "the kernel is $machine but the programs are 32-bit: install a 64-bit system"
    libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || true)
    case $libc in
      'glibc '*) ;;
      *) die "this system has no glibc (musl, as of Alpine?): Debian, Ubuntu or Raspberry Pi OS is needed" ;;
    esac
    is_older "${libc#glibc }" 2.28 && die "glibc ${libc#glibc } is too old, 2.28 is needed"
    for library in libatomic.so.1:libatomic1 libstdc++.so.6:libstdc++6; do
      has_library "${library%%:*}" || die "${library%%:*} is missing: apt-get install ${library##*:}"
    done
    has openssl || die "openssl is needed to check the signature: apt-get install openssl"
    has dpkg-query && dpkg-query -W -f='${db:Status-Status}' mesg-edge 2>/dev/null | grep -q '^installed$' &&
      die "mesg-edge is installed as a Debian package: apt-get upgrades and removes it"
    return 0
  }

  has_library() {
    for ldconfig in ldconfig /sbin/ldconfig /usr/sbin/ldconfig; do
      if has "$ldconfig"; then
        "$ldconfig" -p 2>/dev/null | grep -F "$1" >/dev/null
        return
      fi
    done
  }

  # Whether version $1 is older than $2; numbers between dots.
  is_older() {
    [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$1" ]
  }

  # KiB that are free where $1 lies, or will lie.
  free_kib() {
    df -Pk "$(nearest "$1")" | awk 'NR == 2 { print $4 }'
  }

  need_room() {
    free=$(free_kib "$1")
    [ "$free" -ge "$2" ] ||
      die "there is no room: $1 has $((free / 1024)) MiB left, $(($2 / 1024)) MiB are needed"
  }

  need_port() {
    hex=$(printf '%04X' "$1")
    for table in /proc/net/tcp /proc/net/tcp6; do
      [ -r "$table" ] || continue
      if awk -v port="$hex" '$4 == "0A" && $2 ~ ":" port "$" { taken = 1 } END { exit !taken }' "$table"; then
        die "port $1 is taken: stop what listens there, or name another one with $2"
      fi
    done
  }

  # --- the release

  fetch() {
    if has curl; then
      curl -fsSL --retry 2 --connect-timeout 10 --speed-limit 1 --speed-time 60 -o "$2" "$1"
    elif has wget; then
      wget -q -T 20 -t 3 -O "$2" "$1"
    else
      die "curl or wget is needed: apt-get install curl"
    fi
  }

  # $1 of the release, to $work.
  take() {
    if [ -n "$from" ]; then
      cp "$source/$1" "$work/$1" 2>/dev/null || die "$source has no readable $1"
    else
      fetch "$source/$1" "$work/$1" || die "$source/$1 could not be loaded"
    fi
  }

  choose_source() {
    if [ -n "$from" ]; then
      source=$from
      if [ -f "$from" ]; then source=$(dirname "$from"); fi
      [ -d "$source" ] || die "there is no $from"
      return
    fi
    mirror=${MESG_MIRROR:-$(kept mirror)}
    mirror=${mirror:-$MIRROR}
    case $mirror in
      http://* | https://*) ;;
      *) die "MESG_MIRROR must say where releases are served, such as https://example.org/mesg" ;;
    esac
    part=${MESG_VERSION:-${MESG_CHANNEL-$(kept channel)}}
    source=${mirror%/}${part:+/$part}
  }

  kept() { if [ -f "$prefix/$1" ]; then cat "$prefix/$1"; fi; }

  # Leaves the verified release in $work/tree, and its $version.
  load_release() {
    case $PUBLIC_KEY in @*) die "this script is a source: npm run release makes the one that installs" ;; esac
    choose_source
    if [ "$dry" = yes ]; then
      work=$(mktemp -d)
    else
      # What one has left that was cut.
      rm -rf "$beside"/.mesg-install.?????? "$prefix"/new.??????
      mkdir -p "$beside"
      if [ -n "$installed" ]; then work=$(mktemp -d "$prefix/new.XXXXXX")
      else work=$(mktemp -d "$beside/.mesg-install.XXXXXX"); fi
    fi
    take SHA256SUMS
    take SHA256SUMS.sig
    printf '%s\n' '-----BEGIN PUBLIC KEY-----' "$PUBLIC_KEY" '-----END PUBLIC KEY-----' >"$work/key.pem"
    openssl pkeyutl -verify -pubin -inkey "$work/key.pem" -rawin -in "$work/SHA256SUMS" \
      -sigfile "$work/SHA256SUMS.sig" >/dev/null 2>&1 ||
      die "the signature of the release is wrong (openssl 3 is needed to check it): nothing was installed"
    packer=gz
    if has xz; then packer=xz; fi
    if [ -n "$from" ] && [ -f "$from" ]; then packer=${from##*.}; fi
    archive=$(awk '{ print $2 }' "$work/SHA256SUMS" |
      grep -E "^mesg-[0-9]+\.[0-9]+\.[0-9]+-linux-$arch\.tar\.$packer\$" || true)
    [ -n "$archive" ] || die "the release has no archive for $arch"
    version=${archive#mesg-}
    version=${version%-linux-*}
    expected=$(awk -v name="$archive" '$2 == name { print $1 }' "$work/SHA256SUMS")
    if [ -n "${MESG_VERSION:-}" ] && [ "$MESG_VERSION" != "$version" ]; then
      die "version $MESG_VERSION was asked for, $source serves $version"
    fi
    if is_same_installed; then return; fi
    [ "$version" != "$installed" ] || die "version $version is installed from another build, and no version has two"
    if [ -n "$installed" ] && is_older "$version" "$installed" && [ "$older" = no ]; then
      die "version $installed is installed, the release is the older $version: --allow-older takes it all the same"
    fi
    take "$archive"
    actual=$(sha256sum "$work/$archive" | awk '{ print $1 }')
    [ "$actual" = "$expected" ] || die "$archive is damaged: its checksum is not the signed one; nothing was installed"
    mkdir "$work/tree"
    case $packer in
      xz) xz -dc "$work/$archive" | tar -xf - -C "$work/tree" ;;
      *) gzip -dc "$work/$archive" | tar -xf - -C "$work/tree" ;;
    esac || die "$archive could not be unpacked: nothing was installed"
    rm -f "$work/$archive"
    # It runs here, and is what its name says, before anything is changed.
    "$work/tree/mesg" --unpack "$work/tree/lib" >/dev/null || die "the program does not run here: nothing was installed"
    says=$("$work/tree/mesg" --version)
    [ "$says" = "$version" ] || die "the archive of version $version holds $says: nothing was installed"
    cp "$work/SHA256SUMS" "$work/tree/SHA256SUMS" || die "the release could not be unpacked: nothing was installed"
    chmod -R go-w "$work/tree"
    durable "$work/tree" || die "the release could not be written: nothing was installed"
  }

  is_same_installed() {
    cmp -s "$work/SHA256SUMS" "$prefix/current/SHA256SUMS"
  }

  # --- install and upgrade

  install_release() {
    installed=''
    if [ -L "$prefix/current" ]; then installed=$(basename "$(readlink "$prefix/current")"); fi
    check_machine
    need_room "$prefix" "$ROOM_KIB"
    if [ -z "$installed" ]; then
      need_port "${MESG_MQTT_PORT:-1883}" MESG_MQTT_PORT
      need_port "${MESG_HTTP_PORT:-6374}" MESG_HTTP_PORT
    fi
    load_release
    if is_same_installed; then
      say "version $version is installed already; nothing was changed"
      return
    fi
    if [ "$dry" = yes ]; then
      say "would: install version $version for $arch to $prefix${installed:+, in place of $installed}"
      return
    fi
    if [ -n "$installed" ]; then upgrade; else first_install; fi
  }

  # A version's folder is whole before it has its name.
  put_version() {
    mkdir -p "$prefix/versions" "$bin"
    rm -rf "$prefix/versions/$version"
    mv "$work/tree" "$prefix/versions/$version"
    sync "$prefix/versions"
  }

  # The one step that makes another version the current one: a cut leaves the old or the new.
  point_to() {
    ln -sfn "versions/$1" "$prefix/current.new"
    mv -T "$prefix/current.new" "$prefix/current"
    sync "$prefix"
  }

  put_system() {
    ln -sfn "$prefix/current/mesg" "$bin/mesg"
    if [ "$user" = no ]; then
      mkdir -p /etc/sysusers.d
      put_file "$prefix/current/mesg.sysusers" /etc/sysusers.d/mesg.conf
      if has systemd-sysusers; then
        systemd-sysusers mesg.conf
      elif ! id mesg >/dev/null 2>&1; then
        useradd --system --user-group --home-dir "$home" --shell /usr/sbin/nologin mesg
      fi
    fi
    if has_systemd || [ "$user" = no ]; then
      mkdir -p "$units"
      put_file "$prefix/current/$unit" "$units/mesg.service"
    fi
    if has_systemd; then sc daemon-reload; fi
  }

  # Ports that were named at the first installation; what else is in the file stays.
  put_environment() {
    [ -n "${MESG_MQTT_PORT:-}${MESG_HTTP_PORT:-}" ] || return 0
    mkdir -p "$config"
    if [ -f "$config/environment" ]; then
      # With its rights: it may hold a secret, and its last line no end.
      cp -p "$config/environment" "$work/environment"
      awk 1 "$config/environment" >"$work/environment"
    fi
    for setting in "MESG_MQTT_PORT=${MESG_MQTT_PORT:-}" "MESG_HTTP_PORT=${MESG_HTTP_PORT:-}"; do
      if [ -n "${setting#*=}" ]; then printf '%s\n' "$setting" >>"$work/environment"; fi
    done
    put_file "$work/environment" "$config/environment"
  }

  # Where an upgrade looks for the next release.
  keep_mirror() {
    if [ -n "$from" ]; then return; fi
    if [ -n "${MESG_MIRROR:-}" ]; then printf '%s\n' "$MESG_MIRROR" >"$prefix/mirror"; fi
    if [ -n "${MESG_CHANNEL+set}" ]; then printf '%s\n' "$MESG_CHANNEL" >"$prefix/channel"; fi
  }

  first_install() {
    # What an earlier agent has left, or somebody has put there for this one, is not ours to take away again.
    purge=yes
    if [ -e "$home" ] || [ -e "$config" ]; then purge=no; fi
    undo=install
    put_version
    point_to "$version"
    put_environment
    put_system
    keep_mirror
    if [ "$start" = no ] || ! has_systemd; then
      undo=''
      say "version $version is installed; start it with: $bin/mesg start"
      return
    fi
    sc enable --quiet mesg
    starts_well "$WATCH_S" || die "version $version did not start here; journalctl -u mesg tells why"
    undo=''
    say "version $version is installed and runs; try: mesg status"
  }

  undo_install() {
    if has_systemd; then stop_hard; fi
    remove_all
    say "what was begun was removed again: nothing is installed" >&2
  }

  # Up, of the version that is the current one, and still so after $1 seconds.
  starts_well() {
    sc reset-failed mesg 2>/dev/null || true
    sc start --no-block mesg || return 1
    comes_up || return 1
    from_s=$(uptime_s)
    # The look that counts is one that is answered, and after the time.
    until look && [ $(($(uptime_s) - from_s)) -ge "$1" ] && is_same; do
      if [ -n "$looked" ] && ! is_same; then return 1; fi
      if [ $(($(uptime_s) - from_s)) -ge "$START_S" ]; then return 1; fi
      sleep 1
    done
    "$prefix/current/mesg" status --json --home "$home" |
      grep -F "\"version\":\"$(basename "$(readlink "$prefix/current")")\"" >/dev/null
  }

  # It has not ended since it came up.
  is_same() { [ "$(seen ActiveState),$(seen InvocationID)" = "active,$born" ]; }

  # Waits for a start as long as it goes on: a large store may have to be checked, or brought to a newer format.
  comes_up() {
    from_s=$(uptime_s)
    heard_s=$from_s
    heard=''
    while :; do
      if look; then
        if has_ended; then return 1; fi
        if [ "$(seen ActiveState)" = active ]; then
          born=$(seen InvocationID)
          return
        fi
        says=$(seen StatusText)
        if [ "$says" != "$heard" ]; then
          heard=$says
          heard_s=$(uptime_s)
        fi
      else
        # Who is not answered hears no silence.
        heard_s=$(uptime_s)
      fi
      now_s=$(uptime_s)
      if [ $((now_s - heard_s)) -ge "$SILENT_S" ] || [ $((now_s - from_s)) -ge "$START_S" ]; then return 1; fi
      sleep 1
    done
  }

  # It was to be started again, or is no more.
  has_ended() { [ "$(seen NRestarts)" != 0 ] || [ "$(seen ActiveState)" = failed ]; }

  # Of the machine; the wall clock of a small one jumps when the network comes.
  uptime_s() { cut -d. -f1 /proc/uptime; }

  # What does not answer is not waited for.
  stop_hard() {
    sc kill -s KILL mesg 2>/dev/null || true
    sc stop mesg 2>/dev/null || true
    sc reset-failed mesg 2>/dev/null || true
  }

  upgrade() {
    before=$installed
    was_running=no
    if is_running; then was_running=yes; fi
    if [ "$was_running" = yes ]; then
      data_kib=0
      if [ -d "$home/data" ]; then data_kib=$(du -sk "$home/data" | awk '{ print $1 }'); fi
      need_room "$home" $((data_kib + 65536))
    fi
    undo=version
    put_version
    undo=upgrade
    if [ "$was_running" = no ]; then
      point_to "$version"
      put_system
      undo=''
      say "version $version is installed in place of $before"
    else
      # A cut in between finds the service enabled: the next boot starts what `current` names.
      sc stop mesg
      back_up || die "the store could not be copied to $home/before-upgrade"
      point_to "$version"
      put_system
      starts_well "$WATCH_S" || die "version $version did not run well"
      undo=''
      say "version $version runs in place of $before; the store as it was is in $copy"
    fi
    keep_mirror
    forget_old
  }

  # The store is at rest: a copy of its files is the store. It has the format of the version that ran on it.
  back_up() {
    format=$(cat "$prefix/versions/$before/share/format" 2>/dev/null || echo "of-$before")
    number=$(copies | head -n 1)
    number=${number%%-*}
    copy=$home/before-upgrade/$((${number:-0} + 1))-$before-format-$format
    rm -rf "$home/before-upgrade.new" &&
      mkdir -m 700 "$home/before-upgrade.new" &&
      if [ -d "$home/data" ]; then cp -a --reflink=auto "$home/data" "$home/before-upgrade.new/data"; fi &&
      mkdir -p "$home/before-upgrade" &&
      chmod 700 "$home/before-upgrade" &&
      # The agent's user restores it.
      chown --reference="$home" "$home/before-upgrade.new" "$home/before-upgrade" &&
      durable "$home/before-upgrade.new" &&
      mv "$home/before-upgrade.new" "$copy" &&
      sync "$home/before-upgrade" &&
      copied=yes &&
      forget_copies
  }

  # The names of what is there, the last one first.
  copies() {
    find "$home/before-upgrade" -mindepth 1 -maxdepth 1 -name '[0-9]*-format-*' 2>/dev/null |
      sed 's#.*/##' | sort -rn
  }

  # The last two stay, and the last one of each format: the version that knows no other one can go on with it.
  forget_copies() {
    count=0 formats=' '
    for name in $(copies); do
      count=$((count + 1))
      case $formats in
        *" ${name##*-format-} "*) if [ "$count" -gt 2 ]; then rm -rf "$home/before-upgrade/$name"; fi ;;
      esac
      formats="$formats${name##*-format-} "
    done
  }

  roll_back() {
    if [ "$was_running" = yes ]; then stop_hard; fi
    rm -rf "$home/before-upgrade.new"
    point_to "$before"
    put_system
    rm -rf "$prefix/versions/$version"
    if [ "$was_running" = no ]; then
      say "version $before stays" >&2
    elif starts_well 0; then
      say "version $before runs again, with all that it had" >&2
    elif gets_its_store_back && starts_well 0; then
      say "version $before runs again, with the store of before; the newer one is in $home/data.of-$version" >&2
    else
      say "version $before does not start either; journalctl -u mesg tells why" >&2
    fi
  }

  # The new one has brought the store to a format that the old one refuses. The copy stays one where there is room.
  gets_its_store_back() {
    [ "$copied" = yes ] && [ -d "$copy/data" ] || return 1
    stop_hard
    rm -rf "$home/data.of-$version" "$home/data.new"
    again=$home/data.new
    if ! cp -a --reflink=auto "$copy/data" "$again" || ! durable "$again"; then
      rm -rf "$again"
      again=$copy/data
    fi
    mv "$home/data" "$home/data.of-$version" && mv "$again" "$home/data"
  }

  # The current version and the one before stay.
  forget_old() {
    for folder in "$prefix"/versions/*; do
      name=$(basename "$folder")
      if [ "$name" != "$version" ] && [ "$name" != "$before" ]; then rm -rf "$folder"; fi
    done
  }

  # --- uninstall

  uninstall() {
    if [ ! -e "$prefix" ] && [ ! -e "$units/mesg.service" ]; then
      if [ "$purge" = no ] || [ ! -e "$home" ]; then
        say "nothing is installed; nothing was changed"
        return
      fi
    fi
    if has_systemd; then
      run sc disable --quiet --now mesg 2>/dev/null || true
    fi
    if [ "$dry" = yes ]; then
      say "would: remove $prefix, $bin/mesg, $units/mesg.service and $cache"
      if [ "$purge" = yes ]; then say "would: remove $home"; fi
      return
    fi
    remove_all
    if [ "$purge" = yes ]; then say "all of it is removed, with its data"
    else say "removed; the data stays in $home (uninstall --purge removes it too)"; fi
  }

  remove_all() {
    rm -f "$units/mesg.service" "$units/multi-user.target.wants/mesg.service" "$units/default.target.wants/mesg.service"
    rm -rf "$units/mesg.service.d"
    if [ "$(readlink "$bin/mesg" 2>/dev/null)" = "$prefix/current/mesg" ]; then rm -f "$bin/mesg"; fi
    rm -rf "$prefix" "$cache"
    if has_systemd; then
      sc daemon-reload
      sc reset-failed mesg 2>/dev/null || true
    fi
    if [ "$user" = no ]; then
      rm -f /etc/sysusers.d/mesg.conf
      # It stays where somebody else has files in it.
      rmdir /etc/sysusers.d 2>/dev/null || true
    fi
    if [ "$purge" = no ]; then return; fi
    rm -rf "$home" "$config"
    if [ "$user" = yes ]; then return; fi
    if id mesg >/dev/null 2>&1; then userdel mesg 2>/dev/null || true; fi
    if has getent && getent group mesg >/dev/null; then groupdel mesg 2>/dev/null || true; fi
  }

  main "$@"
  exit
}
