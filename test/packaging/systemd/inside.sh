#!/bin/bash
# Runs inside a booted Debian, once per boot: install, first event, reboot, upgrade, failed upgrade, crash, hang, removal.
# What holds is written to /lab/results, one line each; the last step powers off.
set -uo pipefail
exec >>/lab/log 2>&1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
MIRROR=http://127.0.0.1:8000

ok() { echo "ok $*" >>/lab/results; }
fail() { echo "FAIL $*" >>/lab/results; }
# check NAME COMMAND…
check() {
  local name=$1
  shift
  echo "== $name"
  if "$@"; then ok "$name"; else
    fail "$name"
    journalctl -u mesg --no-pager -n 60 -o short-precise
  fi
}
# until SECONDS COMMAND…
until_() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}

serve() {
  ln -sfn "/lab/$1" /lab/served
  curl -fs "$MIRROR/SHA256SUMS" >/dev/null && return
  (cd /lab/served && exec python3 -m http.server --bind 127.0.0.1 --directory /lab/served 8000) >/dev/null 2>&1 &
  until_ 10 curl -fs "$MIRROR/SHA256SUMS" -o /dev/null
}
completed() { mesg execution list --status completed --json 2>/dev/null | grep -o '"id":"ex_' | wc -l; }
has_completed() { [ "$(completed)" = "$1" ]; }
publish() { mosquitto_pub -h 127.0.0.1 -q 1 -t door/open -m true; }
is_version() { mesg status --json | grep -qF "\"version\":\"$1\""; }
# Everything that is there but what a running system writes by itself.
snapshot() {
  find / -xdev \( -path /lab -o -path /proc -o -path /sys -o -path /run -o -path /dev -o -path /tmp -o -path /var/log \
    -o -path /var/tmp -o -path /var/lib/systemd -o -path /var/cache/ldconfig -o -path /root/.cache -o -path '/etc/*-' \) \
    -prune -o -print | sort
}
# refused SENTENCE COMMAND…: it fails with that sentence, and nothing is changed.
refused() {
  local sentence=$1 said
  shift
  snapshot >/lab/before-refusal
  if said=$("$@" 2>&1); then return 1; fi
  echo "$said"
  snapshot | diff /lab/before-refusal - && grep -qF -- "$sentence" <<<"$said"
}
install_() { curl -fs "$MIRROR/install.sh" | MESG_MIRROR=$MIRROR sh; }

first_boot() {
  serve release-1
  snapshot >/lab/before
  local atomic
  atomic=$(find /usr/lib -name 'libatomic.so.1*' | tr '\n' ' ')
  # shellcheck disable=SC2086
  tar -cf /lab/atomic.tar $atomic && rm -f $atomic && ldconfig
  check "refuses a machine without libatomic1" refused "libatomic.so.1 is missing: apt-get install libatomic1" install_
  tar -xf /lab/atomic.tar -C / && ldconfig
  mount -t tmpfs -o size=20m tmpfs /opt
  check "refuses a full disk" refused "there is no room: /opt has" install_
  umount /opt
  python3 -c 'import socket,time
s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1",1883)); s.listen(); time.sleep(600)' &
  local holder=$!
  until_ 10 grep -qi ":075B .* 0A " /proc/net/tcp
  check "refuses a port that is taken" refused "port 1883 is taken" install_
  kill $holder
  wait $holder

  check "installs from the served release" install_
  check "runs as a user of its own" test "$(ps -o user= -p "$(systemctl show -p MainPID --value mesg)")" = mesg
  useradd --groups mesg gardener
  ls -l /var/lib/mesg/run
  check "is commanded by who is in its group" runuser -u gardener -- env HOME=/tmp/gardener mesg status
  check "is commanded by nobody else" bash -c '! runuser -u nobody -- env HOME=/tmp/nobody mesg status'
  userdel gardener
  check "deploys an application" mesg app deploy /lab/app.yml
  mesg service add /lab/pinger
  check "runs a confined service inside the unit's bounds" \
    grep -F '"state":"running"' <<<"$(mesg service show pinger --json)"
  check "takes an event of mosquitto_pub" publish
  check "has run the execution" until_ 20 has_completed 1
  check "installs again without a change" grep -qF "nothing was changed" <<<"$(install_)"
  systemctl reboot
}

second_boot() {
  serve release-2
  check "runs again after a reboot" until_ 30 has_completed 1
  publish
  check "runs the next execution after the reboot" until_ 20 has_completed 2

  check "upgrades" mesg upgrade
  check "runs the new version" is_version 0.1.1
  check "has its executions after the upgrade" has_completed 2

  local began name said
  for name in hangs dies; do
    serve "release-$name"
    began=$SECONDS
    said=$(mesg upgrade 2>&1)
    check "says that an upgrade that $name was rolled back" grep -F "version 0.1.1 runs again" <<<"$said"
    check "rolls back within 30 s ($((SECONDS - began)) s)" test $((SECONDS - began)) -le 30
    check "runs the version of before the one that $name" is_version 0.1.1
    check "has all executions after the one that $name" has_completed 2
  done
  serve release-migrates
  said=$(mesg upgrade 2>&1)
  echo "$said"
  check "gives the store of before back to the version of before" \
    grep -F "version 0.1.1 runs again, with the store of before" <<<"$said"
  check "had refused the newer store with words" grep -q STORE_NEWER <<<"$(journalctl -u mesg --no-pager)"
  check "has all executions after the one that migrates" has_completed 2
  publish
  check "goes on with executions after the failed upgrades" until_ 20 has_completed 3

  serve release-1
  check "refuses an older release" refused "--allow-older" mesg upgrade

  local pid
  pid=$(systemctl show -p MainPID --value mesg)
  kill -KILL "$pid"
  check "starts again after it was killed" until_ 15 is_running_anew "$pid"
  check "has all executions after it was killed" until_ 15 has_completed 3

  mkdir -p /etc/systemd/system/mesg.service.d
  printf '[Service]\nWatchdogSec=3\n' >/etc/systemd/system/mesg.service.d/quick.conf
  systemctl daemon-reload && systemctl restart mesg
  pid=$(systemctl show -p MainPID --value mesg)
  sleep 5
  check "is left alone by the watchdog while it is well" test "$(systemctl show -p MainPID --value mesg)" = "$pid"
  kill -STOP "$pid"
  check "is started again by the watchdog when it hangs" until_ 20 is_running_anew "$pid"
  check "was ended by the watchdog" grep -q "watchdog" <<<"$(journalctl -u mesg --no-pager)"

  check "says what it would remove" grep -qF "would: remove /opt/mesg" <<<"$(mesg uninstall --dry-run)"
  check "is removed" mesg uninstall --purge
  snapshot >/lab/after
  check "leaves nothing behind" diff /lab/before /lab/after
  systemctl poweroff
}

is_running_anew() {
  systemctl is-active --quiet mesg && [ "$(systemctl show -p MainPID --value mesg)" != "$1" ]
}

if [ -e /lab/booted ]; then second_boot; else
  touch /lab/booted
  first_boot
fi
