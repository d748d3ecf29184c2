"""Real traffic replayed onto an interface: everything is recorded, and for each filter the answer is tcpdump's.

A tcpdump that records beside dashcapd says what arrived. Its capture, filtered by tcpdump again, is compared with dashcap's
answers packet for packet, bytes, lengths and nanoseconds: from the blockfile that is still being written, after rotation, and
after a restart of everything.
"""

import signal

from lab import BIN, CAPTURES, Lab, difference, read_pcap, require, tcpdump_answer, wait_until

# Ethernet, without VLAN tags, tunnels or fragments: on those dashcap finds more than tcpdump, which is tested elsewhere.
REPLAYED = """
1kxun.pcap 443-chrome.pcap 443-curl.pcap 443-firefox.pcap 443-git.pcap anyconnect-vpn.pcap bad-dns-traffic.pcap
dhcp-fuzz.pcapng dns_long_domainname.pcap dnscrypt-v2.pcap ftp.pcap fix.pcap http_ipv6.pcap iec60780-5-104.pcap imap.pcap
instagram.pcap long_tls_certificate.pcap openvpn.pcap quic.pcap sip.pcap skype-conference-call.pcap NTPv4.pcap
youtubeupload.pcap smbv1.pcap snapchat.pcap ssh.pcap teams.pcap telnet.pcap tftp.pcap tor.pcap upnp.pcap vnc.pcap
wechat.pcap whatsapp_login_call.pcap
""".split()

# With 802.1Q tags, which the kernel takes off and the recorder has to put back.
TAGGED = "mongodb.pcap snmp.pcap netbios.pcap mqtt.pcap".split()

FILTERS = """

ip
ip6
arp
tcp
udp
icmp
icmp6
not ip
not tcp and not udp
port 53
port 443
src port 443
dst port 443
tcp port 80
udp port 53
udp src port 53
tcp dst port 443
portrange 1-1023
portrange 5000-6000
src portrange 40000-65535
udp dst portrange 1000-2000
net 192.168.0.0/16
net 10.0.0.0/8
src net 192.168.0.0/16
dst net 192.168.0.0/16
src net 10.0.0.0/8 and dst net 10.0.0.0/8
ip proto 17
ip proto 6
ip proto 1
ip proto 2
net 224.0.0.0/4
dst net 224.0.0.0/4 and udp
net 0.0.0.0/0
net fe80::/10
ip6 and udp
ip6 and tcp
net ff00::/8
tcp and (port 80 or port 443 or port 8080)
(udp port 53 or udp port 5353) and not net 192.168.0.0/16
udp and not port 53 and not port 443
not port 443
not (tcp or udp or arp)
arp or icmp
tcp and src port 443 and dst portrange 1024-65535
ip and not net 192.168.0.0/16
host 192.168.1.1
host 192.168.1.1 or host 10.0.0.1
src host 192.168.1.128
tcp and net 192.168.1.0/24 and port 443
ip6 and not icmp6
host 255.255.255.255
dst host 239.255.255.250
""".split("\n")[1:-1]


def busiest_hosts(packets, count):
    """Some addresses that occur, so that `host` filters have answers."""
    seen = {}
    for packet in packets:
        if packet.bytes[12:14] == b"\x08\x00" and len(packet.bytes) >= 34:
            for start in (26, 30):
                address = ".".join(str(byte) for byte in packet.bytes[start : start + 4])
                seen[address] = seen.get(address, 0) + 1
    return sorted(seen, key=lambda address: (-seen[address], address))[:count]


# tcpdump looks for a protocol right behind the IPv6 header only; dashcap behind extension headers too. Multicast listener
# reports have a hop-by-hop header, so tcpdump has to be told where to look.
ICMP6 = "(icmp6 or (ip6 proto 0 and ip6[40] = 58))"
FOR_TCPDUMP = {"icmp6": ICMP6, "ip6 and not icmp6": f"ip6 and not {ICMP6}"}


class Beside:
    """A tcpdump that records what the recorder should."""

    def __init__(self, lab):
        self.lab = lab
        self.path = lab.directory / "beside.pcap"
        self.process = lab.start("tcpdump", "-i", "v1", "-n", "-U", "-B", "65536", "--time-stamp-precision=nano", "-w", self.path,
                                 log="tcpdump.log")
        wait_until(lambda: "listening on" in lab.log("tcpdump.log"), "tcpdump to listen")

    def stop(self):
        """What arrived, once the recorder has stored as much."""
        wait_until(lambda: self.lab.status()["lanes"][0]["stored"] >= len(read_pcap(self.path)) > 0, "everything to be stored")
        self.lab.stop(self.process, signal.SIGINT)
        assert "0 packets dropped by kernel" in self.lab.log("tcpdump.log"), "the comparison capture dropped packets"
        arrived = read_pcap(self.path)
        # The last block reaches the disk within its flush interval.
        wait_until(lambda: len(self.lab.packets()) == len(arrived), "the last packets to be found", seconds=5)
        return arrived


def tagged():
    with Lab() as lab:
        lab.write_config()
        recorder = lab.start_recorder()
        service = lab.start_query_service()
        beside = Beside(lab)
        lab.run(*lab.inside("tcpreplay", "-q", "-i", "v0", "--pps", "20000", *(CAPTURES / "ndpi" / name for name in TAGGED)))
        arrived = beside.stop()
        for text in ("", "vlan"):
            expected = tcpdump_answer(lab, beside.path, text)
            found = difference(expected, lab.packets(text))
            assert not found, f"tagged: '{text}': {found}"
        assert 0 < len(expected) <= len(arrived), "none of the packets was tagged"
        print(len(arrived), "packets,", len(expected), "of them tagged, are back as they were")
        assert lab.stop(recorder) == 0 and lab.stop(service) == 0


def main():
    require("tcpdump", "tcpreplay", "curl", "ip", root=True, captures=True)
    tagged()
    replayed = [path for path in (CAPTURES / "ndpi" / name for name in REPLAYED) if path.exists()]
    assert len(replayed) >= 15, f"only {len(replayed)} of the captures are there"
    with Lab() as lab:
        lab.write_config()
        recorder = lab.start_recorder()
        service = lab.start_query_service()
        beside = Beside(lab)
        lab.run(*lab.inside("tcpreplay", "-q", "-i", "v0", "--pps", "20000", *replayed))
        arrived = beside.stop()
        print(len(arrived), "packets arrived, from", len(replayed), "captures")

        filters = FILTERS + [f"host {host}" for host in busiest_hosts(arrived, 6)]
        filters += [f"src host {host} and not port 53" for host in busiest_hosts(arrived, 3)]
        expected = {text: tcpdump_answer(lab, beside.path, FOR_TCPDUMP.get(text, text)) for text in filters}
        assert expected[""] == arrived
        with_answers = sum(1 for answer in expected.values() if answer)
        assert with_answers >= 40, f"only {with_answers} of the filters match anything"

        def compare(state, ask):
            for text, packets in expected.items():
                found = difference(packets, ask(text))
                assert not found, f"{state}: '{text}': {found}"
            print(len(expected), "filters agree:", state)

        def from_directory(text):
            output = lab.directory / "answer.pcap"
            lab.run(BIN / "dashcap", "query", text, "--archive", lab.directory / "archive", "-w", output)
            return read_pcap(output)

        compare("while the blockfile is being written", lab.packets)
        indexes = lab.directory / "archive"
        recorder.send_signal(signal.SIGHUP)
        wait_until(lambda: list(indexes.glob("*/[0-9]*.index")), "the index after rotation")
        compare("after rotation", lab.packets)
        assert lab.stop(recorder) == 0, lab.log("dashcapd.log")
        assert lab.stop(service) == 0, lab.log("queryd.log")
        compare("from the directory, nothing running", from_directory)
        recorder = lab.start_recorder()
        service = lab.start_query_service()
        compare("after a restart", lab.packets)
        assert lab.stop(recorder) == 0 and lab.stop(service) == 0


if __name__ == "__main__":
    main()
