"""run.sh as a new user runs it: it records, the curl line that it prints gives packets, Ctrl-C stops it with nothing lost, and it
runs again with the archive that is there."""

import os
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


def refusals(lab):
    lab.run("chmod", "-R", "a+rX", lab.directory)
    done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", SOURCE / "run.sh"], capture_output=True, check=False)
    assert done.returncode == 1 and b"needs root" in done.stderr and b"sudo" in done.stderr, done
    done = subprocess.run([SOURCE / "run.sh", "--interfce", "v1"], capture_output=True, check=False)
    assert done.returncode == 2 and b"--interfce" in done.stderr, done
    run = Run(lab, "--interface", "eth99")
    assert run.process.wait(timeout=1200) == 1 and "eth99" in run.text() and "no such device" in run.text(), run.text()


def main():
    require("curl", "ip", "jq", "setpriv", root=True)
    with Lab() as lab:
        live(lab)
        from_file(lab)
        refusals(lab)


if __name__ == "__main__":
    main()
