"""Ethernet frames made by hand, for tests that know byte by byte what they send."""

import socket
import struct

MAC_A, MAC_B = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
IPV4, IPV6, ARP, VLAN, QINQ, MPLS, PPPOE = 0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8, 0x8847, 0x8864
TCP, UDP, FRAGMENT = 6, 17, 44


def ethernet(ethertype, payload, source=MAC_A, destination=MAC_B):
    frame = destination + source + struct.pack(">H", ethertype) + payload
    return frame.ljust(60, b"\0")


def tagged(tags, ethertype, payload, **macs):
    """`tags`: (TPID, VLAN) from the outside in."""
    types = [tpid for tpid, _ in tags] + [ethertype]
    inner = b"".join(struct.pack(">HH", vlan, following) for (_, vlan), following in zip(tags, types[1:]))
    return ethernet(types[0], inner + payload, **macs)


def mpls(labels, payload, **macs):
    stack = b"".join(struct.pack(">I", label << 12 | (i + 1 == len(labels)) << 8 | 64) for i, label in enumerate(labels))
    return ethernet(MPLS, stack + payload, **macs)


def pppoe(payload, ip_version=4, **macs):
    protocol = {4: 0x0021, 6: 0x0057}[ip_version]
    return ethernet(PPPOE, struct.pack(">BBHHH", 0x11, 0, 7, len(payload) + 2, protocol) + payload, **macs)


def udp(source_port, destination_port, payload):
    return struct.pack(">HHHH", source_port, destination_port, 8 + len(payload), 0) + payload


def tcp(source_port, destination_port, payload, sequence=0):
    return struct.pack(">HHIIBBHHH", source_port, destination_port, sequence, 0, 0x50, 0x10, 1024, 0, 0) + payload


def ipv4(source, destination, protocol, payload, identification=0, offset=0, more=False):
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), identification, more << 13 | offset // 8, 64, protocol, 0)
    header += socket.inet_aton(source) + socket.inet_aton(destination)
    total = sum(struct.unpack(">10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return header[:10] + struct.pack(">H", ~total & 0xFFFF) + header[12:] + payload


def ipv4_fragments(source, destination, protocol, payload, identification, size):
    """`size`: bytes of payload in each, a multiple of 8."""
    return [ipv4(source, destination, protocol, payload[at : at + size], identification, at, at + size < len(payload))
            for at in range(0, len(payload), size)]


def ipv6(source, destination, protocol, payload, label=0):
    return (struct.pack(">IHBB", 6 << 28 | label, len(payload), protocol, 64) + socket.inet_pton(socket.AF_INET6, source) +
            socket.inet_pton(socket.AF_INET6, destination) + payload)


def ipv6_fragments(source, destination, protocol, payload, identification, size, label=0):
    return [ipv6(source, destination, FRAGMENT,
                 struct.pack(">BBHI", protocol, 0, at | (at + size < len(payload)), identification) + payload[at : at + size], label)
            for at in range(0, len(payload), size)]


SEND = """
import socket, struct, sys
data, at, links = open(sys.argv[1], "rb").read(), 0, {}
while at < len(data):
    size, name = struct.unpack_from(">I16s", data, at)
    link = name.rstrip(b"\\0").decode()
    if link not in links:
        links[link] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        links[link].bind((link, 0))
    links[link].send(data[at + 20 : at + 20 + size])
    at += 20 + size
"""


def send(lab, frames, link="v0"):
    """Sends the frames in order. A frame may be a pair (link, bytes)."""
    path = lab.directory / "frames-to-send"
    pairs = [frame if isinstance(frame, tuple) else (link, frame) for frame in frames]
    path.write_bytes(b"".join(struct.pack(">I16s", len(frame), name.encode()) + frame for name, frame in pairs))
    lab.run(*lab.inside("python3", "-c", SEND, path))
