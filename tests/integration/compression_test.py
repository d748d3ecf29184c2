"""Captures that are imported with --compress come back as they were, by index and without, and other programs read the files.

What a capture holds is told by tcpdump.
"""

import json
import subprocess

from lab import BIN, CAPTURES, Lab, read_pcap, require


def answer(lab, archive, expression):
    output = lab.directory / "answer.pcap"
    lab.run(BIN / "dashcap", "query", expression, "--archive", archive, "-w", output)
    return read_pcap(output)


def check_capture(lab, capture, archive, plain_archive):
    lab.run(BIN / "dashcap", "import", "--archive", plain_archive, capture)
    lab.run(BIN / "dashcap", "import", "--archive", archive, "--compress", "3", capture)
    files = sorted(archive.glob("import/*.pcapng.zst"))
    assert files and not list(archive.glob("import/*.pcapng")), "files of another kind"
    told = lab.directory / "told.pcap"
    lab.run("tcpdump", "-r", capture, "--time-stamp-precision=nano", "-w", told)
    everything = read_pcap(told)
    assert answer(lab, archive, "") == everything, f"{capture.name}: every packet"
    # What plain files answer is held to tcpdump elsewhere.
    for expression in ["udp", "tcp and port 443", "host 192.168.1.1"]:
        expected = answer(lab, plain_archive, expression)
        assert answer(lab, archive, expression) == expected, f"{capture.name}: {expression!r} by index"
        count = json.loads(lab.run(BIN / "dashcap", "count", expression, "--archive", archive).stdout)
        assert count["packets"] == len(expected), f"{capture.name}: {expression!r}: {count}"
    lab.run(BIN / "dashcap", "verify", "--archive", archive)
    for index in archive.glob("import/*.index"):
        index.unlink()
    assert answer(lab, archive, "") == everything, f"{capture.name}: without an index"

    lab.run("zstd", "-qt", *files)
    plain = lab.directory / "plain.pcapng"
    with plain.open("wb") as output:
        subprocess.run(["zstdcat", *files[:1]], stdout=output, check=True)
    if len(files) == 1:
        lab.run("tcpdump", "-r", plain, "--time-stamp-precision=nano", "-w", told)
        assert read_pcap(told) == everything, f"{capture.name}: zstdcat | tcpdump"
        frames = lab.run("tshark", "-r", plain, "-T", "fields", "-e", "frame.number").stdout.split()
        assert len(frames) == len(everything), f"{capture.name}: zstdcat, tshark: {len(frames)} of {len(everything)}"
    # Wireshark 4.0 looks for the second and later frames at the start of its buffer of 128 KiB; see docs/operations.md.
    if len(files) == 1 and files[0].stat().st_size < 128 * 1024:
        frames = lab.run("tshark", "-r", files[0], "-T", "fields", "-e", "frame.number").stdout.split()
        assert len(frames) == len(everything), f"{capture.name}: tshark: {len(frames)} of {len(everything)}"
        return True
    return False


def main():
    require("tcpdump", "tshark", "zstd", captures=True)
    captures = [path for path in sorted((CAPTURES / "ndpi").glob("*.pcap*")) if path.stat().st_size > 200_000][:6]
    captures += [path for path in sorted((CAPTURES / "ndpi").glob("*.pcap")) if path.stat().st_size < 60_000][:6]
    assert len(captures) == 12
    directly = 0
    with Lab(network=False) as lab:
        for number, capture in enumerate(captures):
            archives = [lab.directory / f"{kind}{number}" for kind in ("compressed", "plain")]
            for archive in archives:
                archive.mkdir()
            directly += check_capture(lab, capture, *archives)
        assert directly >= 6, f"tshark read only {directly} files directly"
        print(f"{len(captures)} captures came back; tshark read {directly} files directly")


if __name__ == "__main__":
    main()
