#!/bin/bash
# Builds what is missing, records an interface and answers queries about it, until Ctrl-C.
#
#   sudo ./run.sh [--interface NAME] [--archive DIR] [--config FILE] [--read FILE]
#
# Without options: the interface of the default route, the archive and settings of /etc/dashcap/dashcap.json, which is made when
# there is none.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

config=/etc/dashcap/dashcap.json
interface=
archive=
capture=
usage() { sed -n '2,7s/^# \{0,1\}//p' "$0"; }
fail() { echo "run.sh: $1" >&2; exit "${2:-1}"; }
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --interface | --archive | --config | --read)
      [ $# -ge 2 ] || fail "$1 needs a value" 2
      case $1 in
        --interface) interface=$2 ;;
        --archive) archive=$(realpath -m "$2") ;;
        --config) config=$(realpath -m "$2") ;;
        --read) if [ "$2" = - ]; then capture=-; else capture=$(realpath -m "$2"); fi ;;
      esac
      shift 2 ;;
    *) usage >&2; fail "unknown option: $1" 2 ;;
  esac
done
[ "$(id -u)" = 0 ] || fail "recording needs root: sudo $0"
[ -z "$capture" ] || [ "$capture" = - ] || [ -r "$capture" ] || fail "$capture: no such file, or not readable"

cd "$here"
scripts/install-packages run build
jobs=$(nproc)
mkdir -p build
log=build/run.log
cmake --preset release -DDASHCAP_TESTS=OFF -B build/run > "$log" 2>&1 || { cat "$log" >&2; fail "cmake failed"; }
cmake --build build/run -j "$jobs" >> "$log" 2>&1 || { tail -50 "$log" >&2; fail "the build failed"; }
bin=$here/build/run/bin

getent group dashcap > /dev/null || groupadd --system dashcap
if [ ! -e "$config" ]; then
  [ -n "$interface" ] || interface=$(ip -o route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -1)
  [ -n "$interface" ] || interface=$(ip -o -6 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -1)
  [ -n "$interface$capture" ] || fail "there is no default route; say what to record: --interface NAME"
  mkdir -p "$(dirname "$config")"
  sed "s/\"eth0\"/\"${interface:-eth0}\"/" config/dashcap.json > "$config"
  echo "made $config"
fi
settings=$("$bin/dashcapd" --config "$config" --check) || fail "the settings are wrong; correct $config"
[ -n "$archive" ] || archive=$(jq -r '.directories[0]' <<< "$settings")
runtime=$(jq -r .runtime_directory <<< "$settings")
socket=$(jq -r '.listen[] | select(startswith("unix:")) | ltrimstr("unix:")' <<< "$settings" | head -1)
[ -n "$socket" ] || fail "$config: query.listen names no unix: socket"
install -d -m 0750 -g dashcap "$archive"
install -d -m 0755 "$runtime" "$(dirname "$socket")"

recorder=()
[ -z "$interface" ] || recorder+=(--interface "$interface")
[ -z "$capture" ] || recorder+=(--read "$capture")
pids=()
stop_all() { # each by its own pid, and not before everything is on disk
  trap '' INT TERM
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2> /dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" || true; done
}
rm -f "$runtime/status.json"
log=$runtime/dashcap.log
: > "$log"
# In a session of their own, so that Ctrl-C reaches only this script, which then stops them in order.
setsid "$bin/dashcapd" --config "$config" --archive "$archive" "${recorder[@]}" < /dev/stdin >> "$log" 2>&1 &
recorder_pid=$!
pids+=("$recorder_pid")
setsid "$bin/dashcap-queryd" --config "$config" --archive "$archive" >> "$log" 2>&1 &
queryd_pid=$!
pids+=("$queryd_pid")
stopped=
trap 'stopped=yes' INT TERM

alive() { kill -0 "$1" 2> /dev/null; }
for _ in $(seq 100); do
  [ -S "$socket" ] && [ -e "$runtime/status.json" ] && break
  alive "$queryd_pid" || { stop_all; cat "$log" >&2; fail "the query service did not start"; }
  if ! alive "$recorder_pid" && [ -z "$capture" ]; then stop_all; cat "$log" >&2; fail "the recorder did not start"; fi
  sleep 0.1
done

echo
echo "recording ${capture:-${interface:-what $config says}} into $archive; messages go to $log"
echo "the last minute, as a pcap:"
echo
if [ -n "$capture" ]; then
  echo "  curl --unix-socket $socket 'http://dashcap/api/v1/packets' -o clip.pcap"
else
  echo "  curl --unix-socket $socket 'http://dashcap/api/v1/packets?q=&last=1m' -o clip.pcap"
fi
echo
echo "Ctrl-C stops."
show_status() {
  jq -r '"\(.lanes | map(.stored) | add) packets, \(.lanes | map(.bytes) | add) bytes, " +
         "\(.lanes | map(.dropped_kernel + .dropped_nic + .lost) | add) dropped, " +
         "oldest \(.archives | map(.oldest // empty) | min // "none yet")"' "$runtime/status.json" 2> /dev/null || true
}
code=0
while [ -z "$stopped" ]; do
  if [ -t 1 ]; then printf '\r\033[K%s' "$(show_status)"; fi
  if ! alive "$recorder_pid"; then
    wait "$recorder_pid" || { code=$?; cat "$log" >&2; echo "run.sh: the recorder ended" >&2; break; }
    # A capture file has been read to its end; the query service goes on until Ctrl-C.
    [ -n "$capture" ] || { echo "run.sh: the recorder ended" >&2; break; }
    wait "$queryd_pid" || true
    break
  fi
  alive "$queryd_pid" || { cat "$log" >&2; echo "run.sh: the query service ended" >&2; code=1; break; }
  sleep 1 & wait $! || true
done
[ -t 1 ] && echo
stop_all
echo "stopped: $(show_status)"
exit "$code"
