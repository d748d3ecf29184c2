"""Real faults of disk and system while recording. Each time: the recorder lives, goes on by itself as soon as it can, what was
stored stays, every packet is accounted for, and the reason is said once.

    faults_test.py [SCENARIO…]      all by default
"""

import errno
import fcntl
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import time

from lab import BIN, Lab, read_pcap, require, wait_until

RATE = 4000
BYTES = 1400
EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), fs/ext4/ext4.h; XFS takes the same
SHUTDOWN_NOLOGFLUSH = 2


class Recording:
    """A recorder under traffic, with the archive where it is told to be."""

    def __init__(self, lab, sandbox=True, **settings):
        self.lab = lab
        archive = {"file_bytes": "8M", "file_age": "2s", **settings.pop("archive", {})}
        path = lab.write_config(archive=archive, **settings)
        # Landlock holds for the directory that was there at the start: another one in its place is out of reach.
        path.write_text(json.dumps({**json.loads(path.read_text()), "sandbox": sandbox}))
        self.archive = lab.directory / "archive"
        self.recorder = lab.start_recorder()
        self.traffic = None
        self.send()
        self.expect_progress("the recording to begin")

    def send(self):
        self.traffic = self.lab.start(BIN / "traffic", "v0", "--flows", 100, "--bytes", BYTES, "--rate", RATE, "--packets", 10**9,
                                      log="traffic.log")

    def lane(self):
        return self.lab.status()["lanes"][0]

    def lost(self, reason):
        return self.lane()["lost_by_reason"][reason]

    def expect_progress(self, what, seconds=30):
        stored = self.lane()["stored"]
        wait_until(lambda: self.lane()["stored"] > stored + RATE, what, seconds)
        assert self.recorder.poll() is None, "dashcapd ended: " + self.lab.log("dashcapd.log")

    def told(self, text):
        return len(re.findall(text, self.lab.log("dashcapd.log")))

    def finish(self):
        """Stops traffic, then the recorder. Every packet that came in must be stored or have a reason, and what is said to be
        stored must be there, unless retention took it."""
        self.lab.stop(self.traffic)
        time.sleep(1)
        removed = self.lab.status()["archives"][0]["files_removed"]
        assert self.lab.stop(self.recorder) == 0, self.lab.log("dashcapd.log")
        lane = self.lane()
        if lane["lost"] > 0 and removed == 0:
            gaps = json.loads(self.lab.run(BIN / "dashcap", "gaps", "--json", "--archive", self.archive).stdout)["gaps"]
            told = sum(gap["packets"] for gap in gaps if gap["reason"] == "not_stored")
            assert told == lane["lost"], (told, lane)
        accounted = lane["stored"] + lane["dropped_kernel"] + lane["filtered"] + lane["lost"]
        assert lane["received"] == accounted, f"received {lane['received']}, accounted for {accounted}: {lane}"
        assert lane["lost"] == sum(lane["lost_by_reason"].values())
        # Not what count says: it takes figures from the index.
        answer = self.lab.directory / "answer.pcap"
        self.lab.run(BIN / "dashcap", "query", "", "--archive", self.archive, "-w", answer)
        packets = len(read_pcap(answer))
        answer.unlink()
        count = json.loads(self.lab.run(BIN / "dashcap", "count", "", "--archive", self.archive).stdout)
        damage = [part for part in count["missing"].get("damage", []) if "was never written" not in part["reason"]]
        assert not damage, damage
        if removed == 0:
            assert packets == lane["stored"], f"{packets} in the archive, {lane}"
        verify = self.lab.run(BIN / "dashcap", "verify", "--archive", self.archive, check=False)
        assert verify.returncode == 0, verify.stdout + verify.stderr
        return lane


def full_disk(lab, kind):
    """Others fill the disk: the oldest files go. When there are none left, the recorder waits for room, and goes on when there is
    some."""
    lab.mount_image(kind, 320, lab.directory / "archive")
    recording = Recording(lab)
    filler = recording.archive / "filler"
    free = shutil.disk_usage(recording.archive).free
    # Somewhat less than the reserve (a twentieth) stays.
    lab.run("fallocate", "-l", free - (10 << 20), filler)
    for _ in range(3):
        recording.expect_progress("the recording to go on on a full disk")
    assert lab.status()["archives"][0]["files_removed"] > 0
    assert recording.lost("no_room") == 0, recording.lane()

    with open(recording.archive / "rest", "wb") as rest:
        def nothing_left():
            try:
                rest.write(bytes(1 << 20))
                rest.flush()
            except OSError:
                pass
            return recording.told("waiting for room") or recording.told("no space left")

        wait_until(nothing_left, "the disk to be full to the last byte", 60)
        time.sleep(2)
        assert recording.recorder.poll() is None, lab.log("dashcapd.log")
    filler.unlink()
    (recording.archive / "rest").unlink()
    recording.expect_progress("the recording to go on when there is room")
    assert recording.told("waiting for room") <= 2, lab.log("dashcapd.log")
    recording.finish()


def another_disk(lab, recording, kind):
    """Where the archive is, for the recorder, which has mounts of its own (ip netns exec), and for us."""
    of_recorder = ("nsenter", "-t", recording.recorder.pid, "-m")
    lab.run("umount", "-l", recording.archive)
    lab.run(*of_recorder, "umount", "-l", recording.archive)
    lab.mount_image(kind, 320, recording.archive, name="another")
    lab.run(*of_recorder, "mount", "-o", "loop", lab.directory / "another.img", recording.archive)


def io_errors(lab, kind):
    """The file system shuts down: every write is an I/O error. Another disk is mounted in its place and
    recorded to."""
    lab.mount_image(kind, 320, lab.directory / "archive")
    recording = Recording(lab, sandbox=False)
    time.sleep(3)
    files = json.loads(lab.run(BIN / "dashcap", "files", "--json", "--archive", recording.archive).stdout)["files"]
    published = sum(file["packets"] for file in files if file["state"] != "open")
    assert published > RATE
    directory = os.open(recording.archive, os.O_RDONLY)
    fcntl.ioctl(directory, EXT4_IOC_SHUTDOWN, struct.pack("I", SHUTDOWN_NOLOGFLUSH))
    os.close(directory)
    wait_until(lambda: recording.lost("no_file") + recording.lost("write_error") > RATE, "the losses to be counted")
    assert recording.recorder.poll() is None, lab.log("dashcapd.log")
    another_disk(lab, recording, kind)
    recording.expect_progress("the recording to go on")
    wait_until(lambda: recording.told("recording again"), "it to be said")
    assert recording.told("packets are lost until it works again") == 1, lab.log("dashcapd.log")
    lab.stop(recording.traffic)
    time.sleep(1)
    assert lab.stop(recording.recorder) == 0, lab.log("dashcapd.log")
    lane = recording.lane()
    assert lane["received"] == lane["stored"] + lane["dropped_kernel"] + lane["lost"], lane
    # What was published is on the first disk still. Of that a copy, because the kernel may not have let go of it yet.
    lab.run("cp", "--sparse=always", lab.directory / "disk.img", lab.directory / "copy.img")
    lab.mount_image(kind, 320, lab.directory / "first", name="copy")
    for archive, at_least in ((lab.directory / "first", published), (recording.archive, RATE)):
        count = json.loads(lab.run(BIN / "dashcap", "count", "", "--archive", archive).stdout)
        assert count["packets"] >= at_least, (count, at_least)
        verify = lab.run(BIN / "dashcap", "verify", "--archive", archive, check=False)
        assert verify.returncode == 0, verify.stdout + verify.stderr


def read_only(lab):
    """The file system turns read-only under the recorder, as ext4 does by itself after an error."""
    lab.mount_image("ext4", 320, lab.directory / "archive", "errors=remount-ro")
    recording = Recording(lab, sandbox=False)
    device = lab.run("findmnt", "-no", "SOURCE", recording.archive).stdout.decode().strip()
    with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w") as trigger:
        trigger.write("test")
    try:
        (recording.archive / "new").touch()
        raise AssertionError("the file system is not read-only")
    except OSError as error:
        assert error.errno == errno.EROFS, error
    wait_until(lambda: recording.lost("no_file") + recording.lost("write_error") > RATE, "the losses to be counted")
    assert recording.told("packets are lost until it works again") == 1, lab.log("dashcapd.log")
    another_disk(lab, recording, "ext4")
    recording.expect_progress("the recording to go on")
    lab.stop(recording.traffic)
    time.sleep(1)
    assert lab.stop(recording.recorder) == 0, lab.log("dashcapd.log")
    lane = recording.lane()
    assert lane["received"] == lane["stored"] + lane["dropped_kernel"] + lane["lost"], lane


def slow_disk(lab):
    """The disk stands still for three seconds: the ring and the blocks take what they can, and nothing else is lost."""
    lab.mount_image("ext4", 320, lab.directory / "archive")
    recording = Recording(lab, capture={"ring_bytes": "4M", "block_memory_bytes": "4M"})
    lab.run("fsfreeze", "-f", recording.archive)
    try:
        time.sleep(5)
    finally:
        lab.run("fsfreeze", "-u", recording.archive)
    recording.expect_progress("the recording to go on")
    lane = recording.finish()
    assert lane["dropped_kernel"] > 0, f"8 MB of memory held five seconds of {RATE * BYTES} bytes each: {lane}"
    assert lane["lost"] == 0, lane


def directory_removed(lab):
    """Somebody removes the lane's directory."""
    recording = Recording(lab)
    (lane_directory,) = recording.archive.iterdir()
    removed_and_made_again(lab, recording, lane_directory)
    assert lane_directory.is_dir()


def archive_removed(lab):
    """Somebody removes the whole archive."""
    recording = Recording(lab, sandbox=False)
    removed_and_made_again(lab, recording, recording.archive)


def removed_and_made_again(lab, recording, directory):
    # The recorder may make it again while we are at it.
    shutil.rmtree(directory, ignore_errors=True)
    wait_until(lambda: recording.lost("file_removed") > 0, "the loss to be counted")
    recording.expect_progress("the recording to go on")
    lab.stop(recording.traffic)
    time.sleep(1)
    # Files that were published before the removal are gone with it, and only the remover knows: the count is of the rest.
    lab.stop(recording.recorder)
    lane = recording.lane()
    assert lane["received"] == lane["stored"] + lane["dropped_kernel"] + lane["lost"], lane


def no_descriptors(lab):
    """Not one file more can be opened."""
    recording = Recording(lab)
    pid = recording.recorder.pid
    open_now = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
    lab.directory.joinpath("descriptors").write_text(f"{open_now} open, limit 3\n")
    # The status file can't be written either, so the log has to tell.
    wait_until(lambda: recording.told("too many open files.*packets are lost until it works again"), "the loss to be told of")
    time.sleep(2)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (1024, hard))
    wait_until(lambda: recording.told("recording again") == 1, "the recording to go on")
    recording.expect_progress("the recording to go on")
    assert recording.told("packets are lost until it works again") == 1, lab.log("dashcapd.log")
    lane = recording.finish()
    assert lane["lost_by_reason"]["no_file"] > 0, lane


def short_writes(lab):
    """Files may not grow beyond a limit: the write that reaches it is short, and its rest and the next fail."""
    recording = Recording(lab, archive={"file_bytes": "16M", "file_age": "10m"})
    pid = recording.recorder.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, ((3 << 20) + 4096 * 7, hard))
    wait_until(lambda: recording.lost("write_error") > 2000, "the losses to be counted")
    for _ in range(2):
        recording.expect_progress("new files to be begun")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    recording.expect_progress("the recording to go on")
    lane = recording.finish()
    assert lane["lost_by_reason"]["write_error"] == lane["lost"], lane


def indexer_behind(lab):
    """A capture as fast as it can be read, into few blocks: the indexer can't keep up, and nothing waits for it."""
    capture = lab.directory / "many-flows.pcap"
    tcpdump = lab.start("tcpdump", "-i", "v1", "-n", "-B", "262144", "-w", capture, log="tcpdump.log")
    wait_until(lambda: "listening on" in lab.log("tcpdump.log"), "tcpdump to listen")
    lab.run(*lab.inside(BIN / "traffic", "v0", "--flows", 200000, "--bytes", 80, "--packets", 400000))
    time.sleep(1)
    lab.stop(tcpdump)
    (packets,) = re.findall(r"(\d+) packets captured", lab.log("tcpdump.log"))
    lab.write_config(archive={"file_bytes": "8M"}, capture={"block_memory_bytes": "4M"})
    lab.run(BIN / "dashcapd", "--config", lab.directory / "dashcap.json", "--read", capture)
    lane = lab.status()["lanes"][0]
    assert lane["files_indexed_late"] > 0, "the indexer kept up; this test needs it to fall behind"
    assert lane["stored"] == int(packets) and lane["lost"] == 0, lane
    files = json.loads(lab.run(BIN / "dashcap", "files", "--json", "--archive", lab.directory / "archive").stdout)["files"]
    assert {file["state"] for file in files} == {"indexed"}, files
    count = json.loads(lab.run(BIN / "dashcap", "count", "udp", "--archive", lab.directory / "archive").stdout)
    beside = lab.run("tcpdump", "-nr", capture, "--count", "udp").stdout.decode()
    assert count["packets"] == int(beside.split()[0]), (count, beside)


SCENARIOS = {
    "full-ext4": lambda lab: full_disk(lab, "ext4"),
    "full-xfs": lambda lab: full_disk(lab, "xfs"),
    "io-errors-ext4": lambda lab: io_errors(lab, "ext4"),
    "io-errors-xfs": lambda lab: io_errors(lab, "xfs"),
    "read-only": read_only,
    "slow-disk": slow_disk,
    "directory-removed": directory_removed,
    "archive-removed": archive_removed,
    "no-descriptors": no_descriptors,
    "short-writes": short_writes,
    "indexer-behind": indexer_behind,
}


def main():
    require("ip", "tcpdump", "mkfs.ext4", "mkfs.xfs", "fsfreeze", "findmnt", "fallocate", root=True)
    for name in sys.argv[1:] or SCENARIOS:
        print(name, flush=True)
        with Lab() as lab:
            try:
                SCENARIOS[name](lab)
            except BaseException:
                log = lab.directory / "dashcapd.log"
                print(log.read_text(errors="replace")[-4000:] if log.exists() else "no log", flush=True)
                raise


if __name__ == "__main__":
    main()
