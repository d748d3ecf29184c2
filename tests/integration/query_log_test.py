"""Who asked for what, and how much they got, stands in the query service's log, whichever way the query came."""

import json
import re
import struct

from lab import BIN, Lab, require, wait_until


def pcap(ports):
    """UDP packets to these ports."""
    data = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
    for i, port in enumerate(ports):
        udp = struct.pack(">HHHH", 1000, port, 8, 0)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), i, 0, 64, 17, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
        frame = bytes(12) + b"\x08\x00" + ip + udp
        data += struct.pack("<IIII", 1_700_000_000 + i, 0, len(frame), len(frame)) + frame
    return data


def main():
    require("curl")
    with Lab(network=False) as lab:
        lab.write_config()
        capture = lab.directory / "sample.pcap"
        capture.write_bytes(pcap([53, 53, 53, 443]))
        lab.run(BIN / "dashcap", "import", "--archive", lab.directory / "archive", capture)
        lab.start_query_service()
        lab.fetch("port 443")
        lab.run("curl", "-sS", "--fail-with-body", "--unix-socket", lab.directory / "query.sock", "-H",
                "Content-Type: text/plain", "--data", "port 53\nand udp", "http://dashcap/api/v1/packets")
        lab.fetch("port 53", endpoint="count")
        wait_until(lambda: lab.log("queryd.log").count("answer to") == 2, "both answers in the log")
        log = lab.log("queryd.log")
        asked = [(path, json.loads(parameters))
                 for path, parameters in re.findall(r"query (\S+) by .*uid 0.*?: (\{.*\})$", log, re.MULTILINE)]
        assert asked == [("/api/v1/packets", {"q": "port 443"}), ("/api/v1/packets", {"q": "port 53\nand udp"}),
                         ("/api/v1/count", {"q": "port 53"})], log
        # Each packet has 14 bytes of Ethernet, 20 of IP and 8 of UDP.
        answered = re.findall(r"answer to .*uid 0.*?: (.*)$", log, re.MULTILINE)
        assert answered == ["1 packets, 42 bytes, sent", "3 packets, 126 bytes, sent"], log


if __name__ == "__main__":
    main()
