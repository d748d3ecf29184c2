#!/usr/bin/env python3
"""A day in ten minutes: fast rotation into a small archive, so that as many blockfiles come and go as in 24 hours of ordinary
recording (one a minute: 1440). Watches that the archive stays within a hundredth of its bound and that memory and descriptors of
the recorder don't grow.

    soak.py [--seconds N] [--max-bytes BYTES] [--rate PPS]

Prints one line of JSON; exits 1 when something is out of bounds. Needs root, for a network namespace of its own.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
from lab import BIN, Lab, require, wait_until  # noqa: E402

FILE_BYTES = 2 << 20


def archive_bytes(archive):
    """What blockfiles and indexes hold. Files may go while we look."""
    total = 0
    for lane in os.scandir(archive):
        for file in os.scandir(lane.path):
            if file.name.endswith((".pcapng", ".index")):
                try:
                    total += file.stat().st_size
                except FileNotFoundError:
                    pass
    return total


def resident_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def soak(lab, seconds, max_bytes, rate):
    lab.write_config(archive={"file_bytes": str(FILE_BYTES), "file_age": "1s", "max_bytes": str(max_bytes)},
                     capture={"block_memory_bytes": "16M", "ring_bytes": "16M"})
    archive = lab.directory / "archive"
    recorder = lab.start_recorder()
    traffic = lab.start(BIN / "traffic", "v0", "--flows", 20000, "--bytes", 1400, "--rate", rate, "--packets", 10**9, log="traffic.log")
    wait_until(lambda: archive_bytes(archive) > max_bytes * 0.98, "the archive to fill", 300)
    # The first files of an archive that has just been filled are gone, and every buffer has been used.
    time.sleep(max(3, seconds / 10))
    sizes, memory, open_files = [], [], []
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        time.sleep(0.05)
        sizes.append(archive_bytes(archive))
        memory.append(resident_kib(recorder.pid))
        open_files.append(descriptors(recorder.pid))
    status = lab.status()
    lab.stop(traffic)
    time.sleep(0.5)
    assert lab.stop(recorder) == 0, lab.log("dashcapd.log")
    lane = lab.status()["lanes"][0]
    assert lane["received"] == lane["stored"] + lane["dropped_kernel"] + lane["lost"], lane
    third = len(memory) // 3
    return {
        "seconds": seconds,
        "max_bytes": max_bytes,
        "blockfiles": lane["files"],
        "files_removed": status["archives"][0]["files_removed"],
        "least_of_bound": round(min(sizes) / max_bytes, 4),
        "most_of_bound": round(max(sizes) / max_bytes, 4),
        "rss_first_third_kib": max(memory[:third]),
        "rss_last_third_kib": max(memory[-third:]),
        "descriptors_first_third": max(open_files[:third]),
        "descriptors_last_third": max(open_files[-third:]),
        "received": lane["received"],
        "stored": lane["stored"],
        "dropped_kernel": lane["dropped_kernel"],
        "lost": lane["lost"],
    }


def judge(result):
    assert result["most_of_bound"] <= 1.01 and result["least_of_bound"] >= 0.99, "the archive is not within 1 % of its bound"
    assert result["rss_last_third_kib"] <= result["rss_first_third_kib"] * 1.05 + 4096, "memory grows"
    assert result["descriptors_last_third"] <= result["descriptors_first_third"] + 2, "descriptors grow"
    assert result["files_removed"] > 0 and result["lost"] == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--max-bytes", type=int, default=512 << 20)
    parser.add_argument("--rate", type=int, default=8000)
    options = parser.parse_args()
    require("ip", root=True)
    with Lab() as lab:
        result = soak(lab, options.seconds, options.max_bytes, options.rate)
    print(json.dumps(result))
    judge(result)


if __name__ == "__main__":
    main()
