"""What systemd is told: that a daemon is ready, that it lives as long as it gets on with its work, and that it stops. A thread that
hangs is one that a tracer stopped."""

import ctypes
import os
import socket
import time
from pathlib import Path

from lab import BIN, Lab, require, wait_until

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000
QUIET_SECONDS = 4


class Manager:
    """systemd's end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.heard = []

    def listen(self):
        while True:
            try:
                self.heard += self.socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return self.heard

    def forget(self):
        self.listen()
        self.heard = []

    def alive(self):
        return self.listen().count("WATCHDOG=1")


class Hanging:
    """One thread of a process, stopped while the `with` lasts."""

    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, process, name):
        names = {task.name: (task / "comm").read_text().strip() for task in Path(f"/proc/{process.pid}/task").iterdir()}
        self.thread = next(int(thread) for thread, found in names.items() if found == name)

    def trace(self, request):
        if self.libc.ptrace(request, self.thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self.trace(PTRACE_SEIZE)
        self.trace(PTRACE_INTERRUPT)
        os.waitpid(self.thread, WALL)

    def __exit__(self, *_):
        self.trace(PTRACE_DETACH)


def watch(lab, program, thread):
    manager = Manager(lab.directory / f"{program}.notify")
    process = lab.start("env", f"NOTIFY_SOCKET={lab.directory}/{program}.notify", BIN / program, "--config",
                        lab.directory / "dashcap.json", log=program + ".log")
    wait_until(lambda: "READY=1" in manager.listen(), "READY=1 of " + program)
    wait_until(lambda: manager.alive() >= 2, "signs of life of " + program)
    with Hanging(process, thread):
        time.sleep(2.5)  # what got round just before the thread was stopped
        manager.forget()
        time.sleep(QUIET_SECONDS)
        assert manager.alive() == 0, f"{program} claims to live while {thread} hangs: {manager.heard}"
    wait_until(lambda: manager.alive() >= 2, "signs of life after that")
    assert lab.stop(process) == 0, lab.log(program + ".log")
    assert "STOPPING=1" in manager.listen(), manager.heard
    print(program, "is heard while it works, and only then")


def full_disk(lab):
    """A recorder that waits for room on a full disk is not to be killed: it has packets that it can still store."""
    image, mount = lab.directory / "disk.img", lab.directory / "disk"
    mount.mkdir()
    lab.run("truncate", "-s", "24M", image)
    lab.run("mkfs.ext4", "-q", "-m", "0", image)
    lab.run("mount", "-o", "loop", image, mount)
    try:
        lab.write_config(archive={"directories": [str(mount)]}, capture={"block_memory_bytes": "4M"})
        manager = Manager(lab.directory / "full.notify")
        process = lab.start("env", f"NOTIFY_SOCKET={lab.directory}/full.notify", BIN / "dashcapd", "--config",
                            lab.directory / "dashcap.json", log="full.log")
        wait_until(lambda: "READY=1" in manager.listen(), "READY=1")
        filling = mount / "filling"
        with open(filling, "wb") as output:
            try:
                while True:
                    output.write(bytes(65536))
                    output.flush()
            except OSError:
                pass
        lab.run(*lab.inside(BIN / "traffic", "v0", "--flows", 100, "--bytes", 1400, "--rate", 20000, "--packets", 10000))
        wait_until(lambda: "waiting for room" in lab.log("full.log"), "the disk to be full")
        time.sleep(2.5)
        manager.forget()
        wait_until(lambda: manager.alive() >= 2, "signs of life on a full disk")
        filling.unlink()
        wait_until(lambda: "there is room again" in lab.log("full.log"), "room")
        assert lab.stop(process) == 0, lab.log("full.log")
        print("a recorder that waits for room is heard")
    finally:
        lab.run("umount", mount)


def main():
    require("ip", "mkfs.ext4", root=True)
    with Lab() as lab:
        lab.write_config()
        watch(lab, "dashcapd", "lane")
        watch(lab, "dashcap-queryd", "serving")
        full_disk(lab)


if __name__ == "__main__":
    main()
