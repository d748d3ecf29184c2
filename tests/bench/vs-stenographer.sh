#!/bin/bash
# Records the same traffic with Debian's stenographer and with dashcap, one after the other on the same veth pair, and prints
# side by side: CPU per packet (user and system time of the recording process, index included), bytes on disk per packet, and
# how long answers take. Ratios are what counts; the absolute figures belong to the machine.
#
#   tests/bench/vs-stenographer.sh [BUILD_DIRECTORY]      needs root; PACKETS and RATE may be set
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${1:-build/release}
PACKETS=${PACKETS:-3000000}
RATE=${RATE:-200000}
CAPTURES=${DASHCAP_CAPTURES:-../shared/captures}
ROTATE_SECONDS=20 # a third of what both do by default

[ "$(id -u)" = 0 ] || { echo "vs-stenographer.sh: needs root" >&2; exit 2; }
for program in "$BUILD/bin/dashcapd" "$BUILD/bin/dashcap-queryd" "$BUILD/bin/traffic" /usr/sbin/stenotype /usr/bin/stenocurl; do
  [ -x "$program" ] || { echo "vs-stenographer.sh: $program is missing" >&2; exit 2; }
done

namespace=dashcap-vs-$$
work=$(mktemp -d /var/tmp/dashcap-vs.XXXXXX)
chmod 755 "$work"
pids=()
stop() { # PID SIGNAL: ends a process and waits for it to be gone
  kill "-$2" "$1" 2> /dev/null || true
  wait "$1" 2> /dev/null || true # also keeps the shell from reporting it
  while kill -0 "$1" 2> /dev/null; do sleep 0.1; done
}
clean_up() {
  for pid in "${pids[@]}"; do stop "$pid" KILL; done
  ip netns del "$namespace" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

ip netns add "$namespace"
ip -n "$namespace" link add v0 type veth peer name v1
for link in lo v0 v1; do ip -n "$namespace" link set "$link" up; done
ip netns exec "$namespace" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
in_namespace() { ip netns exec "$namespace" "$@"; }
# In place of the shell that runs it, so that the pid of one in the background is the program's.
become_in_namespace() { exec ip netns exec "$namespace" "$@"; }

cpu_ticks() { awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
ticks_per_second=$(getconf CLK_TCK)
bytes_in() { find "$@" -type f -printf '%s\n' | awk '{ total += $1 } END { print total + 0 }'; }
per_packet() { awk -v total="$1" -v packets="$2" -v scale="${3:-1}" 'BEGIN { printf "%.2f", total * scale / packets }'; }
median_of_three() { for _ in 1 2 3; do "$@"; done | sort -n | sed -n 2p; }

send() { in_namespace "$BUILD/bin/traffic" v0 "$@" --packets "$PACKETS" --rate "$RATE" | jq .packets; }

# Each recorder: start_X, cpu of $recorder, stored_X, index_X, query_X TEXT prints seconds and bytes, stop_X.
start_stenographer() {
  local dir=$work/stenographer
  mkdir -p "$dir/packets" "$dir/index" "$dir/certs"
  cp -a /etc/stenographer/certs/. "$dir/certs/"
  chmod -R a+rX "$dir"
  cat > "$dir/config" <<C
{"Threads": [{"PacketsDirectory": "$dir/packets", "IndexDirectory": "$dir/index", "MaxDirectoryFiles": 30000, "DiskFreePercentage": 1}],
 "StenotypePath": "/usr/sbin/stenotype", "Interface": "v1", "Port": 9123, "Host": "127.0.0.1", "CertPath": "$dir/certs",
 "Flags": ["--blocks=512", "--aiops=128", "--fileage_sec=$ROTATE_SECONDS", "--blockage_sec=1", "--no_watchdogs", "--seccomp=none"]}
C
  chown -R stenographer "$dir"
  become_in_namespace setpriv --reuid=stenographer --regid="$(id -g stenographer)" --clear-groups \
    --inh-caps=-all,+net_raw,+net_admin,+ipc_lock --ambient-caps=-all,+net_raw,+net_admin,+ipc_lock \
    /usr/sbin/stenographer "--config=$dir/config" --syslog=false > "$dir/log" 2>&1 &
  server=$!
  pids+=("$server")
  sleep 3
  recorder=$(pgrep -P "$server" stenotype)
  pids+=("$recorder")
}
stored_stenographer() { bytes_in "$work/stenographer/packets"; }
index_stenographer() { bytes_in "$work/stenographer/index"; }
query_stenographer() {
  STENOGRAPHER_CONFIG=$work/stenographer/config in_namespace stenocurl /query -d "$1" --silent --max-time 300 -o "$work/answer" \
    -w '%{time_total}\n'
}
stop_stenographer() {
  stop "$recorder" KILL
  stop "$server" KILL
  rm -rf "$work/stenographer"
}

start_dashcap() {
  local dir=$work/dashcap
  mkdir -p "$dir/archive" "$dir/run"
  cat > "$dir/config" <<C
{"archive": {"directories": ["$dir/archive"], "min_free_percent": 1, "file_age": "${ROTATE_SECONDS}s"},
 "capture": [{"interface": "v1", "ring_bytes": "512M"}],
 "query": {"listen": ["unix:$dir/run/query.sock"]}, "runtime_directory": "$dir/run"}
C
  become_in_namespace "$BUILD/bin/dashcapd" --config "$dir/config" > "$dir/log" 2>&1 &
  recorder=$!
  become_in_namespace "$BUILD/bin/dashcap-queryd" --config "$dir/config" > "$dir/query.log" 2>&1 &
  server=$!
  pids+=("$recorder" "$server")
  sleep 3
}
stored_dashcap() { find "$work/dashcap/archive" -name '*.pcapng' -printf '%s\n' | awk '{ total += $1 } END { print total + 0 }'; }
index_dashcap() { find "$work/dashcap/archive" -name '*.index' -printf '%s\n' | awk '{ total += $1 } END { print total + 0 }'; }
query_dashcap() {
  curl --silent --unix-socket "$work/dashcap/run/query.sock" --get http://dashcap/api/v1/packets --data-urlencode "q=$1" \
    -o "$work/answer" -w '%{time_total}\n'
}
stop_dashcap() {
  stop "$server" TERM
  stop "$recorder" TERM
  rm -rf "$work/dashcap"
}

packets_in_answer() { tcpdump -nr "$work/answer" --count 2>/dev/null | awk '{ print $1 }'; }

measure() { # RECORDER QUERIES? TRAFFIC…: one line of figures in $work/figures.RECORDER, answers in $work/answers.RECORDER
  local name=$1 queries=$2
  shift 2
  "start_$name"
  kill -0 "$recorder" || { cat "$work/$name/log" >&2; exit 1; }
  local before sent
  before=$(cpu_ticks "$recorder")
  sent=$(send "$@")
  sleep $((ROTATE_SECONDS + 8)) # the last file is closed and its index written
  local ticks=$(($(cpu_ticks "$recorder") - before))
  printf '%s %s %s\n' "$(per_packet $((ticks * 1000000 / ticks_per_second)) "$sent")" "$(per_packet "$("stored_$name")" "$sent")" \
    "$(per_packet "$("index_$name")" "$sent")" > "$work/figures.$name"
  : > "$work/answers.$name"
  if [ "$queries" = queries ]; then
    local query
    for query in 'host 10.0.1.1' 'net 10.0.1.0/24' 'port 53' 'tcp and port 443 and net 10.0.0.0/18' 'tcp' 'host 203.0.113.7'; do
      "query_$name" "$query" > /dev/null # warm
      printf '%s\t%s\t%s\n' "$query" "$(median_of_three "query_$name" "$query")" "$(packets_in_answer)" >> "$work/answers.$name"
    done
  fi
  "stop_$name"
}

compare() { # TITLE QUERIES? TRAFFIC…
  local title=$1 queries=$2
  shift 2
  measure stenographer "$queries" "$@"
  measure dashcap "$queries" "$@"
  echo
  echo "### $title ($PACKETS packets at $RATE a second)"
  echo
  echo "| figure | stenographer | dashcap | dashcap / stenographer |"
  echo "|---|---|---|---|"
  paste -d' ' "$work/figures.stenographer" "$work/figures.dashcap" | awk '{
    split("CPU us/packet|stored bytes/packet|index bytes/packet", names, "|")
    for (i = 1; i <= 3; i++) printf "| %s | %s | %s | %.3f |\n", names[i], $i, $(i + 3), $(i + 3) / ($i > 0 ? $i : 1) }'
  paste "$work/answers.stenographer" "$work/answers.dashcap" | awk -F'\t' 'NF >= 6 {
    printf "| `%s`: seconds (packets) | %s (%s) | %s (%s) | %.3f |\n", $1, $2, $3, $5, $6, $5 / $2 }'
}

compare "64 bytes, 65,536 flows interleaved at random" none --flows 65536 --bytes 64
compare "200 bytes, 65,536 flows interleaved at random" queries --flows 65536 --bytes 200
compare "1500 bytes, 65,536 flows interleaved at random" none --flows 65536 --bytes 1500
if [ -d "$CAPTURES/ndpi" ]; then
  compare "captures of real applications in their own order" none --capture "$CAPTURES"/ndpi/*.pcap
fi
