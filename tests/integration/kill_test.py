"""kill -9 at random moments under load: at most the last second is lost, and nothing that was stored before is gone.

A tcpdump beside the recorder says what arrived and when. After each kill the recorder is started again; in the end every packet
that arrived while a recorder was running, up to one second before it was killed, must come back, byte for byte. With an argument,
blocks are compressed by that level.
"""

import os
import random
import signal
import sys
import time

from lab import BIN, Lab, read_pcap, require, wait_until

KILLS = int(os.environ.get("DASHCAP_KILLS", "20"))
PROMISED_NS = 10**9


def main():
    require("tcpdump", "ip", "curl", root=True)
    seed = int(os.environ.get("DASHCAP_SEED", random.randrange(2**32)))
    print("seed", seed)
    moments = random.Random(seed)
    with Lab() as lab:
        # Small and short-lived blockfiles, so that kills also hit rotations and the writing of indexes.
        level = int(sys.argv[1]) if len(sys.argv) > 1 else None
        lab.write_config(archive={"file_age": "1s", "file_bytes": "4M", "compression_level": level})
        beside = lab.directory / "beside.pcap"
        tcpdump = lab.start("tcpdump", "-i", "v1", "-n", "-U", "-B", "262144", "--time-stamp-precision=nano", "-w", beside,
                            log="tcpdump.log")
        wait_until(lambda: "listening on" in lab.log("tcpdump.log"), "tcpdump to listen")
        traffic = lab.start(BIN / "traffic", "v0", "--flows", 5000, "--bytes", 300, "--rate", 8000, "--packets", 10**9,
                            log="traffic.log")
        running = []  # (from, to): when packets have to be kept
        for kill in range(KILLS):
            recorder = lab.start_recorder()
            began = time.time_ns()
            # Short lives: a hundred of them take two minutes.
            time.sleep(moments.uniform(0.1, 2))
            killed = time.time_ns()
            assert recorder.poll() is None, "dashcapd ended by itself: " + lab.log("dashcapd.log")
            lab.stop(recorder, signal.SIGKILL)
            running.append((began, killed - PROMISED_NS))
        recorder = lab.start_recorder()
        began = time.time_ns()
        time.sleep(2)
        lab.stop(traffic, signal.SIGKILL)
        time.sleep(0.5)
        ended = time.time_ns()
        assert lab.stop(recorder) == 0, lab.log("dashcapd.log")
        running.append((began, ended))
        # What is in tcpdump's ring comes out within libpcap's timeout of a second; at SIGINT the rest is dropped, uncounted.
        time.sleep(1.5)
        lab.stop(tcpdump, signal.SIGINT)
        assert "0 packets dropped by kernel" in lab.log("tcpdump.log"), "the comparison capture dropped packets"

        arrived = read_pcap(beside)
        output = lab.directory / "answer.pcap"
        lab.run(BIN / "dashcap", "query", "", "--archive", lab.directory / "archive", "-w", output)
        stored = read_pcap(output)
        assert len(stored) == len(set(stored)), "a packet is in the archive twice"
        invented = set(stored) - set(arrived)
        assert not invented, f"{len(invented)} packets in the archive never arrived"
        promised = [p for p in arrived if any(begin <= p.time_ns < end for begin, end in running)]
        assert len(promised) > 1000 * KILLS, f"only {len(promised)} packets to judge by"
        lost = set(promised) - set(stored)
        assert not lost, (f"{len(lost)} of {len(promised)} packets are gone, the first from "
                          f"{min(p.time_ns for p in lost)}; recorders ran in {running}")
        print(f"{KILLS} kills: all of the {len(promised)} packets that were promised are there, {len(stored)} in all")
        left = [path.name for path in (lab.directory / "archive").glob("*/.[0-9]*")]
        assert not left, f"hidden files are left: {left}"
        verify = lab.run(BIN / "dashcap", "verify", "--archive", lab.directory / "archive", check=False)
        assert verify.returncode == 0, verify.stdout + verify.stderr


if __name__ == "__main__":
    main()
