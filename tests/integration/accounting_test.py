"""What was sent is what was stored and what has a reason not to be, to the packet: in the status file, over HTTP, and in the
statistics records of the archive, read here by hand.
"""

import json
import signal
import struct
import time

from lab import BIN, Lab, require, wait_until

SENT = 60000


def traffic(lab, packets, *options):
    output = lab.run(*lab.inside(BIN / "traffic", "v0", "--flows", 50, "--bytes", 500, "--packets", packets, *options)).stdout
    assert json.loads(output)["packets"] == packets


def statistics(blockfile):
    """The options of the last interface statistics record of a pcapng file (draft-ietf-opsawg-pcapng, section 4.6)."""
    data, offset, last = blockfile.read_bytes(), 0, None
    while offset < len(data):
        kind, length = struct.unpack_from("<II", data, offset)
        if kind == 5:
            last, at = {}, offset + 20
            while True:
                code, size = struct.unpack_from("<HH", data, at)
                if code == 0:
                    break
                if size == 8:
                    (last[code],) = struct.unpack_from("<Q", data, at + 4)
                at += 4 + (size + 3) // 4 * 4
        offset += length
    return {"ifrecv": last[4], "ifdrop": last[5], "filteraccept": last[6], "osdrop": last[7], "usrdeliv": last[8]}


def drops(lab):
    """A ring of 2 MB, and a reader that stands still half of the time."""
    lab.write_config(capture={"ring_bytes": "2M"})
    recorder = lab.start_recorder()
    sender = lab.start(BIN / "traffic", "v0", "--flows", 50, "--bytes", 500, "--rate", 20000, "--packets", SENT, log="traffic.log")
    while sender.poll() is None:
        recorder.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        recorder.send_signal(signal.SIGCONT)
        time.sleep(0.2)
    traffic(lab, 100, "--rate", 1000)
    time.sleep(1)
    traffic(lab, 1)  # its block tells what was counted up to the one before
    wait_until(lambda: lab.status()["lanes"][0]["received"] == SENT + 101, "the counters")
    lab.start_query_service()
    wait_until(lambda: json.loads(lab.fetch("", endpoint="status"))["recorder"]["lanes"][0]["received"] == SENT + 101, "the status")
    assert lab.stop(recorder) == 0, lab.log("dashcapd.log")

    (lane,) = lab.status()["lanes"]
    assert lane["dropped_kernel"] > 1000, f"the ring held everything: {lane}"
    assert lane["received"] == SENT + 101 == lane["stored"] + lane["dropped_kernel"] + lane["lost"], lane
    assert lane["lost"] == 0 and lane["filtered"] == 0, lane
    (interface,) = lane["interfaces"]
    assert interface["name"] == "v1"
    for key in ("received", "stored", "dropped_kernel", "lost"):
        assert interface[key] == lane[key], (interface, lane)
    assert len(lab.packets()) == lane["stored"]
    of_archive = json.loads(lab.fetch("", endpoint="status"))["archive"]["lanes"][0]["counted"]
    assert of_archive["dropped_kernel"] == lane["dropped_kernel"], (of_archive, lane)

    newest = sorted((lab.directory / "archive/v1").glob("[0-9]*.pcapng"))[-1]
    counted = statistics(newest)
    assert counted["osdrop"] == lane["dropped_kernel"], (counted, lane)
    assert counted["ifrecv"] == counted["filteraccept"] == counted["usrdeliv"] + counted["osdrop"], counted
    # What came after the last look at the counters, some 50 ms before the last block was closed.
    assert lane["received"] - 1 <= counted["ifrecv"] <= lane["received"], (counted, lane)
    count = json.loads(lab.fetch("", endpoint="count"))
    told = sum(gap["packets"] for gap in count["missing"]["gaps"] if gap["reason"] == "kernel_drops")
    assert told == lane["dropped_kernel"], count["missing"]
    text = lab.run(BIN / "dashcap", "status", "--archive", lab.directory / "archive").stdout.decode()
    assert f"{lane['dropped_kernel']} dropped by the kernel" in text, text


def filtered(lab):
    """A filter that is longer than the kernel takes: what it refuses is counted, too."""
    beside = lab.directory / "beside.pcap"
    tcpdump = lab.start("tcpdump", "-i", "v1", "-n", "-B", "65536", "-w", beside, log="tcpdump.log")
    wait_until(lambda: "listening on" in lab.log("tcpdump.log"), "tcpdump to listen")
    others = " or ".join(f"(src host 172.16.{i % 7}.{i % 251} and dst port {i + 1})" for i in range(400))
    lab.write_config(capture={"filter": f"udp or {others}"})
    recorder = lab.start_recorder()
    traffic(lab, 5000, "--rate", 10000)
    wait_until(lambda: lab.status()["lanes"][0]["received"] == 5000, "the counters")
    assert lab.stop(recorder) == 0, lab.log("dashcapd.log")
    time.sleep(2)  # tcpdump leaves what is in its ring when it is stopped
    lab.stop(tcpdump, signal.SIGINT)
    assert lab.run("tcpdump", "-nr", beside, "--count").stdout.split()[0] == b"5000"
    wanted = int(lab.run("tcpdump", "-nr", beside, "--count", "udp").stdout.split()[0])
    (lane,) = lab.status()["lanes"]
    assert 0 < wanted < 5000
    assert lane["stored"] == wanted and lane["filtered"] == 5000 - wanted and lane["dropped_kernel"] == 0, (wanted, lane)


def main():
    require("ip", "curl", "tcpdump", root=True)
    for scenario in (drops, filtered):
        with Lab() as lab:
            scenario(lab)


if __name__ == "__main__":
    main()
