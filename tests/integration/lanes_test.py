"""Several lanes of one interface: every packet is in exactly one of them, what two hosts say to each other is in one, in
order, whatever it is wrapped in and however it is fragmented; and two interfaces record side by side.
"""

import json
import random
import signal
import struct
from pathlib import Path

from frames import (IPV4, IPV6, QINQ, TCP, UDP, VLAN, ethernet, ipv4, ipv4_fragments, ipv6, ipv6_fragments, mpls, pppoe, send, tagged,
                    tcp, udp)
from lab import BIN, Lab, read_pcap, require, wait_until

LANES = 3
PAIRS = 60
ROUNDS = 8


def hosts(number):
    """The addresses of the pair: IPv4 for the even ones, IPv6 for the odd ones."""
    return (f"10.1.{number}.1", f"172.16.{number}.9") if number % 2 == 0 else (f"2001:db8::{number:x}:1", f"2001:db8:ffff:{number:x}::9")


def wrap(number, frame_payload):
    """The same wrapping for everything of a pair."""
    ethertype = IPV4 if number % 2 == 0 else IPV6
    how = number // 2 % 6
    if how == 1:
        return tagged([(VLAN, 100 + number)], ethertype, frame_payload)
    if how == 2:
        return tagged([(QINQ, 7), (VLAN, 100 + number)], ethertype, frame_payload)
    if how == 3:
        return mpls([1000 + number], frame_payload)
    if how == 4:
        return mpls([16, 17, 2000 + number], frame_payload)
    if how == 5:
        return pppoe(frame_payload, 4 if number % 2 == 0 else 6)
    return ethernet(ethertype, frame_payload)


def conversation(number, chance):
    """Frames of one pair of hosts, each payload naming pair and place. Two protocols, both directions, fragments, and of IPv6
    packets with and without a flow label."""
    a, b = hosts(number)
    frames, place = [], 0
    for _ in range(ROUNDS):
        source, destination = (a, b) if chance.random() < 0.5 else (b, a)
        ports = (40000 + number, 443) if source == a else (443, 40000 + number)
        protocol = chance.choice((TCP, UDP))
        big = chance.random() < 0.3
        payload = struct.pack(">II", number, place) * (100 if big else 3)
        segment = (tcp if protocol == TCP else udp)(*ports, payload)
        label = chance.choice((0, 0x12345, number)) if number % 2 else 0
        if big and number % 2 == 0:
            parts = ipv4_fragments(source, destination, protocol, segment, 7000 + place, 256)
        elif big:
            parts = ipv6_fragments(source, destination, protocol, segment, 7000 + place, 256, label)
        elif number % 2 == 0:
            parts = [ipv4(source, destination, protocol, segment)]
        else:
            parts = [ipv6(source, destination, protocol, segment, label)]
        frames += [wrap(number, part) for part in parts]
        place += 1
    return frames


def stored_in(lab, directory):
    """The frames of one lane's blockfiles, in their order, as tcpdump reads them."""
    frames = []
    for blockfile in sorted(directory.glob("*.pcapng")):
        output = lab.directory / "lane.pcap"
        lab.run("tcpdump", "-r", blockfile, "-w", output)
        frames += [packet.bytes for packet in read_pcap(output)]
    return frames


def check_conversations():
    chance = random.Random(11)
    conversations = [conversation(number, chance) for number in range(PAIRS)]
    owner = {frame: number for number, frames in enumerate(conversations) for frame in frames}
    queues = [list(frames) for frames in conversations]
    sent = []
    while any(queues):
        queue = chance.choice([queue for queue in queues if queue])
        sent.append(queue.pop(0))
    with Lab() as lab:
        lab.write_config(capture={"lanes": LANES})
        recorder = lab.start_recorder()
        send(lab, sent)
        wait_until(lambda: sum(lane["stored"] for lane in lab.status()["lanes"]) >= len(sent), "everything to be stored")
        assert lab.stop(recorder) == 0, lab.log("dashcapd.log")
        lanes = [stored_in(lab, lab.directory / "archive" / f"v1.{i}") for i in range(LANES)]
        assert sorted(sum(lanes, [])) == sorted(sent), "what is stored is not what was sent"
        for number, frames in enumerate(conversations):
            holding = [lane for lane in lanes if set(frames) & set(lane)]
            assert len(holding) == 1, f"conversation {number} is in {len(holding)} lanes"
            in_order = [frame for frame in holding[0] if owner[frame] == number]
            assert in_order == frames, f"conversation {number} is out of order"
        sizes = [len(lane) for lane in lanes]
        assert min(sizes) > 0, f"a lane got nothing: {sizes}"
        print(PAIRS, "conversations,", len(sent), "packets in lanes of", sizes)


def check_fanout(fanout, **more):
    """Sent is stored plus counted, for each way of dealing packets; over two archive directories and bound to CPUs."""
    with Lab() as lab:
        archives = [str(lab.directory / "archive"), str(lab.directory / "second")]
        (lab.directory / "second").mkdir()
        lab.write_config(archive={"directories": archives}, capture={"lanes": 2, "fanout": fanout, "cpus": [0], **more})
        recorder = lab.start_recorder()
        before = link_packets(lab, "v1")
        lab.run(*lab.inside(BIN / "traffic", "v0", "--flows", 500, "--bytes", 200, "--rate", 50000, "--packets", 40000))
        arrived = link_packets(lab, "v1") - before

        def accounted():
            lanes = lab.status()["lanes"]
            return sum(lane["stored"] + lane["dropped_kernel"] + lane["lost"] for lane in lanes)

        assert arrived == 40000
        wait_until(lambda: accounted() >= arrived, "everything to be accounted for")
        assert accounted() == arrived
        lanes = lab.status()["lanes"]
        if fanout != "cpu":
            assert all(lane["stored"] > 0 for lane in lanes), lanes
        for thread in threads_of(recorder, "lane"):
            assert affinity(thread) == "0", affinity(thread)
        assert lab.stop(recorder) == 0
        directories = [lane["directory"] for lane in lanes]
        assert directories == [f"{archives[0]}/v1.0", f"{archives[1]}/v1.1"], directories
        stored = sum(len(stored_in(lab, lab.directory / directory)) for directory in directories)
        assert stored == sum(lane["stored"] for lane in lanes)
        print(fanout, more, [lane["stored"] for lane in lanes])


def check_overflow(**capture):
    """A recorder that stands still: its rings overflow, and every packet is stored or counted."""
    with Lab() as lab:
        lab.write_config(capture={"ring_bytes": "2M", **capture})
        recorder = lab.start_recorder()
        recorder.send_signal(signal.SIGSTOP)
        lab.run(*lab.inside(BIN / "traffic", "v0", "--flows", 500, "--bytes", 200, "--rate", 100000, "--packets", 60000))
        recorder.send_signal(signal.SIGCONT)

        def account():
            lanes = lab.status()["lanes"]
            return {key: sum(lane[key] for lane in lanes) for key in ("received", "stored", "filtered", "dropped_kernel", "lost")}

        def complete():
            counts = account()
            return counts["stored"] + counts["filtered"] + counts["dropped_kernel"] + counts["lost"] >= 60000 and counts

        counts = wait_until(complete, "everything to be accounted for")
        assert counts["stored"] + counts["filtered"] + counts["dropped_kernel"] == counts["received"] == 60000, counts
        assert counts["stored"] > 0 and counts["dropped_kernel"] > 0, counts
        assert ("filter" in capture) == (counts["filtered"] > 0), counts
        assert lab.stop(recorder) == 0
        print("overflow", capture, counts)


def check_same_directory():
    with Lab() as lab:
        lab.run("ip", "-n", lab.namespace, "link", "add", "v1.1", "type", "veth", "peer", "name", "w1")
        lab.run("ip", "-n", lab.namespace, "link", "set", "v1.1", "up")
        path = lab.write_config(capture={"lanes": 2})
        config = json.loads(path.read_text())
        config["capture"].append({"interface": "v1.1"})
        path.write_text(json.dumps(config))
        run = lab.run(*lab.inside(BIN / "dashcapd", "--config", path), check=False, timeout=30)
        assert run.returncode == 1 and "v1 and v1.1 would both record into v1.1" in run.stderr.decode(), run.stderr


def check_two_interfaces():
    with Lab() as lab:
        lab.run("ip", "-n", lab.namespace, "link", "add", "w0", "type", "veth", "peer", "name", "w1")
        for link in ("w0", "w1"):
            lab.run("ip", "-n", lab.namespace, "link", "set", link, "up")
        path = lab.write_config()
        config = json.loads(path.read_text())
        config["capture"].append({"interface": "w1", "lanes": 2})
        path.write_text(json.dumps(config))
        recorder = lab.start_recorder()
        frames = {link: [ethernet(IPV4, ipv4(f"10.0.{i}.1", "10.0.0.2", UDP, udp(5, 6, link.encode() + bytes([i])))) for i in range(50)]
                  for link in ("v0", "w0")}
        send(lab, [(link, frame) for link in frames for frame in frames[link]])
        wait_until(lambda: sum(lane["stored"] for lane in lab.status()["lanes"]) >= 100, "everything to be stored")
        assert lab.stop(recorder) == 0, lab.log("dashcapd.log")
        archive = lab.directory / "archive"
        assert stored_in(lab, archive / "v1") == frames["v0"]
        assert sorted(stored_in(lab, archive / "w1.0") + stored_in(lab, archive / "w1.1")) == sorted(frames["w0"])


def link_packets(lab, link):
    return int(lab.run(*lab.inside("cat", f"/sys/class/net/{link}/statistics/rx_packets")).stdout)


def threads_of(process, name):
    tasks = [task for task in Path(f"/proc/{process.pid}/task").iterdir() if (task / "comm").read_text().strip() == name]
    assert tasks, f"no thread is called {name}"
    return tasks


def affinity(task):
    for line in (task / "status").read_text().splitlines():
        if line.startswith("Cpus_allowed_list:"):
            return line.split()[1]
    raise AssertionError("no Cpus_allowed_list")


def main():
    require("tcpdump", "ip", root=True)
    check_conversations()
    for fanout in ("hosts", "flow", "cpu"):
        check_fanout(fanout)
    check_fanout("hosts", rollover=True)
    check_overflow()
    check_overflow(lanes=2, filter="udp")
    check_two_interfaces()
    check_same_directory()


if __name__ == "__main__":
    main()
