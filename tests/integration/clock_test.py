"""Packets whose clock jumps, across many blockfiles: every file has a name of its own, every packet is found, and a time range gives
exactly the packets whose time lies in it.
"""

import random
import struct

from lab import BIN, Lab, Packet, difference, read_pcap, require

SECOND = 10**9
START = 1795492800 * SECOND
FILE_BYTES = 2 << 20


def packets_of_a_bad_clock(moments):
    """Set back and forth by anything from a nanosecond to a day, and standing still for a while, too."""
    clock, packets = START, []
    for number in range(16000):
        if number % 500 == 0:
            clock = START + moments.choice([0, 0, 1, -1, SECOND, -SECOND, 3600 * SECOND, -3600 * SECOND, -86400 * SECOND, 86400 * SECOND])
        clock += 0 if number % 1000 < 200 else moments.randrange(10**6)
        body = struct.pack(">I", number) + bytes(1000)
        packets.append(Packet(clock, len(body) + 14, bytes.fromhex("020000000002020000000001") + b"\x88\xb5" + body))
    return packets


def write_pcap(path, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for packet in packets:
            file.write(struct.pack("<IIII", *divmod(packet.time_ns, SECOND), len(packet.bytes), packet.original_length))
            file.write(packet.bytes)


def time_of(nanoseconds):
    return f"{nanoseconds // SECOND}.{nanoseconds % SECOND:09}"


def main():
    require("ip")
    moments = random.Random(1)
    with Lab(network=False) as lab:
        packets = packets_of_a_bad_clock(moments)
        capture = lab.directory / "bad-clock.pcap"
        write_pcap(capture, packets)
        config = lab.write_config(archive={"file_bytes": str(FILE_BYTES)})
        lab.run(BIN / "dashcapd", "--config", config, "--read", capture)
        archive = lab.directory / "archive"
        files = list(archive.glob("*/[0-9]*.pcapng"))
        assert len(files) >= len(packets) * 1000 // FILE_BYTES, f"only {len(files)} files"

        def query(*options):
            output = lab.directory / "answer.pcap"
            lab.run(BIN / "dashcap", "query", "", "--archive", archive, *options, "-w", output)
            return read_pcap(output)

        def same(expected, got, what):
            # Packets of one time have no order that every reader agrees on.
            wrong = difference(sorted(expected), sorted(got))
            assert not wrong, f"{what}: {wrong}"

        same(packets, query(), "every packet")
        times = sorted({packet.time_ns for packet in packets})
        for _ in range(25):
            begin, end = sorted(moments.sample(times, 2))
            expected = [packet for packet in packets if begin <= packet.time_ns < end]
            same(expected, query("--from", time_of(begin), "--to", time_of(end)), f"{begin} to {end}")


if __name__ == "__main__":
    main()
