"""The pcap source against a tcpdump beside it, on a pair of interfaces, on loopback and on `any`: the same packets with the same
nanoseconds; what its options do; what it says about devices that it can't open."""

import os
import signal
import subprocess

from lab import BIN, Lab, difference, read_pcap, require, wait_until

LINKTYPES = {"EN10MB": 1, "LINUX_SLL": 113, "LINUX_SLL2": 276}


class Case:
    """One recorder with a source "pcap", into an archive of its own, and a tcpdump with the same wishes."""

    def __init__(self, lab, label, device, tcpdump, **options):
        self.lab = lab
        self.label = label
        self.archive = lab.directory / label.replace(" ", "-")
        self.archive.mkdir()
        lab.write_config(archive={"directories": [str(self.archive)]}, capture={"interface": device, "source": "pcap", **options})
        self.recorder = lab.start_recorder()
        self.beside = self.archive.with_suffix(".pcap")
        log = label + ".log"
        self.tcpdump = lab.start("tcpdump", "-i", device, "-n", "-U", "-B", "65536", "-w", self.beside, *tcpdump, log=log)
        wait_until(lambda: "listening on" in lab.log(log), "tcpdump to listen")

    def finish(self, at_least, link_type, in_order=True, unit_ns=1):
        """Compares, once at least so many packets have arrived; gives them."""
        wait_until(lambda: len(read_pcap(self.beside)) >= at_least, "the packets to arrive")
        wait_until(lambda: self.lane()["stored"] >= len(read_pcap(self.beside)), "the packets to be stored")
        self.lab.stop(self.tcpdump, signal.SIGINT)
        assert "0 packets dropped by kernel" in self.lab.log(self.label + ".log"), "the comparison capture dropped packets"
        assert self.lab.stop(self.recorder) == 0, self.lab.log("dashcapd.log")
        lane = self.lane()
        assert lane["received"] == lane["stored"] and lane["dropped_kernel"] == 0, lane
        answer = self.archive.with_suffix(".answer")
        self.lab.run(BIN / "dashcap", "query", "", "--archive", self.archive, "-w", answer)
        expected, got = read_pcap(self.beside), read_pcap(answer)
        expected = [packet._replace(time_ns=packet.time_ns // unit_ns * unit_ns) for packet in expected]
        if not in_order:
            expected, got = sorted(expected), sorted(got)
        found = difference(expected, got)
        assert not found, f"{self.label}: {found}"
        header = answer.read_bytes()[20:24]
        assert header == self.beside.read_bytes()[20:24] == LINKTYPES[link_type].to_bytes(4, "little"), (self.label, header)
        print(f"{self.label}: {len(got)} packets are the same")
        return got

    def lane(self):
        return self.lab.status()["lanes"][0]


NANO = "--time-stamp-precision=nano"


def across(lab, packets=3000):
    lab.run(*lab.inside(BIN / "traffic", "v0", "--flows", 100, "--bytes", 200, "--rate", 5000, "--packets", packets))


def back(lab, packets):
    """From v1, in the way that captures on v1 see."""
    lab.run(*lab.inside("python3", "-c",
                        "import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('v1', 0)); "
                        f"[s.send(bytes(12) + b'\\x88\\xb5%60d' % i) for i in range({packets})]"))


def around(lab):
    """Datagrams from loopback to loopback, each of which is one packet there."""
    lab.run(*lab.inside("python3", "-c",
                        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); r = socket.socket(socket.AF_INET, "
                        "socket.SOCK_DGRAM); r.bind(('127.0.0.1', 0)); [s.sendto(b'%06d' % i, r.getsockname()) for i in range(500)]"))


def same_as_tcpdump(lab):
    case = Case(lab, "veth", "v1", [NANO])
    across(lab)
    packets = case.finish(3000, "EN10MB")
    assert any(packet.time_ns % 1000 for packet in packets), "no packet has nanoseconds"

    case = Case(lab, "loopback", "lo", [NANO])
    around(lab)
    case.finish(500, "EN10MB")

    case = Case(lab, "any", "any", [NANO, "-y", "LINUX_SLL"])
    across(lab, 500)
    around(lab)
    case.finish(1000, "LINUX_SLL", in_order=False)

    case = Case(lab, "any with another link type", "any", [NANO, "-y", "LINUX_SLL2"], link_type="LINUX_SLL2")
    across(lab, 500)
    around(lab)
    case.finish(1000, "LINUX_SLL2", in_order=False)


def options(lab):
    case = Case(lab, "microseconds", "v1", [NANO], nanoseconds=False, timestamp_type="host")
    across(lab)
    packets = case.finish(3000, "EN10MB", unit_ns=1000)
    assert not any(packet.time_ns % 1000 for packet in packets)

    case = Case(lab, "incoming", "v1", [NANO, "-Q", "in"], direction="in")
    back(lab, 700)
    across(lab, 1000)
    assert len(case.finish(1000, "EN10MB")) == 1000

    case = Case(lab, "outgoing", "v1", [NANO, "-Q", "out"], direction="out")
    across(lab, 1000)
    back(lab, 700)
    assert len(case.finish(700, "EN10MB")) == 700

    case = Case(lab, "short", "v1", [NANO, "-s", "96"], snap_length=96, immediate=True, ring_bytes="8M")
    across(lab)
    packets = case.finish(3000, "EN10MB")
    assert {len(packet.bytes) for packet in packets} == {96} and {packet.original_length for packet in packets} == {200}

    text = "ether proto 0x88b5 and not tcp"
    case = Case(lab, "filtered", "v1", [NANO, text], filter=text)
    across(lab, 1000)
    back(lab, 700)
    assert len(case.finish(700, "EN10MB")) == 700

    def promiscuity():
        return b"promiscuity 1" in lab.run("ip", "-n", lab.namespace, "-d", "link", "show", "v1").stdout

    for wanted in (True, False):
        lab.write_config(capture={"interface": "v1", "source": "pcap", "promiscuous": wanted})
        recorder = lab.start_recorder()
        assert promiscuity() == wanted
        assert lab.stop(recorder) == 0 and not promiscuity()


def comes_back(lab):
    """An interface that is taken away and made anew is recorded again."""
    archive = lab.directory / "comes-back"
    archive.mkdir()
    lab.write_config(archive={"directories": [str(archive)]}, capture={"interface": "v1", "source": "pcap"})
    recorder = lab.start_recorder()
    across(lab, 1000)
    wait_until(lambda: lab.status()["lanes"][0]["stored"] >= 1000, "the first packets")
    lab.run("ip", "-n", lab.namespace, "link", "del", "v1")
    wait_until(lambda: "device v1: the interface disappeared; waiting for it" in lab.log("dashcapd.log"), "the loss to be seen")
    lab.run("ip", "-n", lab.namespace, "link", "add", "v0", "mtu", "65535", "type", "veth", "peer", "name", "v1", "mtu", "65535")
    for link in ("v0", "v1"):
        lab.run("ip", "-n", lab.namespace, "link", "set", link, "up")
    wait_until(lambda: "device v1: recording again" in lab.log("dashcapd.log"), "the interface to be opened again")
    across(lab, 1000)
    wait_until(lambda: lab.status()["lanes"][0]["stored"] >= 2000, "the packets after that")
    assert lab.stop(recorder) == 0


def refused(lab):
    """(exit code, message) of a recorder that can't begin."""
    def run(options, *before):
        lab.write_config(capture={"source": "pcap", **options})
        lab.run("chmod", "-R", "a+rX", lab.directory)
        command = lab.inside(*before, BIN / "dashcapd", "--config", lab.directory / "dashcap.json")
        done = subprocess.run([str(word) for word in command], capture_output=True, check=False, timeout=60)
        return done.returncode, done.stderr.decode(errors="replace")

    lab.run("ip", "-n", lab.namespace, "link", "add", "down0", "type", "veth", "peer", "name", "down1")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    (lab.directory / "archive").mkdir(exist_ok=True)
    os.chown(lab.directory / "archive", 65534, 65534)
    rows = [
        ("no such device", {"interface": "eth99"}, (), ("device eth99: no such device exists",)),
        ("odd name", {"interface": "netmap:eth 99/1"}, (), ("device netmap:eth 99/1: ",)),
        ("down", {"interface": "down0"}, (), ("device down0: that device is not up",)),
        ("not permitted", {"interface": "v1"}, nobody, ("device v1: ", "permission", "CAP_NET_RAW")),
        ("link type", {"interface": "v1", "link_type": "LINUX_SLL2"}, (), ('device v1: has no link type "LINUX_SLL2", but: EN10MB',)),
        ("filter", {"interface": "v1", "filter": "port 80xyz"}, (), ('filter "port 80xyz": ',)),
        ("timestamp type", {"interface": "v1", "timestamp_type": "sundial"}, (), ('timestamp type "sundial", but: host',)),
    ]
    for label, settings, before, fragments in rows:
        code, text = run(settings, *before)
        assert code == 1 and all(fragment in text for fragment in fragments), f"{label}: exit {code}: {text}"
    os.chown(lab.directory / "archive", 0, 0)
    print(len(rows), "devices are refused with the reason")


def main():
    require("tcpdump", "ip", "setpriv", root=True)
    with Lab() as lab:
        same_as_tcpdump(lab)
        options(lab)
        comes_back(lab)
        refused(lab)


if __name__ == "__main__":
    main()
