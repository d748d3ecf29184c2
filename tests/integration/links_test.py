"""What an interface may be and do: any link type as libpcap says, tags as they were sent, packets of any size, going down, away
and coming back, another name, its own drops, one direction, promiscuous as long as somebody records.
"""

import re
import signal
import struct
import time

from frames import IPV4, QINQ, UDP, VLAN, ethernet, ipv4, send, tagged, udp
from lab import BIN, Lab, read_pcap, require, wait_until

TUN = """
import fcntl, os, struct, sys
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"tun7", 0x0001 | 0x1000))  # TUNSETIFF: IFF_TUN, IFF_NO_PI
os.system("ip link set tun7 up")
print("made", flush=True)
for line in sys.stdin:
    try:
        os.write(tun, bytes.fromhex(line))
    except OSError:
        pass
"""

FROM_UDP = """
import socket, sys
size, count = int(sys.argv[1]), int(sys.argv[2])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(count):
    sender.sendto(i.to_bytes(4, "big").ljust(size, b"x"), ("127.0.0.1", 9))
"""

FROM_TCP = """
import socket, threading
listener = socket.create_server(("127.0.0.1", 7777))
def drain():
    peer = listener.accept()[0]
    while peer.recv(1 << 20):
        pass
reader = threading.Thread(target=drain)
reader.start()
sender = socket.create_connection(("127.0.0.1", 7777))
sender.sendall(bytes(30 << 20))
sender.close()
reader.join()
"""


def datagram(number, size=30):
    return ipv4("10.0.0.1", "10.0.0.2", UDP, udp(1000 + number, 2000, number.to_bytes(4, "big") * (size // 4)))


def numbered(first, count):
    return [ethernet(IPV4, datagram(number)) for number in range(first, first + count)]


def lane(lab, number=0):
    return lab.status()["lanes"][number]


def wait_stored(lab, count):
    wait_until(lambda: sum(lane["stored"] for lane in lab.status()["lanes"]) >= count, f"{count} packets to be stored")


def answer(lab):
    output = lab.directory / "answer.pcap"
    lab.run(BIN / "dashcap", "query", "", "--archive", lab.directory / "archive", "-w", output)
    return read_pcap(output)


def link_type_of(lab, name="answer.pcap"):
    return struct.unpack_from("<I", (lab.directory / name).read_bytes(), 20)[0]


def finish(lab, recorder):
    assert lab.stop(recorder) == 0, lab.log("dashcapd.log")
    return answer(lab)


def ip(lab, *words):
    lab.run("ip", "-n", lab.namespace, *words)


def tags():
    """Byte by byte what was sent, whatever of it the kernel took off on the way."""
    frames = []
    for number, stack in enumerate([[], [(VLAN, 5)], [(VLAN, 0)], [(VLAN, 0xE005)], [(QINQ, 9)], [(QINQ, 9), (VLAN, 5)],
                                    [(VLAN, 9), (VLAN, 5)], [(QINQ, 1), (QINQ, 2), (VLAN, 3)], [(VLAN, 0x1FFF), (QINQ, 2)]]):
        frames += [tagged(stack, IPV4, datagram(10 * number + i, 40 + 100 * i)) if stack else ethernet(IPV4, datagram(i))
                   for i in range(4)]
    with Lab() as lab:
        lab.write_config()
        recorder = lab.start_recorder()
        send(lab, frames)
        wait_stored(lab, len(frames))
        stored = finish(lab, recorder)
        assert [packet.bytes for packet in stored] == frames
        assert all(packet.original_length == len(packet.bytes) for packet in stored)
    with Lab() as lab:
        lab.write_config(capture={"snap_length": 64})
        recorder = lab.start_recorder()
        send(lab, frames)
        wait_stored(lab, len(frames))
        stored = finish(lab, recorder)
        assert [(packet.bytes, packet.original_length) for packet in stored] == [(frame[:64], len(frame)) for frame in frames]


def large():
    """Frames of 64 KiB and more: a veth with the largest MTU, and what TCP hands to loopback in one piece."""
    frames = [ethernet(IPV4, datagram(i, size)) for i, size in enumerate((65000, 65400, 60000, 40))]
    with Lab() as lab:
        lab.write_config()
        recorder = lab.start_recorder()
        send(lab, frames)
        wait_stored(lab, len(frames))
        assert [packet.bytes for packet in finish(lab, recorder)] == frames
    with Lab() as lab:
        ip(lab, "link", "set", "lo", "mtu", "65535")
        lab.write_config(capture={"interface": "lo", "filter": "tcp port 7777", "ring_bytes": "256M"})
        beside = lab.directory / "beside.pcap"
        tcpdump = lab.start("tcpdump", "-i", "lo", "-n", "-U", "-s", "262144", "-B", "262144", "-w", beside, "tcp port 7777", log="tcpdump.log")
        wait_until(lambda: "listening on" in lab.log("tcpdump.log"), "tcpdump to listen")
        recorder = lab.start_recorder()
        lab.run(*lab.inside("python3", "-c", FROM_TCP))
        size = -1
        while size != beside.stat().st_size:
            size = beside.stat().st_size
            time.sleep(1.5)
        lab.stop(tcpdump, signal.SIGINT)
        assert "0 packets dropped by kernel" in lab.log("tcpdump.log")
        expected = read_pcap(beside)
        longest = max(packet.original_length for packet in expected)
        assert longest > 65536, f"the longest packet has {longest} bytes"
        wait_stored(lab, len(expected))
        # Two sockets may be handed packets of two CPUs in a different order.
        stored = finish(lab, recorder)
        assert sorted(packet.bytes for packet in stored) == sorted(packet.bytes for packet in expected)
        print("the longest of", len(expected), "packets has", longest, "bytes")


def direction():
    with Lab() as lab:
        for wanted in ("in", "out", "both"):
            lab.write_config(capture={"direction": wanted, "filter": "udp"}, archive={"directories": [str(lab.directory / wanted)]})
            (lab.directory / wanted).mkdir()
            recorder = lab.start_recorder()
            send(lab, [("v0", frame) for frame in numbered(0, 20)] + [("v1", frame) for frame in numbered(100, 30)])
            count = {"in": 20, "out": 30, "both": 50}[wanted]
            wait_stored(lab, count)
            time.sleep(0.3)
            assert (lane(lab)["stored"], lane(lab)["received"], lane(lab)["filtered"]) == (count, count, 0), lane(lab)
            assert lab.stop(recorder) == 0
    with Lab() as lab:
        # What goes out of loopback comes in again, and is stored once.
        for lanes in (1, 2):
            lab.write_config(capture={"interface": "lo", "lanes": lanes}, archive={"directories": [str(lab.directory / str(lanes))]})
            (lab.directory / str(lanes)).mkdir()
            recorder = lab.start_recorder()
            lab.run(*lab.inside("python3", "-c", FROM_UDP, "20", "25"))
            wait_stored(lab, 50)
            time.sleep(0.3)
            # 25 datagrams, and for each the answer that there is nobody at the port
            assert sum(lane["stored"] for lane in lab.status()["lanes"]) == 50
            assert lab.stop(recorder) == 0


def comes_and_goes(lanes):
    with Lab() as lab:
        lab.write_config(capture={"lanes": lanes, "filter": "udp"})
        recorder = lab.start_recorder()
        log = lambda: lab.log("dashcapd.log")

        def again(times):
            wait_until(lambda: log().count("recording again") >= times * lanes, f"recording to be resumed {times} times")

        sent = 0

        def send_some():
            nonlocal sent
            send(lab, numbered(sent, 20))
            sent += 20
            wait_stored(lab, sent)

        send_some()
        ip(lab, "link", "set", "v1", "down")
        wait_until(lambda: log().count("waiting for it") >= lanes, "the interface to be missed")
        ip(lab, "link", "set", "v1", "up")
        ip(lab, "link", "set", "v0", "up")
        again(1)
        send_some()
        # Another name, the same interface.
        ip(lab, "link", "set", "v1", "down")
        ip(lab, "link", "set", "v1", "name", "renamed")
        ip(lab, "link", "set", "renamed", "up")
        again(2)
        wait_until(lambda: "v1 is now called renamed" in log(), "the new name to be noticed")
        send_some()
        # Gone, and another one by the name.
        ip(lab, "link", "del", "renamed")
        time.sleep(1)
        ip(lab, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
        ip(lab, "link", "set", "v0", "up")
        ip(lab, "link", "set", "v1", "up")
        again(3)
        send_some()
        # Gone and back at once.
        ip(lab, "link", "del", "v1")
        ip(lab, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
        ip(lab, "link", "set", "v0", "up")
        ip(lab, "link", "set", "v1", "up")
        again(4)
        send_some()
        total = {key: sum(lane[key] for lane in lab.status()["lanes"]) for key in ("received", "stored", "filtered")}
        assert total == {"received": sent, "stored": sent, "filtered": 0}, total
        stored = finish(lab, recorder)
        assert sorted(packet.bytes for packet in stored) == sorted(numbered(0, sent))
        print(lanes, "lanes: down, renamed, gone, and back:", sent, "packets")


def down_at_the_start():
    with Lab() as lab:
        lab.write_config(capture={"lanes": 2, "filter": "udp"})
        ip(lab, "link", "set", "v1", "down")
        recorder = lab.start_recorder()
        ip(lab, "link", "set", "v1", "up")
        wait_until(lambda: lab.log("dashcapd.log").count("recording again") == 2, "recording to begin")
        send(lab, numbered(0, 30))
        wait_stored(lab, 30)
        assert sorted(packet.bytes for packet in finish(lab, recorder)) == sorted(numbered(0, 30))


def promiscuity(lab, link):
    text = lab.run("ip", "-n", lab.namespace, "-d", "link", "show", link).stdout.decode()
    return int(re.search(r"promiscuity (\d+)", text).group(1))


def promiscuous():
    with Lab() as lab:
        lab.write_config()
        assert promiscuity(lab, "v1") == 0
        for how in (signal.SIGTERM, signal.SIGKILL):
            recorder = lab.start_recorder()
            assert promiscuity(lab, "v1") == 1
            lab.stop(recorder, how)
            assert promiscuity(lab, "v1") == 0, how
        lab.write_config(capture={"promiscuous": False})
        recorder = lab.start_recorder()
        assert promiscuity(lab, "v1") == 0
        lab.stop(recorder)


def own_drops_and_raw_ip():
    """A tun device: raw IP, and it counts what it can't make a packet of as dropped."""
    import subprocess
    with Lab() as lab:
        tun = subprocess.Popen(lab.inside("python3", "-c", TUN), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert tun.stdout.readline() == "made\n"
            lab.write_config(capture={"interface": "tun7", "filter": "udp port 2000"})
            recorder = lab.start_recorder()
            packets = [datagram(number) for number in range(10)]
            for packet in packets + [b"\0" * 30] * 7:
                tun.stdin.write(packet.hex() + "\n")
            tun.stdin.flush()
            wait_stored(lab, 10)
            wait_until(lambda: lane(lab)["dropped_nic"] == 7, "the device's own drops to be counted", seconds=10)
            assert [packet.bytes for packet in finish(lab, recorder)] == packets
            assert link_type_of(lab) == 101, link_type_of(lab)
        finally:
            tun.stdin.close()
            tun.wait()


def all_interfaces():
    """As tcpdump -i any, packet for packet, but with tags, which that one drops."""
    with Lab() as lab:
        lab.write_config(capture={"interface": "any", "filter": "udp"})
        beside = lab.directory / "beside.pcap"
        tcpdump = lab.start("tcpdump", "-i", "any", "-n", "-U", "-w", beside, "udp", log="tcpdump.log")
        wait_until(lambda: "listening on" in lab.log("tcpdump.log"), "tcpdump to listen")
        recorder = lab.start_recorder()
        send(lab, numbered(0, 15) + [("v1", frame) for frame in numbered(50, 5)])
        lab.run(*lab.inside("python3", "-c", FROM_UDP, "40", "10"))
        # What v0 sends comes in at v1, and the other way round; loopback has each once.
        wait_stored(lab, 50)
        wait_until(lambda: len(read_pcap(beside)) >= 50, "tcpdump to write")
        lab.stop(tcpdump, signal.SIGINT)
        expected = read_pcap(beside)
        stored = finish(lab, recorder)
        assert link_type_of(lab) == 276 and link_type_of(lab, "beside.pcap") == 276
        assert sorted(packet.bytes for packet in stored) == sorted(packet.bytes for packet in expected)
        assert len(stored) == 50
    with Lab() as lab:
        lab.write_config(capture={"interface": "any"})
        recorder = lab.start_recorder()
        send(lab, [tagged([(QINQ, 9), (VLAN, 5)], IPV4, datagram(1))])
        wait_stored(lab, 2)
        finish(lab, recorder)
        seen = lab.run("tshark", "-r", lab.directory / "answer.pcap", "-T", "fields", "-e", "ieee8021ad.id", "-e", "vlan.id", "-e",
                       "udp.srcport").stdout.decode()
        assert seen == "9\t5\t1001\n" * 2, seen + lab.run("tshark", "-V", "-r", lab.directory / "answer.pcap").stdout.decode()


def refuses(message, **capture):
    with Lab() as lab:
        lab.write_config(capture=capture)
        run = lab.run(*lab.inside(BIN / "dashcapd", "--config", lab.directory / "dashcap.json"), check=False, timeout=30)
        assert run.returncode == 1 and message in run.stderr.decode(), run.stderr.decode()


def main():
    require("tcpdump", "tshark", "ip", root=True)
    tags()
    large()
    direction()
    comes_and_goes(1)
    comes_and_goes(3)
    down_at_the_start()
    promiscuous()
    own_drops_and_raw_ip()
    all_interfaces()
    refuses("hardware timestamps", hardware_timestamps=True)
    refuses("no such device", interface="nowhere")
    refuses('filter "udp and and"', filter="udp and and")
    refuses("CPU 1000", cpus=[1000])


if __name__ == "__main__":
    main()
