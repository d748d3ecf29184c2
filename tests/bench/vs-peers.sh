#!/bin/bash
# Records the same traffic, one after the other on one veth pair, with dashcap and with what else writes packets to
# disk: stenotype (index too), tcpdump, dumpcap and netsniff-ng (capture only). Prints for each traffic and rate: CPU
# per packet (user and system time of the recording process, until everything is on disk and indexed), packets dropped,
# bytes on disk per packet, and the most memory that was resident. Every recorder gets a ring of 64 MiB.
#
#   tests/bench/vs-peers.sh [BUILD_DIRECTORY]      needs root; takes some five minutes
#
# SECONDS_SENT, RATES ("200000 0"; 0 is flat out), RECORDERS and TRAFFICS may be set.
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${1:-build/release}
SECONDS_SENT=${SECONDS_SENT:-2}
RATES=${RATES:-200000 0}
RECORDERS=${RECORDERS:-dashcap stenotype tcpdump dumpcap netsniff-ng}
TRAFFICS=${TRAFFICS:-small large million captures}
CAPTURES=${DASHCAP_CAPTURES:-../shared/captures}
RING_MIB=64
ROTATE_SECONDS=3 # of stenotype, which can't be told to

[ "$(id -u)" = 0 ] || { echo "vs-peers.sh: needs root" >&2; exit 2; }
for program in "$BUILD/bin/dashcapd" "$BUILD/bin/traffic" /usr/sbin/stenotype tcpdump dumpcap netsniff-ng jq python3; do
  command -v "$program" > /dev/null || { echo "vs-peers.sh: $program is missing" >&2; exit 2; }
done

namespace=dashcap-peers-$$
work=$(mktemp -d /var/tmp/dashcap-peers.XXXXXX)
chmod 755 "$work"
recorder=
stop() { # SIGNAL: ends the recorder and waits for it to be gone
  [ -n "$recorder" ] || return 0
  kill "-$1" "$recorder" 2> /dev/null || true
  wait "$recorder" 2> /dev/null || true
  recorder=
}
clean_up() {
  stop KILL
  ip netns del "$namespace" 2> /dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

ip netns add "$namespace"
ip -n "$namespace" link add v0 type veth peer name v1
for link in lo v0 v1; do ip -n "$namespace" link set "$link" up; done
ip netns exec "$namespace" sysctl -qw net.ipv6.conf.all.disable_ipv6=1

# Replaces the shell that runs it, so that the pid of a background `inside` is the program's.
inside() { exec ip netns exec "$namespace" "$@"; }
cpu_ticks() { awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
ticks_per_second=$(getconf CLK_TCK)
peak_mib() { awk '/^VmHWM/ { printf "%.0f", $2 / 1024 }' "/proc/$1/status"; }
bytes_in() { find "$work/files" -type f -printf '%s\n' | awk '{ total += $1 } END { print total + 0 }'; }

# Each recorder: start_X, settle_X (everything written), stop_X, and packets_X prints the names of its packet files.
start_dashcap() {
  mkdir -p "$work/files/archive" "$work/run"
  cat > "$work/config" <<C
{"archive": {"directories": ["$work/files/archive"], "min_free_percent": 0},
 "capture": [{"interface": "v1", "ring_bytes": "${RING_MIB}M"}], "runtime_directory": "$work/run"}
C
  inside "$BUILD/bin/dashcapd" --config "$work/config" > "$work/log" 2>&1 &
  recorder=$!
}
settle_dashcap() {
  sleep 1 # the last block
  kill -HUP "$recorder"
  local tries
  for ((tries = 0; tries < 200; tries++)); do
    sleep 0.1
    [ -z "$(find "$work/files" -name '.*.pcapng')" ] || continue
    [ "$(find "$work/files" -name '*.pcapng' | wc -l)" != "$(find "$work/files" -name '[!.]*.index' | wc -l)" ] || return 0
  done
  echo "vs-peers.sh: dashcap did not finish its indexes" >&2
}
stop_dashcap() { stop TERM; }
packets_dashcap() { find "$work/files" -name '*.pcapng'; }

start_stenotype() {
  mkdir -p "$work/files/PKT0" "$work/files/IDX0"
  chown -R stenographer "$work/files"
  inside setpriv --reuid=stenographer --regid="$(id -g stenographer)" --clear-groups \
    --inh-caps=-all,+net_raw,+net_admin,+ipc_lock --ambient-caps=-all,+net_raw,+net_admin,+ipc_lock \
    /usr/sbin/stenotype --iface=v1 --dir="$work/files" --threads=1 --blocks=$RING_MIB --aiops=64 \
    --fileage_sec=$ROTATE_SECONDS --blockage_sec=1 --no_watchdogs --seccomp=none > "$work/log" 2>&1 &
  recorder=$!
}
settle_stenotype() { sleep $((ROTATE_SECONDS + 3)); } # its file grows old, and the index is written
stop_stenotype() { stop KILL; }
packets_stenotype() { find "$work/files/PKT0" -type f; }

start_tcpdump() {
  mkdir -p "$work/files"
  inside tcpdump -i v1 -n -s 0 -B $((RING_MIB * 1024)) -Z root -w "$work/files/packets" > "$work/log" 2>&1 &
  recorder=$!
}
settle_tcpdump() { sleep 1; }
stop_tcpdump() { stop INT; }
packets_tcpdump() { echo "$work/files/packets"; }

start_dumpcap() {
  mkdir -p "$work/files"
  inside dumpcap -q -i v1 -B $RING_MIB -w "$work/files/packets" > "$work/log" 2>&1 &
  recorder=$!
}
settle_dumpcap() { sleep 1; }
stop_dumpcap() { stop INT; }
packets_dumpcap() { echo "$work/files/packets"; }

start_netsniff-ng() {
  mkdir -p "$work/files"
  inside netsniff-ng --in v1 --out "$work/files/packets" --silent --ring-size ${RING_MIB}MiB > "$work/log" 2>&1 &
  recorder=$!
}
settle_netsniff-ng() { sleep 1; }
stop_netsniff-ng() { stop INT; }
packets_netsniff-ng() { echo "$work/files/packets"; }

traffic_options() {
  case $1 in
    small) echo --flows 65536 --bytes 64 ;;
    large) echo --flows 65536 --bytes 1500 ;;
    million) echo --flows 1000000 --bytes 100 ;;
    captures) echo --capture "$CAPTURES"/ndpi/*.pcap ;;
  esac
}
title() {
  case $1 in
    small) echo "64 bytes, 65,536 flows interleaved at random" ;;
    large) echo "1500 bytes, 65,536 flows interleaved at random" ;;
    million) echo "100 bytes, 1,000,000 flows interleaved at random" ;;
    captures) echo "captures of real applications in their own order" ;;
  esac
}

measure() { # RECORDER TRAFFIC RATE: one row
  local name=$1
  mkdir "$work/files"
  "start_$name"
  sleep 1
  local before sent ticks peak stored
  before=$(cpu_ticks "$recorder")
  # shellcheck disable=SC2046
  sent=$(inside "$BUILD/bin/traffic" v0 $(traffic_options "$2") --rate "$3" --seconds "$SECONDS_SENT" --packets 100000000)
  "settle_$name"
  ticks=$(($(cpu_ticks "$recorder") - before))
  peak=$(peak_mib "$recorder")
  "stop_$name"
  # shellcheck disable=SC2046
  stored=$(python3 tests/bench/stored_packets.py $("packets_$name"))
  jq -r --arg name "$name" --argjson ticks "$ticks" --argjson hz "$ticks_per_second" --argjson stored "$stored" \
    --argjson bytes "$(bytes_in)" --argjson peak "$peak" '
    def cut: . * 1000 | round / 1000;
    "| \($name) | \($ticks / $hz * 1000000 / ($stored | if . == 0 then 1 else . end) | cut) " +
    "| \(.packets - $stored) of \(.packets) | \(.packets / .seconds / 1000 | round) " +
    "| \($bytes / ($stored | if . == 0 then 1 else . end) | cut) | \($peak) |"' <<< "$sent"
  rm -rf "$work/files" "$work/run"
}

for traffic in $TRAFFICS; do
  if [ "$traffic" = captures ] && ! [ -d "$CAPTURES/ndpi" ]; then continue; fi
  for rate in $RATES; do
    echo
    echo "### $(title "$traffic"), $([ "$rate" = 0 ] && echo flat out || echo "$rate packets a second")"
    echo
    echo "| recorder | CPU us/packet | dropped | sent k/s | bytes/packet | peak MiB |"
    echo "|---|---|---|---|---|---|"
    for name in $RECORDERS; do measure "$name" "$traffic" "$rate"; done
  done
done
