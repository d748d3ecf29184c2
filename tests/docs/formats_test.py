"""Reads what the programs write for the sample capture as the format pages describe it, and finds the sample in it. Written from
the pages, without the project's code: the closing record by the page's table, the index by its text."""

import struct
import subprocess

from pages import SAMPLE_START_NS, SOURCE, rows, sample_packets, write_sample
from lab import BIN, Lab

BLOCKFILE_PAGE = SOURCE / "docs/blockfile-format.md"
FORWARD, REVERSE = 0, 1


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def check_closing_record(blockfile):
    length = struct.unpack_from("<I", blockfile, len(blockfile) - 4)[0]
    record = blockfile[-length:]
    checked = 0
    for offset, size, field, value in rows(BLOCKFILE_PAGE, "offset"):
        if value in ("…", ""):
            continue
        at = length - 4 if offset.startswith("L") else int(offset)
        got = int.from_bytes(record[at : at + int(size)], "little")
        assert got == int(value, 0), f"{field}: the page says {value}, the file has {got:#x}"
        checked += 1
    assert checked >= 16, checked
    crc, first_record, packets_before = struct.unpack_from("<IHH", record, 96)
    assert crc == crc32c(blockfile[4096 : 4096 + 952]), "CRC-32C of page 0"
    assert (first_record, packets_before) == (0, 0)
    assert struct.unpack_from("<I", record, 104)[0] == crc32c(record[:104]), "CRC-32C of the closing record"
    assert not any(record[108:-4]), "zeros"


def check_packets(blockfile):
    offset = 4096
    for number, packet in enumerate(sample_packets()):
        kind, length, interface, high, low, captured, original = struct.unpack_from("<7I", blockfile, offset)
        assert (kind, interface, captured, original) == (6, 0, len(packet), len(packet)), number
        assert high << 32 | low == SAMPLE_START_NS + number * 10**8, number
        assert blockfile[offset + 28 : offset + 28 + captured] == packet, number
        assert length == (32 + captured + 3) // 4 * 4, "32 bytes and padding to 4"
        offset += length


class Value:
    """The bytes of a value, taken from the front."""

    def __init__(self, data):
        self.data = data

    def take(self, count):
        taken, self.data = self.data[:count], self.data[count:]
        assert len(taken) == count, "cut off"
        return taken

    def byte(self):
        return self.take(1)[0]

    def big16(self):
        return int.from_bytes(self.take(2), "big")

    def zigzag(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def end(self):
        assert not self.data, f"left over: {self.data.hex()}"


def flow_ids(value):
    ids, following = [], 0
    while value.data:
        ids.append(following + value.varint())
        following = ids[-1] + 1
    return ids


def flow_record(value, before):
    head = value.byte()
    flow = {}
    flow["ends"] = [value.take((0, 6, 4, 16)[head >> shift & 3]) for shift in (0, 2)]
    flow["ports"] = [value.big16(), value.big16()] if head & 0x10 else None
    flow["syn"] = bool(head & 0x20)
    flow["ether_type"], flow["protocol"] = value.big16(), value.byte()
    flow["envelope"] = value.take(value.varint()) if head & 0x40 else b""
    first = before + value.zigzag()
    flow["times"] = (first, first + value.varint())
    flow["ways"] = []
    for way in (FORWARD, REVERSE):
        if way == REVERSE and flow["ways"][0][0] and not head & 0x80:
            flow["ways"].append((0, 0, 0))
            break
        packets = value.varint()
        flow["ways"].append((packets, value.varint(), value.byte()) if packets else (0, 0, 0))
    return flow


def packets_of(value):
    head = value.byte()
    parameter, directions = head & 0x1F, head >> 5 & 3
    count, number = value.varint(), value.varint()
    bits = iter([byte >> i & 1 for byte in value.take(len(value.data)) for i in range(8)])
    plain = lambda width: sum(next(bits) << i for i in range(width))  # noqa: E731
    packets = []
    for i in range(count):
        if i:
            quotient = 0
            while quotient < 16 and next(bits):
                quotient += 1
            number += 1 + (plain(32) if quotient == 16 else quotient << parameter | plain(parameter))
        packets.append((number, next(bits) if directions == 2 else directions))
    assert not any(bits), "only zeros fill up the last byte"
    return packets


def check_index(lines, file_id):
    table = {}
    for line in lines:
        key, _, value = line.partition(" ")
        table[key] = Value(bytes.fromhex(value))
    assert list(table) == sorted(table)
    flows = {}
    for key, value in table.items():
        if key.startswith("30"):
            before = 0
            while value.data:
                flow = flows[len(flows)] = flow_record(value, before)
                before = flow["times"][0]
                flow["packets"] = packets_of(Value(value.take(value.varint())))
    # Which packets of the sample belong together, and the way of each, by the sample's own making.
    assert {id: flow["packets"] for id, flow in flows.items()} == {
        0: [(0, FORWARD)],
        1: [(1, FORWARD), (2, REVERSE)],
        2: [(3, FORWARD), (4, REVERSE), (5, FORWARD)],
        3: [(6, FORWARD), (7, REVERSE)],
        4: [(8, FORWARD)],
        5: [(9, FORWARD)],
    }, flows
    packets = sample_packets()
    for id, flow in flows.items():
        for way in (FORWARD, REVERSE):
            mine = [packets[number] for number, direction in flow["packets"] if direction == way]
            assert flow["ways"][way][:2] == (len(mine), sum(map(len, mine))), f"flow {id}: {flow['ways']}"
        numbers = [number for number, _ in flow["packets"]]
        assert flow["times"] == tuple(SAMPLE_START_NS + n * 10**8 for n in (numbers[0], numbers[-1])), f"flow {id}"
    client, server = bytes([10, 1, 2, 3]), bytes([10, 1, 9, 9])
    assert flows[2]["ends"] == [client, server] and flows[2]["ports"] == [40001, 445] and flows[2]["syn"]
    assert (flows[2]["ways"][0][2], flows[2]["ways"][1][2]) == (0x1A, 0x12)
    assert flows[3]["envelope"] == bytes([1, 0, 7])
    assert flows[4]["envelope"] == bytes([4, 4, 192, 0, 2, 1, 192, 0, 2, 2])

    assert flow_ids(table["1411"]) == [1, 4] and flow_ids(table["1301bd"]) == [2]
    assert flow_ids(table["100a010203"]) == [0, 1, 2, 3, 4] and flow_ids(table["150007"]) == [3]
    assert flow_ids(table["12020000000001"]) == [5]

    directory = table["f1"]
    assert [directory.varint() for _ in range(5)] == [1, 1, 1, 0, 10]
    assert (directory.zigzag(), directory.varint()) == (SAMPLE_START_NS, 9 * 10**8)
    directory.end()
    summary = table["f2"]
    expected = [1, file_id, len(packets), 6, SAMPLE_START_NS, SAMPLE_START_NS + 9 * 10**8, 0]
    assert [summary.varint() for _ in expected] == expected
    summary.end()


def main():
    with Lab(network=False) as lab:
        write_sample(lab.directory / "sample.pcap")
        lab.run(BIN / "dashcap", "import", "--archive", lab.directory / "archive", lab.directory / "sample.pcap")
        (path,) = (lab.directory / "archive/import").glob("[0-9]*.pcapng")
        blockfile = path.read_bytes()
        check_closing_record(blockfile)
        check_packets(blockfile)
        file_id = int.from_bytes(blockfile[0x54 + 16 : 0x54 + 24], "little")
        dump = subprocess.run([BIN / "index-dump", path.with_suffix(".index")], capture_output=True, text=True, check=True)
        check_index(dump.stdout.splitlines(), file_id)


if __name__ == "__main__":
    main()
