"""Any libpcap will do: dashcapd uses nothing of it but what pcap/pcap.h declares, and records from the devices of another build that
stands in for the system's by LD_LIBRARY_PATH."""

import os
import re
import subprocess
from pathlib import Path

from lab import BIN, Lab, Packet, difference, read_pcap, require, wait_until

REPLACEMENT = BIN.parent / "replacement"
DEVICE = "zc:eth0@1"
FILTER = "port 53"


def imported():
    """The functions of libpcap that dashcapd is linked to, and the libraries that it needs."""
    def lines(*command):
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()

    symbols = [line.split()[-1].split("@")[0] for line in lines("nm", "-D", "--undefined-only", BIN / "dashcapd")]
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", "\n".join(lines("readelf", "-d", BIN / "dashcapd")))
    return sorted(s for s in symbols if s.startswith(("pcap_", "bpf_"))), needed


def declared():
    """What pcap/pcap.h and the headers beside it that it includes declare."""
    include = subprocess.run(["pkg-config", "--variable=includedir", "libpcap"], capture_output=True, check=True, text=True).stdout.strip()
    text = (Path(include) / "pcap/pcap.h").read_text()
    for header in set(re.findall(r"#include <(pcap/[a-z-]+\.h)>", text)):
        text += (Path(include) / header).read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return set(re.findall(r"PCAP_API[^;]*?\b((?:pcap|bpf)_\w+)\s*\(", text))


def public_symbols_only():
    used, needed = imported()
    public = declared()
    assert "pcap_dispatch" in used and "pcap_open_live" in public, (used, public)
    private = [symbol for symbol in used if symbol not in public]
    assert not private, f"not declared in pcap/pcap.h: {private}"
    assert "libpcap.so.0.8" in needed, needed
    print(len(used), "functions of libpcap are used, all of them public")


def replaced(lab):
    lab.write_config(capture={"interface": DEVICE, "source": "pcap", "filter": FILTER})
    # Every symbol is looked up at the start, so that one which the replacement lacks is named.
    environment = {**os.environ, "LD_LIBRARY_PATH": str(REPLACEMENT), "LD_BIND_NOW": "1"}
    command = [BIN / "dashcapd", "--config", lab.directory / "dashcap.json"]
    with open(lab.directory / "dashcapd.log", "wb") as log:
        recorder = subprocess.Popen(command, stderr=log, env=environment)
    lab.processes.append(recorder)

    def lane():
        assert recorder.poll() is None, lab.log("dashcapd.log")
        status = lab.directory / "run/status.json"
        return lab.status()["lanes"][0] if status.exists() else {"stored": 0}

    wait_until(lambda: lane()["stored"] == 100, "the packets of the replacement")
    counts = lane()
    assert lab.stop(recorder) == 0, lab.log("dashcapd.log")
    assert "device zc:eth0@1: has microsecond timestamps only" in lab.log("dashcapd.log")
    wanted = {"interface": DEVICE, "received": 107, "stored": 100, "dropped_kernel": 7, "dropped_nic": 3, "lost": 0}
    assert {key: counts[key] for key in wanted} == wanted, counts
    assert (lab.directory / "archive" / DEVICE).is_dir()

    answer = lab.directory / "answer.pcap"
    lab.run(BIN / "dashcap", "query", "", "--archive", lab.directory / "archive", "-w", answer)
    expected = [Packet(1_700_000_000 * 10**9 + i * 1000, 1000, f"{DEVICE} {FILTER} {i}".encode().ljust(256, b"\0")) for i in range(100)]
    found = difference(expected, read_pcap(answer))
    assert not found, found
    assert answer.read_bytes()[20:24] == (127).to_bytes(4, "little")

    lab.write_config(capture={"interface": "eth0"})
    done = subprocess.run([*command, "--interface", "eth0", "--source", "pcap"], capture_output=True, env=environment, check=False)
    assert done.returncode == 1 and b"device eth0: no such zero-copy device (only devices named zc:NAME)" in done.stderr, done
    print("recorded 100 packets from", DEVICE)


def main():
    require("nm", "readelf", "pkg-config")
    public_symbols_only()
    with Lab(network=False) as lab:
        replaced(lab)


if __name__ == "__main__":
    main()
