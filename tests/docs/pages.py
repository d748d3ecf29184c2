"""Reads the project's pages: their code blocks, tables and links; and makes the small capture that their examples use."""

import re
import struct
import sys
from collections import namedtuple
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
from lab import SOURCE  # noqa: E402

Block = namedtuple("Block", "language lines line")  # line: of its first line in the page, from 1


def pages():
    return [SOURCE / "README.md", *sorted((SOURCE / "docs").rglob("*.md"))]


def blocks(page, language=None):
    found, lines, inside = [], page.read_text().splitlines(), None
    for number, line in enumerate(lines, 1):
        if inside is None and line.startswith("```"):
            inside = Block(line[3:].strip(), [], number + 1)
        elif inside is not None and line.startswith("```"):
            found.append(inside)
            inside = None
        elif inside is not None:
            inside.lines.append(line)
    assert inside is None, f"{page.name}: a code block is not closed"
    return [block for block in found if language in (None, block.language)]


def rows(page, head):
    """The cells of the tables in a page whose head begins with this cell."""
    found, inside = [], False
    for line in page.read_text().splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] if line.startswith("|") else []
        if not cells:
            inside = False
        elif cells[0] == head:
            inside = True
        elif inside and not set(cells[0]) <= set("-:"):
            found.append(cells)
    return found


# The sample capture: ten packets, 100 ms apart from 2026-11-24T02:10:00Z on. docs/query-language.md has a table of them.
SAMPLE_START_NS = 1795486200 * 10**9

CLIENT, SERVER, RESOLVER = "10.1.2.3", "10.1.9.9", "10.1.0.53"


def ip(address):
    return bytes(int(part) for part in address.split("."))


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, destination, protocol, payload):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, ip(source), ip(destination))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def udp(source_port, destination_port, payload):
    return struct.pack(">HHHH", source_port, destination_port, 8 + len(payload), 0) + payload


def tcp(source_port, destination_port, flags, payload=b""):
    return struct.pack(">HHIIBBHHH", source_port, destination_port, 0, 0, 0x50, flags, 64240, 0, 0) + payload


def icmp_echo(kind):
    body = struct.pack(">BBHHH", kind, 0, 0, 1, 1)
    return body[:2] + struct.pack(">H", checksum(body)) + body[4:]


def ethernet(ether_type, payload, tags=()):
    head = bytes.fromhex("020000000002020000000001")
    for tag in tags:
        head += struct.pack(">HH", 0x8100, tag)
    return head + struct.pack(">H", ether_type) + payload


def arp(sender, target):
    return struct.pack(">HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, bytes.fromhex("020000000001"), ip(sender), bytes(6), ip(target))


def sample_packets():
    syn, ack, push = 0x02, 0x10, 0x18
    return [
        ethernet(0x0806, arp(CLIENT, RESOLVER)),
        ethernet(0x0800, ipv4(CLIENT, RESOLVER, 17, udp(40000, 53, b"question"))),
        ethernet(0x0800, ipv4(RESOLVER, CLIENT, 17, udp(53, 40000, b"the answer"))),
        ethernet(0x0800, ipv4(CLIENT, SERVER, 6, tcp(40001, 445, syn))),
        ethernet(0x0800, ipv4(SERVER, CLIENT, 6, tcp(445, 40001, syn | ack))),
        ethernet(0x0800, ipv4(CLIENT, SERVER, 6, tcp(40001, 445, push, b"hello"))),
        ethernet(0x0800, ipv4(CLIENT, SERVER, 1, icmp_echo(8)), tags=[7]),
        ethernet(0x0800, ipv4(SERVER, CLIENT, 1, icmp_echo(0)), tags=[7]),
        ethernet(0x0800, ipv4("192.0.2.1", "192.0.2.2", 4, ipv4(CLIENT, SERVER, 17, udp(40002, 514, b"log")))),
        ethernet(0x88CC, bytes(46)),
    ]


def write_sample(path):
    data = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)
    for number, packet in enumerate(sample_packets()):
        nanoseconds = SAMPLE_START_NS + number * 10**8
        data += struct.pack("<IIII", nanoseconds // 10**9, nanoseconds % 10**9, len(packet), len(packet)) + packet
    path.write_bytes(data)
