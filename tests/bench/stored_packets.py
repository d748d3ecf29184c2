"""How many packets the files hold that a recorder wrote: pcap, pcapng, or blocks of the kernel's TPACKET_V3 ring as
stenotype writes them.

  stored_packets.py FILE…      prints the sum
"""

import mmap
import struct
import sys

RING_BLOCK = 1 << 20
ENHANCED_PACKET = 6


def of_pcap(data):
    count, offset = 0, 24
    captured_length = struct.Struct("<I").unpack_from
    while offset + 16 <= len(data):
        offset += 16 + captured_length(data, offset + 8)[0]
        count += offset <= len(data)
    return count


def of_pcapng(data):
    count, offset = 0, 0
    head = struct.Struct("<II").unpack_from
    while offset + 12 <= len(data):
        kind, length = head(data, offset)
        if length < 12:
            break
        count += kind == ENHANCED_PACKET
        offset += length
    return count


def of_ring_blocks(data):
    return sum(struct.unpack_from("<I", data, offset + 12)[0] for offset in range(0, len(data), RING_BLOCK))


READERS = {
    b"\xd4\xc3\xb2\xa1": of_pcap,
    b"\x4d\x3c\xb2\xa1": of_pcap,
    b"\x0a\x0d\x0d\x0a": of_pcapng,
    b"\x02\x00\x00\x00": of_ring_blocks,  # the version in a block's first word
}


def stored_packets(path):
    with open(path, "rb") as file:
        magic = file.read(4)
        if not magic:
            return 0
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return READERS[magic](data)


if __name__ == "__main__":
    print(sum(map(stored_packets, sys.argv[1:])))
