#!/bin/bash
# Runs inside a Debian: first without systemd, then once per boot. Install, first event, reboot, upgrade, failed upgrade,
# crash, hang, removal; then the same by the Debian package.
# What holds is written to /lab/results, one line each; the last step powers off. /lab/begun says that this systemd is one
# that the agent can be judged in.
set -uo pipefail
exec >>/lab/log 2>&1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive
MIRROR=http://127.0.0.1:8000
# How long anything is waited for that should come by itself, and soon.
PATIENCE_S=120

# What a check is said to have taken has in it what led to it.
last=$SECONDS
tell() {
  echo "$1 $2 ($((SECONDS - last)) s)" >>/lab/results
  last=$SECONDS
}
# check NAME COMMAND…
check() {
  local name=$1
  shift
  echo "== $name"
  if "$@"; then tell ok "$name"; else
    tell FAIL "$name"
    journalctl -u mesg --no-pager -n 60 -o short-precise
  fi
}
# soon COMMAND…
soon() {
  local deadline=$((SECONDS + PATIENCE_S))
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}

serve() {
  ln -sfn "/lab/$1" /lab/served
  ln -sfn . /lab/served/stable
  curl -fs "$MIRROR/SHA256SUMS" >/dev/null && return
  (cd /lab/served && exec python3 -m http.server --bind 127.0.0.1 --directory /lab/served 8000) >/lab/served.log 2>&1 &
  soon curl -fs "$MIRROR/SHA256SUMS" -o /dev/null
}
# The program: install.sh calls it mesg, the Debian package mesg-edge.
edge='mesg'
has_completed() { [ "$($edge execution list --status completed --json 2>/dev/null | grep -o '"id":"ex_' | wc -l)" = "$1" ]; }
publish() { timeout "$PATIENCE_S" mosquitto_pub -h 127.0.0.1 -q 1 -t door/open -m true; }
is_version() { $edge status --json | grep -qF "\"version\":\"$1\""; }
property() { systemctl show -p "$1" --value mesg; }
told() { journalctl -u mesg --no-pager | grep -q -- "$1"; }
# Everything that is there but what a running system writes by itself, and Node whenever it has compiled something.
snapshot() {
  find / -xdev \( -path /lab -o -path /proc -o -path /sys -o -path /run -o -path /dev -o -path /tmp -o -path /var/log \
    -o -path /var/tmp -o -path /var/lib/systemd -o -path /var/cache/ldconfig -o -path /root/.cache -o -path '/etc/*-' \
    -o -path /var/cache/debconf -o -path /var/lib/dpkg -o -path /var/cache/apt -o -path /var/lib/apt \
    -o -path '/opt/mesg/versions/*/lib/*/.cache' \) \
    -prune -o -print | sort
}
# only_says SENTENCE COMMAND…: it says that sentence, and nothing is changed; it ends as the command does.
only_says() {
  local sentence=$1 said status=0
  shift
  snapshot >/lab/before-saying
  said=$("$@" 2>&1) || status=$?
  echo "$said"
  snapshot | diff /lab/before-saying - && grep -qF -- "$sentence" <<<"$said" || return 2
  return $status
}
# refused SENTENCE COMMAND…
refused() {
  only_says "$@"
  [ $? = 1 ]
}
install_() { curl -fs "$MIRROR/install.sh" | MESG_MIRROR=$MIRROR MESG_CHANNEL=stable sh; }
# filling FOLDER KIB PROGRAM COMMAND…: the folder's disk has no more than that left from the moment that PROGRAM is run.
filling() {
  local folder=$1 left=$2 program=$3 status
  shift 3
  mkdir /tmp/filling
  cat >"/tmp/filling/$program" <<END
#!/bin/sh
[ -e $folder/filler ] || head -c \$((\$(df -Pk $folder | awk 'NR == 2 { print \$4 }') - $left))K /dev/zero >$folder/filler
exec $(command -v "$program") "\$@"
END
  chmod +x "/tmp/filling/$program"
  PATH=/tmp/filling:$PATH "$@"
  status=$?
  rm -rf /tmp/filling "$folder/filler"
  return $status
}

without_systemd() {
  serve release-1
  snapshot >/lab/before-without
  check "installs where there is no systemd, and says how to start it" \
    grep -F "is installed; start it with: /usr/local/bin/mesg start" <<<"$(install_)"
  mesg start --home /var/lib/mesg &
  check "runs where there is no systemd" soon is_version 0.1.0
  kill $!
  wait $!
  check "is removed where there is no systemd" mesg uninstall --purge
  check "leaves nothing behind where there is no systemd" diff /lab/before-without <(snapshot)
}

# Whether units are started here at all, with bounds as ours have.
can_run_units() {
  systemd-run --quiet --wait --collect -p User=nobody -p PrivateUsers=yes -p PrivateTmp=yes -p PrivateDevices=yes \
    -p ProtectSystem=strict -p ProtectHome=yes -p ProtectProc=invisible -p SystemCallFilter=@system-service true
}

first_boot() {
  if ! soon can_run_units; then
    systemctl poweroff
    return
  fi
  touch /lab/begun
  serve release-1
  snapshot >/lab/before
  local atomic
  atomic=$(find /usr/lib -name 'libatomic.so.1*' | tr '\n' ' ')
  # shellcheck disable=SC2086
  tar -cf /lab/atomic.tar $atomic && rm -f $atomic && ldconfig
  check "refuses a machine without libatomic1" refused "libatomic.so.1 is missing: apt-get install libatomic1" install_
  tar -xf /lab/atomic.tar -C / && ldconfig
  check "refuses who is not root" refused "this needs root" runuser -u nobody -- sh /lab/release-1/install.sh
  mount -t tmpfs -o size=20m tmpfs /opt
  check "refuses a full disk" refused "there is no room: /opt/mesg has" install_
  mount -t tmpfs -o size=320m tmpfs /opt
  check "refuses a disk that gets full while it unpacks" \
    refused "could not be unpacked: nothing was installed" filling /opt 256 tar install_
  umount /opt
  umount /opt
  mkdir /etc/sysusers.d
  mount -t tmpfs -o size=1m tmpfs /etc/sysusers.d
  check "takes everything away again where a disk gets full later" \
    refused "what was begun was removed again: nothing is installed" filling /etc/sysusers.d 0 ln install_
  umount /etc/sysusers.d
  rmdir /etc/sysusers.d
  python3 -c 'import socket,time
s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1",1883)); s.listen(); time.sleep(600)' &
  local holder=$!
  soon grep -qi ":075B .* 0A " /proc/net/tcp
  check "refuses a port that is taken" refused "port 1883 is taken" install_
  kill $holder
  wait $holder

  check "installs from the served release" install_
  check "runs as a user of its own" test "$(ps -o user= -p "$(property MainPID)")" = mesg
  useradd --groups mesg gardener
  check "is commanded by who is in its group" runuser -u gardener -- env HOME=/tmp/gardener mesg status
  check "is commanded by nobody else" bash -c '! runuser -u nobody -- env HOME=/tmp/nobody mesg status'
  userdel gardener
  check "deploys an application" mesg app deploy /lab/app.yml
  mesg service add /lab/pinger
  check "runs a confined service inside the unit's bounds" soon is_running_pinger
  check "takes an event of mosquitto_pub" publish
  check "has run the execution" soon has_completed 1
  check "installs again without a change" grep -qF "nothing was changed" <<<"$(install_)"
  systemctl reboot
}

is_running_pinger() { mesg service show pinger --json | grep -qF '"state":"running"'; }

second_boot() {
  serve release-2
  check "runs again after a reboot" soon has_completed 1
  publish
  check "runs the next execution after the reboot" soon has_completed 2

  check "says what an upgrade would do, and does not" only_says "would: install version 0.1.1" mesg upgrade --dry-run
  check "upgrades" mesg upgrade
  check "has it from the channel that it was installed from" grep -qF '"GET /stable/SHA256SUMS ' /lab/served.log
  check "runs the new version" is_version 0.1.1
  check "has its executions after the upgrade" has_completed 2
  check "runs in safe mode, as the guide has it" runs_safely
  check "has its executions after safe mode" soon has_completed 2

  local name said s
  for name in hangs dies; do
    serve "release-$name"
    said=$(mesg upgrade 2>&1)
    echo "$said"
    check "says that an upgrade that $name was rolled back" grep -F "version 0.1.1 runs again" <<<"$said"
    s=$(standstill)
    check "stood still for at most 30 s ($s s)" test "$s" -le 30
    check "runs the version of before the one that $name" is_version 0.1.1
    check "has all executions after the one that $name" has_completed 2
  done
  serve release-slow
  check "waits for a start that goes on" mesg upgrade
  check "runs the one that started slowly" is_version 0.1.4
  serve release-migrates
  said=$(mesg upgrade 2>&1)
  echo "$said"
  check "gives the store of before back to the version of before" \
    grep -F "version 0.1.4 runs again, with the store of before" <<<"$said"
  check "had refused the newer store with words" soon told STORE_NEWER
  check "has all executions after the one that migrates" has_completed 2
  publish
  check "goes on with executions after the failed upgrades" soon has_completed 3

  check "refuses an upgrade that finds no room for its copy of the store" upgrade_without_room
  check "has all executions after the one without room" has_completed 3
  downgrades

  check "refuses an older release" refused "--allow-older" mesg upgrade --from /lab/release-1
  check "refuses the Debian package beside it" refused "install.sh has put an agent to /opt/mesg" \
    dpkg --install /lab/release-1/mesg-edge_0.1.0_*.deb

  local pid
  pid=$(property MainPID)
  kill -KILL "$pid"
  check "starts again after it was killed" soon is_running_anew "$pid"
  check "has all executions after it was killed" soon has_completed 3

  mkdir -p /etc/systemd/system/mesg.service.d
  printf '[Service]\nWatchdogSec=6\n' >/etc/systemd/system/mesg.service.d/quick.conf
  systemctl daemon-reload && systemctl restart mesg
  pid=$(property MainPID)
  check "is left alone by the watchdog while it is well" soon has_beaten_longer_than_s 6
  check "was not started again meanwhile" test "$(property MainPID)" = "$pid"
  kill -STOP "$pid"
  check "is started again by the watchdog when it hangs" soon is_running_anew "$pid"
  check "was ended by the watchdog" soon told "Watchdog timeout"

  check "says what it would remove, and does not" only_says "would: remove /opt/mesg" mesg uninstall --dry-run
  check "is removed" mesg uninstall --purge
  snapshot >/lab/after
  check "leaves nothing behind" diff /lab/before /lab/after
  debian_package
  systemctl poweroff
}

is_running_anew() {
  systemctl is-active --quiet mesg && [ "$(property MainPID)" != "$1" ]
}
# Whether the last word to the watchdog came that much later than the start.
has_beaten_longer_than_s() {
  [ $(($(property WatchdogTimestampMonotonic) - $(property ExecMainStartTimestampMonotonic))) -gt $(($1 * 1000000)) ]
}
# Seconds from the last stop in order to the start after it that came up.
standstill() {
  journalctl -u mesg -o short-unix --no-pager |
    awk '/ Stopping mesg/ { from = $1 } / Started mesg/ { to = $1 } END { print int(to - from + 0.5) }'
}
upgrade_without_room() {
  serve release-last
  mkdir /var/lib/aside && systemctl stop mesg && cp -a /var/lib/mesg/. /var/lib/aside || return 1
  mount -t tmpfs -o size=80m,mode=0750 tmpfs /var/lib/mesg && cp -a /var/lib/aside/. /var/lib/mesg || return 1
  rm -rf /var/lib/mesg/before-upgrade /var/lib/mesg/data.of-*
  systemctl start mesg || return 1
  local said refused=1
  said=$(filling /var/lib/mesg 256 mv mesg upgrade 2>&1) || refused=0
  echo "$said"
  grep -F "the store could not be copied" <<<"$said" && grep -F "version 0.1.4 runs again, with all" <<<"$said" || refused=1
  is_version 0.1.4 && [ ! -e /opt/mesg/versions/0.1.9 ] && [ ! -e /var/lib/mesg/before-upgrade.new ] || refused=1
  systemctl stop mesg && umount /var/lib/mesg && rm -rf /var/lib/aside && systemctl start mesg || return 1
  return $refused
}

# To a version whose store the one before refuses, back by --allow-older, and back by hand.
downgrades() {
  local said copy attempt older newer
  older=$(cat /opt/mesg/current/share/format)
  newer=$((older + 1))
  serve release-newer
  check "upgrades to a version with a newer store" mesg upgrade
  publish
  check "runs an execution in the newer store" soon has_completed 4
  serve release-slow
  for attempt in first second third; do
    said=$(mesg upgrade --allow-older 2>&1)
    echo "$said"
    check "goes on with the newer version when the older one refuses its store, the $attempt time" \
      grep -F "version 0.1.5 runs again, with all that it had" <<<"$said"
  done
  check "has all executions of the newer store" has_completed 4
  check "keeps the only copy of the older store, and the last two of the newer one" keeps_copies "$older" "$newer" "$newer"
  copy=$(find /var/lib/mesg/before-upgrade -path "*-0.1.4-format-$older/data/store.mdb")
  check "goes back by hand, as the guide has it" goes_back_by_hand "$copy"
  check "has the executions of the older store" soon has_completed 3
  check "has kept the newer store" test -n "$(ls /var/lib/mesg/data/quarantine)"
}
# keeps_copies FORMAT…: of all that are there, the oldest first
keeps_copies() {
  ls /var/lib/mesg/before-upgrade
  [ "$(find /var/lib/mesg/before-upgrade -mindepth 1 -printf '%f\n' -prune | sort -n | sed 's/.*-format-//' | tr '\n' ' ')" = "$* " ]
}
goes_back_by_hand() {
  mesg uninstall &&
    sh /lab/release-slow/install.sh --from /lab/release-slow --no-start &&
    runuser -u mesg -- mesg restore "$1" --home /var/lib/mesg &&
    systemctl enable --quiet --now mesg &&
    soon is_version 0.1.4
}

says_safe() { grep -F "safe mode: none of" <<<"$(mesg doctor)"; }
runs_safely() {
  systemctl stop mesg || return 1
  systemd-run --unit=safe -p User=mesg -p EnvironmentFile=-/etc/mesg/environment \
    mesg start --safe --home /var/lib/mesg || return 1
  soon says_safe && has_completed 2 && systemctl stop safe && systemctl start mesg
}

debian_package() {
  edge=mesg-edge
  local apt=(apt-get -qq -y -o Dpkg::Use-Pty=0)
  check "is installed by apt" "${apt[@]}" install /lab/release-1/mesg-edge_0.1.0_*.deb
  check "runs when apt has installed it" soon is_version 0.1.0
  check "leaves Debian's own mesg where it is" grep -qx util-linux: <<<"$(dpkg -S /usr/bin/mesg | cut -d' ' -f1)"
  mesg-edge app deploy /lab/app.yml
  publish
  check "has run an execution of the package" soon has_completed 1
  check "keeps install.sh away" refused "mesg-edge is installed as a Debian package" install_
  echo "MESG_LOG_LEVEL=info" >>/etc/mesg/environment
  check "is upgraded by apt" "${apt[@]}" install /lab/release-2/mesg-edge_0.1.1_*.deb
  check "runs when apt has upgraded it" soon is_version 0.1.1
  check "has its executions after the upgrade by apt" has_completed 1
  check "has kept what its owner wrote" grep -q LOG_LEVEL=info /etc/mesg/environment
  systemctl disable --quiet --now mesg
  check "is installed once more by apt" "${apt[@]}" install --reinstall /lab/release-2/mesg-edge_0.1.1_*.deb
  check "stays stopped where its owner has disabled it" test "$(systemctl is-enabled mesg),$(systemctl is-active mesg)" = disabled,inactive
  systemctl enable --quiet --now mesg
  check "is removed by apt" "${apt[@]}" remove mesg-edge
  check "has ended, and its data stays" test "$(systemctl is-active mesg)" = inactive -a -e /var/lib/mesg/data/store.mdb
  check "is installed again by apt" "${apt[@]}" install /lab/release-2/mesg-edge_0.1.1_*.deb
  check "has its executions again" soon has_completed 1
  check "is purged by apt" "${apt[@]}" purge mesg-edge
  # A user that was there once keeps its number, as of any package.
  userdel mesg
  snapshot >/lab/after
  check "leaves nothing behind when it is purged" diff /lab/before /lab/after
}

if [ ! -d /run/systemd/system ]; then
  without_systemd
elif [ -e /lab/booted ]; then
  second_boot
else
  touch /lab/booted
  first_boot
fi
