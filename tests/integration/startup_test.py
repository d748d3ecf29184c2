"""From its start to its first packet a recorder takes under two seconds, however many blockfiles there are.

The archive is one small recorded blockfile with its index, linked under 30,000 names.
"""

import os
import re
import time

from lab import BIN, Lab, require, wait_until

FILES = int(os.environ.get("DASHCAP_FILES", "30000"))
PROMISED_SECONDS = 2.0


def record_one_file(lab, lane):
    recorder = lab.start_recorder()
    lab.run(*lab.inside(BIN / "traffic", "v0", "--flows", 10, "--bytes", 300, "--packets", 1000))
    wait_until(lambda: lab.status()["lanes"][0]["stored"] == 1000, "the packets to be stored")
    assert lab.stop(recorder) == 0, lab.log("dashcapd.log")
    (blockfile,) = lane.glob("[0-9]*.pcapng")
    assert blockfile.with_suffix(".index").exists()
    return blockfile


def main():
    require("ip", root=True)
    with Lab() as lab:
        lab.write_config()
        lane = lab.directory / "archive/v1"
        blockfile = record_one_file(lab, lane)
        start = int(blockfile.stem)
        for i in range(1, FILES):
            name = str(start - i * 60 * 10**9)
            os.link(blockfile, lane / f"{name}.pcapng")
            os.link(blockfile.with_suffix(".index"), lane / f"{name}.index")
        traffic = lab.start(BIN / "traffic", "v0", "--flows", 10, "--bytes", 300, "--rate", 1000, "--packets", 10**9, log="traffic.log")
        begun = time.time_ns()
        recorder = lab.start_recorder()
        new = wait_until(lambda: [path for path in lane.glob(".[0-9]*.pcapng")], "the first blockfile")
        first_packet = min(int(re.sub(r"\D", "", path.name)) for path in new)
        seconds = (first_packet - begun) / 10**9
        wait_until(lambda: lab.status()["lanes"][0]["stored"] > 1000, "packets to be stored")
        lab.stop(traffic)
        assert lab.stop(recorder) == 0, lab.log("dashcapd.log")
        print(f"{FILES} blockfiles: {seconds:.3f} s to the first recorded packet")
        assert 0 < seconds < PROMISED_SECONDS, f"{seconds:.3f} s"
        assert len(list(lane.glob("[0-9]*.pcapng"))) > FILES, "files of before are gone"


if __name__ == "__main__":
    main()
