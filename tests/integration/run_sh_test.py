"""run.sh as a new user runs it: on a machine that has nothing yet it makes its settings and records; the curl line that it prints
gives packets, Ctrl-C stops it with nothing lost, and it runs again with the archive that is there."""

import os
import pty
import re
import signal
import subprocess

from lab import BIN, SOURCE, Lab, read_pcap, require, wait_until


class Run:
    """run.sh in the background, from another directory than its own."""

    def __init__(self, lab, *options):
        self.lab = lab
        self.log = lab.directory / "run.log"
        self.log.write_bytes(b"")
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                [str(word) for word in lab.inside(SOURCE / "run.sh", "--config", lab.directory / "dashcap.json", *options)],
                stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=lab.directory)
        lab.processes.append(self.process)

    def text(self):
        return self.log.read_text(errors="replace")

    def curl_line(self):
        def printed():
            assert self.process.poll() is None, "run.sh ended: " + self.text()
            return re.search(r"^  (curl .*)$", self.text(), re.MULTILINE) if "Ctrl-C stops" in self.text() else None

        return wait_until(printed, "run.sh to print the curl line", seconds=1200).group(1)

    def stop(self):
        assert self.lab.stop(self.process, signal.SIGINT, seconds=60) == 0, self.text()


def fetch(lab, line):
    lab.run("bash", "-c", line, cwd=lab.directory)
    return read_pcap(lab.directory / "clip.pcap")


def send(lab, packets):
    lab.run(*lab.inside(BIN / "traffic", "v0", "--flows", 100, "--bytes", 200, "--rate", 5000, "--packets", packets))


def recorded(lab):
    output = lab.directory / "all.pcap"
    lab.run(BIN / "dashcap", "query", "", "--archive", lab.directory / "archive", "-w", output)
    return len(read_pcap(output))


def live(lab):
    lab.write_config()
    total = 0
    for _ in range(2):
        run = Run(lab)
        line = run.curl_line()
        assert "last=1m" in line, line
        send(lab, 3000)
        wait_until(lambda: len(fetch(lab, line)) >= 3000, "the packets", seconds=10)
        send(lab, 2000)
        run.stop()
        total += 5000
        assert recorded(lab) >= total, f"{recorded(lab)} of {total} packets are there after Ctrl-C"
    hidden = list((lab.directory / "archive").glob("*/.[0-9]*"))
    assert not hidden, f"left behind: {hidden}"


def from_file(lab):
    archive = lab.directory / "from-file"
    run = Run(lab, "--archive", archive, "--read", lab.directory / "all.pcap")
    packets = fetch(lab, run.curl_line())
    assert packets == read_pcap(lab.directory / "all.pcap"), len(packets)
    run.stop()


class FreshMachine:
    """run.sh on a terminal, on a machine that has no settings, no archive and nothing in /run."""

    MOUNTS = """
        mount -t tmpfs fresh "$1" && mkdir "$1"/etc "$1"/lib "$1"/etc.work "$1"/lib.work &&
        mount -t overlay etc -o lowerdir=/etc,upperdir="$1"/etc,workdir="$1"/etc.work /etc &&
        mount -t overlay lib -o lowerdir=/var/lib,upperdir="$1"/lib,workdir="$1"/lib.work /var/lib &&
        mount -t tmpfs run /run && shift && exec "$@"
    """

    def __init__(self, lab, *options):
        self.lab = lab
        self.output = b""
        layers = lab.directory / "layers"
        layers.mkdir(exist_ok=True)
        self.terminal, end = pty.openpty()
        self.process = subprocess.Popen(
            [str(word) for word in lab.inside("unshare", "--mount", "bash", "-c", self.MOUNTS, "mounts", layers, SOURCE / "run.sh",
                                              *options)],
            stdin=subprocess.DEVNULL, stdout=end, stderr=end, cwd=lab.directory)
        os.close(end)
        os.set_blocking(self.terminal, False)
        lab.processes.append(self.process)

    def text(self):
        try:
            while read := os.read(self.terminal, 65536):
                self.output += read
        except (BlockingIOError, OSError):  # nothing there now, or run.sh has ended
            pass
        return self.output.decode(errors="replace").replace("\r\n", "\n")

    def wait_for(self, expression, seconds=60):
        def seen():
            text = self.text()
            assert self.process.poll() is None, "run.sh ended: " + text
            return re.search(expression, text, re.MULTILINE)

        return wait_until(seen, f"run.sh to print {expression}", seconds)

    def inside(self, command):
        """What a command prints that is run on the same machine."""
        return self.lab.run("nsenter", f"--target={self.process.pid}", "--mount", "bash", "-c",
                            f"cd {self.lab.directory} && {command}").stdout

    def stop(self):
        assert self.lab.stop(self.process, signal.SIGINT, seconds=60) == 0, self.text()


def fresh_machine(lab):
    """With a default route and nothing else, the line that run.sh prints gives the packets."""
    lab.run("ip", "-n", lab.namespace, "address", "add", "192.0.2.1/24", "dev", "v1")
    lab.run("ip", "-n", lab.namespace, "route", "add", "default", "via", "192.0.2.2", "dev", "v1")
    run = FreshMachine(lab)
    line = run.wait_for(r"^  (curl .*)$", seconds=1200).group(1)
    run.wait_for("Ctrl-C stops")
    assert "made /etc/dashcap/dashcap.json" in run.text() and "recording v1 into /var/lib/dashcap" in run.text(), run.text()
    assert b'"interface": "v1"' in run.inside("cat /etc/dashcap/dashcap.json")
    send(lab, 3000)

    def answered():
        run.inside(line)
        return len(read_pcap(lab.directory / "clip.pcap")) >= 3000

    wait_until(answered, "the packets", seconds=20)
    run.wait_for(r"\r\x1b\[K\d{4,} packets, \d{6,} bytes, 0 dropped, oldest \d{4}-\d\d-\d\dT")
    run.stop()
    assert re.search(r"^stopped: \d{4,} packets, ", run.text(), re.MULTILINE), run.text()


def fresh_machine_reads_a_file(lab):
    run = FreshMachine(lab, "--config", lab.directory / "new/settings.json", "--read", lab.directory / "all.pcap")
    line = run.wait_for(r"^  (curl .*)$", seconds=1200).group(1)
    run.wait_for("Ctrl-C stops")
    assert (lab.directory / "new/settings.json").exists()

    def answered():
        run.inside(line)
        return read_pcap(lab.directory / "clip.pcap") == read_pcap(lab.directory / "all.pcap")

    wait_until(answered, "the packets of the file", seconds=60)
    run.stop()


def refusals(lab):
    lab.run("chmod", "-R", "a+rX", lab.directory)
    done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", SOURCE / "run.sh"], capture_output=True, check=False)
    assert done.returncode == 1 and b"needs root" in done.stderr and b"sudo" in done.stderr, done
    done = subprocess.run([SOURCE / "run.sh", "--interfce", "v1"], capture_output=True, check=False)
    assert done.returncode == 2 and b"--interfce" in done.stderr, done
    run = Run(lab, "--interface", "eth99")
    assert run.process.wait(timeout=1200) == 1 and "eth99" in run.text() and "no such device" in run.text(), run.text()


def main():
    require("curl", "ip", "jq", "nsenter", "setpriv", "unshare", root=True)
    with Lab() as lab:
        try:
            live(lab)
            from_file(lab)
            fresh_machine(lab)
            fresh_machine_reads_a_file(lab)
            refusals(lab)
        finally:  # a killed run.sh would leave its daemons behind
            for process in lab.processes:
                lab.stop(process, signal.SIGINT, seconds=60)


if __name__ == "__main__":
    main()
