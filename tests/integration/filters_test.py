"""Filters while recording: what was sent is stored plus filtered, to the packet, wherever the filter runs; and a new one takes
over by SIGHUP, without a packet lost, doubled, or judged by neither.
"""

import json
import random
import signal
import time

from frames import IPV4, TCP, UDP, VLAN, ethernet, ipv4, send, tagged, tcp, udp
from lab import BIN, Lab, read_pcap, require, tcpdump_answer, wait_until

# More than the 4096 instructions that the kernel takes: addresses that are no prefix of each other.
LONG = " or ".join(f"(src host 10.{i % 7}.{i * 7 % 256}.{i % 251} and dst port {i + 1})" for i in range(400))


def mixed_frames(count):
    chance = random.Random(5)
    frames = []
    for number in range(count):
        i = chance.randrange(400)
        protocol = chance.choice((TCP, UDP))
        segment = (tcp if protocol == TCP else udp)(1000, i + 1, number.to_bytes(4, "big") * 4)
        packet = ipv4(f"10.{i % 7}.{i * 7 % 256}.{chance.choice((i % 251, 252))}", f"172.16.0.{chance.randrange(20)}", protocol, segment)
        frames.append(chance.choice((ethernet(IPV4, packet), tagged([(VLAN, number % 4000)], IPV4, packet))))
    return frames


def totals(lab):
    lanes = lab.status()["lanes"]
    return {key: sum(lane[key] for lane in lanes) for key in ("received", "stored", "filtered", "dropped_kernel", "lost")}


def stored_packets(lab, expression=""):
    output = lab.directory / "stored.pcap"
    lab.run(BIN / "dashcap", "query", expression, "--archive", lab.directory / "archive", "-w", output)
    return read_pcap(output)


def check_accounts(expression, **capture):
    """The filter of tcpdump on what was sent says what has to be stored; the rest has to be counted as filtered. While packets
    are captured, a filter sees them without their outer tag, in tcpdump too."""
    in_file = expression if "vlan" in expression else f"({expression}) or (vlan and ({expression}))"
    frames = mixed_frames(3000)
    with Lab() as lab:
        (lab.directory / "sent.pcap").write_bytes(pcap_of(frames))
        expected = [packet.bytes for packet in tcpdump_answer(lab, lab.directory / "sent.pcap", in_file)]
        assert 0 < len(expected) < len(frames)
        lab.write_config(capture={"filter": expression, **capture})
        recorder = lab.start_recorder()
        send(lab, frames)

        def at_rest():
            now = totals(lab)
            return now["stored"] + now["filtered"] + now["dropped_kernel"] >= len(frames) and now
        now = wait_until(at_rest, "everything to be accounted for")
        assert now == {"received": len(frames), "stored": len(expected), "filtered": len(frames) - len(expected),
                       "dropped_kernel": 0, "lost": 0}, now
        assert lab.stop(recorder) == 0, lab.log("dashcapd.log")
        assert sorted(packet.bytes for packet in stored_packets(lab)) == sorted(expected)
        print(f"{expression[:40]!r:44} {capture} {now}")
        return lab.log("dashcapd.log")


def pcap_of(frames):
    import struct
    head = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)
    return head + b"".join(struct.pack("<IIII", 1, i, len(frame), len(frame)) + frame for i, frame in enumerate(frames))


def check_swap(old, new, lanes):
    """Under load, back and forth. Each file names its filter, and holds only what that accepts; what both accept is complete."""
    with Lab() as lab:
        path = lab.write_config(capture={"filter": old, "lanes": lanes}, archive={"file_age": "1h"})
        recorder = lab.start_recorder()
        traffic = lab.start(BIN / "traffic", "v0", "--flows", 400, "--bytes", 90, "--rate", 30000, "--packets", 150000, log="traffic.log")
        changes = 0
        while traffic.poll() is None:
            time.sleep(0.6)
            changes += 1
            config = json.loads(path.read_text())
            config["capture"][0]["filter"] = (old, new)[changes % 2]
            path.write_text(json.dumps(config))
            recorder.send_signal(signal.SIGHUP)
        sent = json.loads(lab.log("traffic.log"))["packets"]
        assert changes >= 4

        def at_rest():
            now = totals(lab)
            return now["stored"] + now["filtered"] + now["dropped_kernel"] >= sent and now
        now = wait_until(at_rest, "everything to be accounted for")
        assert lab.stop(recorder) == 0, lab.log("dashcapd.log")
        assert "recording goes on as before" not in lab.log("dashcapd.log")
        assert now["dropped_kernel"] == 0 and now["lost"] == 0, now
        # While there was no filter nobody counted what it rejects, so a packet of the very moment may be taken for rejected.
        slack = changes * lanes * 4 if "" in (old, new) else 0
        assert sent <= now["stored"] + now["filtered"] <= sent + slack, (sent, now)
        stored, filters = 0, set()
        for blockfile in (lab.directory / "archive").glob("*/*.pcapng"):
            names = filter_of(lab, blockfile)
            assert len(names) == 1, names
            filters |= names
            everything = len(read_whole(lab, blockfile, ""))
            accepted = len(read_whole(lab, blockfile, next(iter(names))))
            # What the kernel was judging at the moment of the change may be on either side.
            assert everything - accepted <= 4, f"{blockfile.name}: {everything - accepted} of {everything} are not of its filter {names}"
            stored += everything
        assert filters == {old, new}, filters
        assert stored == now["stored"]
        both = len(stored_packets(lab, "udp dst port 53"))
        expected = count_sent(lab, "udp dst port 53", 400, 90, sent)
        assert both == expected, f"{both} packets that both filters accept are there, and not {expected}"
        print(f"{changes} changes between {old!r} and {new!r} under load, {lanes} lanes: {now}")


def count_sent(lab, expression, flows, size, packets):
    """The same traffic once more, without a recorder, counted by tcpdump."""
    beside = lab.directory / "again.pcap"
    tcpdump = lab.start("tcpdump", "-i", "v1", "-n", "-U", "-B", "65536", "-w", beside, expression, log="again.log")
    wait_until(lambda: "listening on" in lab.log("again.log"), "tcpdump to listen")
    lab.run(*lab.inside(BIN / "traffic", "v0", "--flows", flows, "--bytes", size, "--rate", 30000, "--packets", packets))
    size = -1
    while size != beside.stat().st_size:  # what it has not read when it is stopped is not in its file
        size = beside.stat().st_size
        time.sleep(1.5)
    lab.stop(tcpdump, signal.SIGINT)
    assert "0 packets dropped by kernel" in lab.log("again.log")
    return len(read_pcap(beside))


def filter_of(lab, blockfile):
    """The if_filter options of the interface description blocks, by hand: no tool prints them all."""
    data, at, filters = blockfile.read_bytes(), 0, set()
    while at + 12 <= len(data):
        kind, length = int.from_bytes(data[at : at + 4], "little"), int.from_bytes(data[at + 4 : at + 8], "little")
        if kind == 1:
            filters.add(option(data[at + 16 : at + length - 4], 11)[1:].decode())
        at += length
    return filters


def option(options, wanted):
    at = 0
    while at + 4 <= len(options):
        code, length = int.from_bytes(options[at : at + 2], "little"), int.from_bytes(options[at + 2 : at + 4], "little")
        if code == wanted:
            return options[at + 4 : at + 4 + length]
        if code == 0:
            break
        at += 4 + (length + 3) // 4 * 4
    return b""


def read_whole(lab, blockfile, expression):
    output = lab.directory / "whole.pcap"
    lab.run("tcpdump", "-r", blockfile, "-w", output, *([expression] if expression else []))
    return read_pcap(output)


def check_wrong_filter_changes_nothing():
    with Lab() as lab:
        path = lab.write_config(capture={"filter": "udp"})
        recorder = lab.start_recorder()
        for wrong in ('{"capture": [', "udp and and"):
            config = json.loads(path.read_text()) if wrong != '{"capture": [' else None
            if config:
                config["capture"][0]["filter"] = wrong
            good = path.read_text()
            path.write_text(json.dumps(config) if config else wrong)
            before = lab.log("dashcapd.log").count("recording goes on as before")
            recorder.send_signal(signal.SIGHUP)
            wait_until(lambda: lab.log("dashcapd.log").count("recording goes on as before") > before, "the error to be logged")
            path.write_text(good)
        send(lab, mixed_frames(200))
        wait_until(lambda: totals(lab)["received"] >= 200, "everything to arrive")
        now = wait_until(lambda: totals(lab)["stored"] + totals(lab)["filtered"] == 200 and totals(lab), "an account")
        assert now["stored"] > 0 and now["filtered"] > 0
        assert lab.stop(recorder) == 0
        locked = lab.write_config(capture={"filter": "udp", "lock_filter": True})
        recorder = lab.start_recorder()
        locked.write_text(locked.read_text().replace('"udp"', '"tcp"'))
        recorder.send_signal(signal.SIGHUP)
        wait_until(lambda: "locked" in lab.log("dashcapd.log"), "the refusal to be logged")
        assert lab.stop(recorder) == 0


def main():
    require("tcpdump", "ip", root=True)
    check_accounts("udp")
    check_accounts("udp", lanes=3)
    check_accounts("vlan and tcp", lanes=2, fanout="flow")
    log = check_accounts(LONG)
    assert "the filter runs here" in log, log
    check_accounts(LONG, lanes=2)
    check_swap("udp", "dst port 53 or dst port 80", 1)
    check_swap("udp", "", 1)
    check_swap("udp", "udp dst port 53 or tcp", 2)
    check_wrong_filter_changes_nothing()


if __name__ == "__main__":
    main()
