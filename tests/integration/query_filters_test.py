"""tcpdump's filters, typed as they are, select the same packets by `dashcap query` from an archive as by `tcpdump -r` from the capture.

The archive answers by its index, the capture is read through. The captures are plain traffic, which tcpdump's own filters confirm; what
differs under tags and tunnels is for the test of the language. One more archive holds several captures, so that flows of many kinds meet
in one index.
"""

import subprocess
import sys

from lab import BIN, CAPTURES, Lab, difference, read_pcap, require

PLAIN = ["ndpi/ftp.pcap", "ndpi/netflix.pcap", "ndpi/http_ipv6.pcap", "ndpi/whatsapp_login_call.pcap", "ndpi/1kxun.pcap",
         "ndpi/dns_exfiltration.pcap", "ndpi/malware.pcap", "ndpi/sctp.cap", "tcpdump/ntp.pcap", "tcpdump/vrrp.pcap", "tcpdump/LACP.pcap",
         "tcpdump/lldp_8021_linkagg.pcap", "tcpdump/IGMP_V2.pcap"]

NOT_PLAIN = ("ether proto 0x8100 or ether proto 0x88a8 or ether proto 0x8847 or ether proto 0x8848 or ether[12:2] <= 1500 or ip proto 4 or ip proto 41 "
             "or ip proto 51 or ip6 proto 4 or ip6 proto 41 or ip6 proto 0 or ip6 proto 43 or ip6 proto 44 or ip6 proto 51 or ip6 proto 60 "
             "or ip[6:2] & 0x1fff != 0")

FILTERS = """
tcp[tcpflags] & (tcp-syn|tcp-fin) != 0
tcp[13] & 2 != 0
tcp[tcpflags] == tcp-syn|tcp-ack
tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)
icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply
ip6[6] = 6 and ip6[4:2] > 100
ether[0] & 1 = 1 and ip[16] >= 224
ip[2:2] > 576
ip[0] & 0xf != 5
udp[4:2] > 100 and port 53
udp and ip[8] < 64
not (tcp[13] & 16 != 0)
len > 200
less 60
greater 1000
len > 100 and not udp
less 100 or tcp dst port 443
broadcast
multicast
ether multicast and not broadcast
not multicast
ip multicast
ip6 multicast
ip broadcast
ether dst ff:ff:ff:ff:ff:ff
ether src e4:98:d6:1f:bd:14
not ether host ff:ff:ff:ff:ff:ff and udp
ether proto 0x88cc
ether proto \\arp
ether proto 0x8809
arp[6:2] = 1
arp[7] = 2 or icmp
port domain
port http or https
tcp port (80 or 443 or 8080)
udp port 53 or 5353
dst port ntp
portrange 1-1023 and not tcp
src portrange 1024-65535
tcp src port 80 and len > 1000
net 192.168
src net 192.168 and dst port 53
net 192.0.1.0 mask 255.0.255.0
host 192.168.1.7 and not port 53
not net 192.168.0.0/16
ip proto \\igmp
ip6 proto 17
proto 17
ip protochain \\tcp
ip6 protochain \\udp
sctp
sctp portrange 1-65535
vrrp
igmp[0] = 0x16
ip
ip6
not ip and not ip6
udp and not (port 53 or port 5353)
(tcp and len > 1000) or (udp and len < 100) or (icmp and ip[8] = 64)
(src port 53 and udp[8] & 1 = 0) or (dst port 53 and less 80)
ip[8] > 60 and (port 80 or port 443 or port 53)
1 = 1
1 = 2
"""


def tcpdump(capture, filter_, output):
    done = subprocess.run(["tcpdump", "-r", capture, "--time-stamp-precision=nano", "-w", output, filter_], capture_output=True, check=False)
    if done.returncode != 0 and b"rejects all packets" in done.stderr:
        return []
    assert done.returncode == 0, f"{capture}: tcpdump {filter_!r}: {done.stderr.decode()}"
    return read_pcap(output)


def dashcap(lab, archive, filter_, output):
    lab.run(BIN / "dashcap", "query", filter_, "--archive", archive, "-w", output)
    return read_pcap(output)


def imported(lab, name, *captures):
    archive = lab.directory / name
    archive.mkdir()
    lab.run(BIN / "dashcap", "import", "--archive", archive, *captures)
    return archive


def main():
    require("tcpdump", captures=True)
    filters = [line for line in FILTERS.splitlines() if line]
    failures, compared, found, matched = [], 0, 0, set()
    with Lab(network=False) as lab:
        captures = [CAPTURES / name for name in PLAIN]
        for number, capture in enumerate(captures):
            assert not tcpdump(capture, NOT_PLAIN, lab.directory / "not-plain.pcap"), f"{capture} has other than plain packets"
            archive = imported(lab, f"archive{number}", capture)
            for filter_ in filters:
                expected = tcpdump(capture, filter_, lab.directory / "tcpdump.pcap")
                got = dashcap(lab, archive, filter_, lab.directory / "dashcap.pcap")
                compared, found = compared + 1, found + len(expected)
                if expected:
                    matched.add(filter_)
                if expected != got:
                    failures.append(f"{capture.name}: {filter_}: {difference(expected, got)}")
        together = imported(lab, "together", *captures)
        for filter_ in filters:
            expected = sorted(packet for capture in captures for packet in tcpdump(capture, filter_, lab.directory / "tcpdump.pcap"))
            got = sorted(dashcap(lab, together, filter_, lab.directory / "dashcap.pcap"))
            if expected != got:
                failures.append(f"all captures: {filter_}: {difference(expected, got)}")
    print(f"{compared} answers of {len(filters)} filters over {len(captures)} captures, {found} packets")
    for filter_ in set(filters) - matched - {"1 = 2"}:
        failures.append(f"{filter_}: not tried, no packet matches")
    print("\n".join(failures[:40]))
    if failures:
        sys.exit(f"{len(failures)} answers differ from tcpdump's")


if __name__ == "__main__":
    main()
