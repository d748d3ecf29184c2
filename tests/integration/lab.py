"""What the integration tests share: a network namespace, the programs under test, and captures as lists of packets.

A test is a script that ctest runs; it exits 0, fails with an exception, or calls skip(). Everything that a Lab makes is
gone when its `with` ends: processes by their own pid, the namespace, mounted images, the temporary directory.
"""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections import namedtuple
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("DASHCAP_BIN", SOURCE / "build/dev/bin"))
CAPTURES = Path(os.environ.get("DASHCAP_CAPTURES", SOURCE / "../shared/captures")).resolve()

# The check for leaks stops a process from outside, which the sandbox of the daemons doesn't allow.
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")

SKIPPED = 77  # ctest's SKIP_RETURN_CODE for these tests

Packet = namedtuple("Packet", "time_ns original_length bytes")


def skip(reason):
    print("SKIPPED:", reason)
    sys.exit(SKIPPED)


def require(*tools, root=False, captures=False):
    if root and os.geteuid() != 0:
        skip("needs root")
    for tool in tools:
        if not shutil.which(tool):
            skip(f"needs {tool}")
    if captures and not CAPTURES.is_dir():
        skip(f"needs the captures at {CAPTURES}")


def read_pcap(data):
    """The packets of a pcap file, micro- or nanoseconds, either byte order."""
    if isinstance(data, (str, Path)):
        data = Path(data).read_bytes()
    magics = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
    for order in "<>":
        unit = magics.get(struct.unpack_from(order + "I", data)[0])
        if unit:
            break
    else:
        raise ValueError("not a pcap: starts with " + data[:4].hex())
    packets, offset = [], 24
    while offset < len(data):
        seconds, fraction, captured, original = struct.unpack_from(order + "IIII", data, offset)
        offset += 16
        assert offset + captured <= len(data), f"cut in a packet at {offset}"
        packets.append(Packet(seconds * 10**9 + fraction * unit, original, data[offset : offset + captured]))
        offset += captured
    return packets


def wait_until(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


def difference(expected, got):
    """What two lists of packets differ in, for a failure message; empty when they are the same."""
    if expected == got:
        return ""
    for i, (a, b) in enumerate(zip(expected, got)):
        if a != b:
            return (f"{len(expected)} packets expected, {len(got)} got; the first difference is number {i}: "
                    f"{a.time_ns} {a.original_length} {a.bytes[:64].hex()} / {b.time_ns} {b.original_length} {b.bytes[:64].hex()}")
    return f"{len(expected)} packets expected, {len(got)} got; the shorter is the beginning of the longer"


class Lab:
    """A temporary directory and, with `network`, a namespace with the pair of interfaces v0 (send) and v1 (record)."""

    def __init__(self, network=True):
        self.network = network

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="dashcap-test-"))
        self.directory.chmod(0o755)
        self.processes = []
        self.mounts = []
        self.namespace = f"dashcap-{os.getpid()}"
        if self.network:
            self.run("ip", "netns", "add", self.namespace)
            self.run("ip", "netns", "exec", self.namespace, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                     "net.ipv6.conf.default.disable_ipv6=1")
            self.run("ip", "-n", self.namespace, "link", "add", "v0", "mtu", "65535", "type", "veth", "peer", "name",
                     "v1", "mtu", "65535")
            for link in ("lo", "v0", "v1"):
                self.run("ip", "-n", self.namespace, "link", "set", link, "up")
        return self

    def __exit__(self, *_):
        for process in self.processes:
            self.stop(process, signal.SIGKILL)
        if self.network:
            subprocess.run(["ip", "netns", "del", self.namespace], check=False)
        for mount in self.mounts:
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        shutil.rmtree(self.directory)

    def mount_image(self, kind, megabytes, where, *options, name="disk"):
        """A file system of its own, in a file: ext4 or xfs (300 MB at least). Mounted again when there is one of this name."""
        image = self.directory / f"{name}.img"
        if not image.exists():
            with open(image, "wb") as file:
                file.truncate(megabytes << 20)
            self.run(f"mkfs.{kind}", "-q", image)
        where.mkdir(exist_ok=True)
        # The loop device is given back with the mount.
        self.run("mount", "-o", ",".join(("loop", *options)), image, where)
        self.mounts.append(where)

    def run(self, *command, **options):
        options = {"check": True, "capture_output": True, **options}
        try:
            return subprocess.run([str(word) for word in command], **options)
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"{' '.join(map(str, command))}: exit {error.returncode}: "
                                 f"{error.stderr.decode(errors='replace')}") from error

    def inside(self, *command):
        return ("ip", "netns", "exec", self.namespace, *command) if self.network else command

    def start(self, *command, log):
        with open(self.directory / log, "ab") as output:
            process = subprocess.Popen([str(word) for word in self.inside(*command)], stdout=output, stderr=output,
                                       stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def stop(self, process, how=signal.SIGTERM, seconds=30):
        if process.poll() is None:
            process.send_signal(how)
        return process.wait(timeout=seconds)

    def log(self, name):
        return (self.directory / name).read_text(errors="replace")

    # The recorder and its query service.

    def write_config(self, **overrides):
        config = {
            "archive": {"directories": [str(self.directory / "archive")], "min_free_percent": 0},
            "capture": [{"interface": "v1"}],
            "query": {"listen": [f"unix:{self.directory}/query.sock"]},
            "runtime_directory": str(self.directory / "run"),
        }
        for section, values in overrides.items():
            if section == "capture":
                config["capture"][0].update(values)
            else:
                config[section].update(values)
        (self.directory / "archive").mkdir(exist_ok=True)
        (self.directory / "run").mkdir(exist_ok=True)
        path = self.directory / "dashcap.json"
        path.write_text(json.dumps(config))
        return path

    def start_recorder(self):
        status = self.directory / "run/status.json"
        status.unlink(missing_ok=True)
        process = self.start(BIN / "dashcapd", "--config", self.directory / "dashcap.json", log="dashcapd.log")

        def recording():
            assert process.poll() is None, "dashcapd ended: " + self.log("dashcapd.log")
            return status.exists()

        wait_until(recording, "dashcapd to record")
        return process

    def start_query_service(self):
        process = self.start(BIN / "dashcap-queryd", "--config", self.directory / "dashcap.json", log="queryd.log")

        def answering():
            assert process.poll() is None, "dashcap-queryd ended: " + self.log("queryd.log")
            return subprocess.run(["curl", "-sf", "--unix-socket", self.directory / "query.sock", "http://dashcap/healthz"],
                                  capture_output=True, check=False).returncode == 0

        wait_until(answering, "dashcap-queryd to answer")
        return process

    def status(self):
        return json.loads((self.directory / "run/status.json").read_text())

    def fetch(self, query, endpoint="packets", **parameters):
        text = urllib.parse.urlencode({"q": query, **parameters})
        return self.run("curl", "-sS", "--fail-with-body", "--unix-socket", self.directory / "query.sock",
                        f"http://dashcap/api/v1/{endpoint}?{text}").stdout

    def packets(self, query="", **parameters):
        return read_pcap(self.fetch(query, **parameters))


def tcpdump_answer(lab, capture, expression):
    """What tcpdump takes from a capture by a filter: the other opinion."""
    output = lab.directory / "tcpdump-answer.pcap"
    lab.run("tcpdump", "-r", capture, "--time-stamp-precision=nano", "-w", output, *([expression] if expression else []))
    return read_pcap(output)
