"""Every real capture goes through `dashcap import`, and every packet of it comes back.

What a capture holds is told by tcpdump, which also says where a damaged one stops being readable; captures that tcpdump does not
read at all (several link types in one file) are told by tshark. Nothing may crash, whatever the bytes are.
"""

import shutil
import struct
import subprocess
import sys
from collections import Counter

from lab import BIN, CAPTURES, Lab, read_pcap, require

SUFFIXES = {".pcap", ".pcapng", ".cap", ".ntar", ".dump"}


def captures():
    return sorted(path for path in CAPTURES.rglob("*") if path.is_file() and path.suffix in SUFFIXES)


def read_by_tcpdump(lab, capture):
    """The packets before the first damage, and tcpdump's complaint, or None when it reads nothing of the file."""
    output = lab.directory / "tcpdump.pcap"
    output.unlink(missing_ok=True)
    done = subprocess.run(["tcpdump", "-r", capture, "--time-stamp-precision=nano", "-w", output], capture_output=True,
                          check=False)
    if not output.exists() or output.stat().st_size < 24:
        return None, done.stderr.decode(errors="replace")
    complaint = "" if done.returncode == 0 else done.stderr.decode(errors="replace")
    return (output.read_bytes()[20:24], read_pcap(output)), complaint


def count_by_tshark(capture):
    """Its frames without the pcapng blocks that it shows as such, custom blocks for one, which are no packets."""
    fields = ["-T", "fields", "-e", "frame.number", "-e", "_ws.col.Protocol"]
    done = subprocess.run(["tshark", "-r", capture, *fields], capture_output=True, check=False)
    return sum(1 for line in done.stdout.decode(errors="replace").splitlines() if not line.endswith("\tPCAPNG"))


def plain_read(capture):
    """What stands in a pcap file. tcpdump cuts packets to the file's own snapshot length and lets fractions beyond a second overflow;
    both only happen in damaged files, and dashcap gives what is there."""
    try:
        return read_pcap(capture)
    except (ValueError, AssertionError, struct.error):
        return None


def times_by_tshark(capture):
    done = subprocess.run(["tshark", "-r", capture, "-T", "fields", "-e", "frame.time_epoch"], capture_output=True, check=False)
    return done.stdout


def same_but_for_pcap(lab, archive, capture, expected, got):
    """Whether only times differ, as pcap's 32 bits of seconds make it, and tshark sees the right ones in a pcapng answer."""
    if [packet[1:] for packet in expected] != [packet[1:] for packet in got]:
        return False
    answer = lab.directory / "answer.pcapng"
    lab.run(BIN / "dashcap", "query", "", "--archive", archive, "--format", "pcapng", "-w", answer)
    return times_by_tshark(capture) == times_by_tshark(answer)


def link_type(header):
    """The upper half of the field holds the length of a frame check sequence."""
    return struct.unpack("<I", header)[0] & 0xFFFF


def crashed(done):
    return done.returncode < 0 or done.returncode > 2 or b"Sanitizer" in done.stderr or b"runtime error" in done.stderr


def check(lab, capture, tally):
    archive = lab.directory / "archive"
    if archive.exists():
        shutil.rmtree(archive)
    archive.mkdir()
    imported = subprocess.run([BIN / "dashcap", "import", "--archive", archive, capture], capture_output=True, check=False)
    if crashed(imported):
        return f"import: exit {imported.returncode}: {imported.stderr[-400:]!r}"
    complaint = imported.stderr.decode(errors="replace").strip()
    if imported.returncode == 1 and len(complaint.splitlines()) != 1:
        return f"damage must be told in one line: {complaint!r}"
    told, tcpdump_complaint = read_by_tcpdump(lab, capture)
    answer = lab.directory / "answer.pcap"
    if told is None:
        # tcpdump reads nothing: several link types, or no capture at all. Compare the number with tshark's.
        answer = lab.directory / "answer.pcapng"
        query = subprocess.run([BIN / "dashcap", "query", "", "--archive", archive, "--format", "pcapng", "-w", answer],
                               capture_output=True, check=False)
        if crashed(query):
            return f"query: exit {query.returncode}: {query.stderr[-400:]!r}"
        expected, got = count_by_tshark(capture), count_by_tshark(answer)
        if expected != got:
            return f"tshark reads {expected} packets in the capture and {got} in the answer (import said: {complaint!r})"
        tally["compared by number with tshark"] += 1
        return ""
    query = subprocess.run([BIN / "dashcap", "query", "", "--archive", archive, "-w", answer], capture_output=True, check=False)
    if crashed(query):
        return f"query: exit {query.returncode}: {query.stderr[-400:]!r}"
    header, expected = told
    data = answer.read_bytes()
    got = read_pcap(data)
    if expected and link_type(data[20:24]) != link_type(header):
        return f"link type {link_type(header)} in the capture, {link_type(data[20:24])} in the answer"
    # Timestamps may step back within a capture; the answer of one file keeps its order.
    if expected != got:
        if tcpdump_complaint and got[: len(expected)] == expected:
            tally["more read than by tcpdump"] += 1
            return ""
        if got == plain_read(capture):
            tally["not as by tcpdump, equal to a plain read"] += 1
            return ""
        if same_but_for_pcap(lab, archive, capture, expected, got):
            tally["with times that a pcap can't hold, equal by tshark"] += 1
            return ""
        return (f"{len(expected)} packets by tcpdump ({tcpdump_complaint.strip()[-160:]!r}), {len(got)} in the answer "
                f"(import said: {complaint!r}); the same as a set: {Counter(expected) == Counter(got)}")
    tally["damaged, the sound part equal" if tcpdump_complaint else "equal"] += 1
    if bool(tcpdump_complaint) != bool(complaint):
        tally[f"only one complains: tcpdump {bool(tcpdump_complaint)}"] += 1
    tally["packets"] += len(got)
    return ""


def main():
    require("tcpdump", "tshark", captures=True)
    files = captures()
    assert len(files) > 1000, f"only {len(files)} captures at {CAPTURES}"
    tally = Counter()
    failures = []
    with Lab(network=False) as lab:
        for capture in files:
            failure = check(lab, capture, tally)
            if failure:
                failures.append(f"{capture.relative_to(CAPTURES)}: {failure}")
    for what, number in sorted(tally.items()):
        print(f"{number:8} {what}")
    print("\n".join(failures[:40]))
    if failures:
        sys.exit(f"{len(failures)} of {len(files)} captures did not come back as they were")


if __name__ == "__main__":
    main()
