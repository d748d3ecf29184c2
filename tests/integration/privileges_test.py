"""The daemons when they are at work: no privilege but the one to open an interface again, no way back, and nothing in reach but
their own files. Recording, rotating, opening again, retention and answering go on, and no call that they make is refused."""

import os
import re
import subprocess
from pathlib import Path

from lab import BIN, Lab, read_pcap, require, wait_until

CAP_NET_RAW = 1 << 13
NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
WITH_NET_RAW = (*AS_NOBODY, "--inh-caps=+net_raw", "--ambient-caps=+net_raw")
REFUSED = "refused system call"


def threads_of(process):
    """What /proc says about each thread of a process: {field: value}."""
    threads = []
    for status in Path(f"/proc/{process.pid}/task").glob("*/status"):
        threads.append(dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line))
    return threads


def check_threads(process, capabilities, uid, started_as_root):
    threads = threads_of(process)
    for thread in threads:
        label = f"{process.args[0]} {thread['Name']}"
        for field in ("CapEff", "CapPrm"):
            assert int(thread[field], 16) == capabilities, (label, field, thread[field])
        for field in ("CapInh", "CapAmb"):
            assert int(thread[field], 16) == 0, (label, field, thread[field])
        if started_as_root:
            assert int(thread["CapBnd"], 16) == 0, (label, thread["CapBnd"])
        assert thread["NoNewPrivs"] == "1" and thread["Seccomp"] == "2", (label, thread["NoNewPrivs"], thread["Seccomp"])
        assert thread["Uid"].split() == [str(uid)] * 4, (label, thread["Uid"])
    return {thread["Name"] for thread in threads}


def start(lab, program, *before):
    return lab.start(*before, BIN / program, "--config", lab.directory / "dashcap.json", log=program + ".log")


def send(lab, packets):
    lab.run(*lab.inside(BIN / "traffic", "v0", "--flows", 100, "--bytes", 1000, "--rate", 5000, "--packets", packets))


def clear(lab):
    # A service that gave up root can't remove its socket from root's directory; the next one does.
    left = [lab.directory / name for name in ("archive", "run", "query.sock")]
    lab.run("rm", "-rf", *left, *lab.directory.glob("*.log"))


def own(lab, uid):
    for name in ("archive", "run"):
        os.chown(lab.directory / name, uid, uid)
    os.chown(lab.directory, uid, uid)  # where the socket of the query service is made


def works(lab, label, source, uid, before=(), **settings):
    """A recorder's life, confined."""
    clear(lab)
    lab.write_config(archive={"max_bytes": "4M", "file_age": "1s"}, capture={"source": source})
    config = lab.directory / "dashcap.json"
    if settings:
        text = config.read_text()
        config.write_text(text.replace('{"archive"', '{"user": "nobody", "archive"').replace('"query": {', '"query": {"user": "nobody", '))
    own(lab, uid if before else 0)
    recorder = start(lab, "dashcapd", *before)
    wait_until(lambda: (lab.directory / "run/status.json").exists() or recorder.poll(), "dashcapd to record")
    assert recorder.poll() is None, lab.log("dashcapd.log")
    service = start(lab, "dashcap-queryd", *(AS_NOBODY if before else ()))
    wait_until(lambda: "running as" in lab.log("dashcap-queryd.log") or service.poll(), "dashcap-queryd to be confined")
    assert service.poll() is None, lab.log("dashcap-queryd.log")
    started = {"lane", "indexer", "tables", "retention"}
    wait_until(lambda: started <= check_threads(recorder, CAP_NET_RAW, uid, not before), "the threads to be named")
    check_threads(service, 0, uid, not before)

    def lane():
        return lab.status()["lanes"][0]

    send(lab, 3000)
    wait_until(lambda: lane()["stored"] >= 3000, "the first packets")
    replaced = lab.directory / "replaced.json"
    replaced.write_text(config.read_text())
    replaced.chmod(0o644)
    replaced.rename(config)
    recorder.send_signal(1)
    wait_until(lambda: "reading" in lab.log("dashcapd.log"), "the settings to be read again")
    wait_until(lambda: list((lab.directory / "archive").glob("*/[0-9]*.index")), "an index")
    lab.run("ip", "-n", lab.namespace, "link", "del", "v1")
    wait_until(lambda: "waiting for it" in lab.log("dashcapd.log"), "the loss of the interface")
    lab.run("ip", "-n", lab.namespace, "link", "add", "v0", "mtu", "65535", "type", "veth", "peer", "name", "v1", "mtu", "65535")
    for link in ("v0", "v1"):
        lab.run("ip", "-n", lab.namespace, "link", "set", link, "up")
    wait_until(lambda: "recording again" in lab.log("dashcapd.log"), "the interface to be opened again")
    send(lab, 4000)
    wait_until(lambda: lane()["stored"] >= 7000, "the packets after that")
    wait_until(lambda: lab.status()["archives"][0]["files_removed"] > 0, "retention")
    assert wait_until(lab.packets, "an answer")
    check_threads(service, 0, uid, not before)
    assert lab.stop(recorder) == 0, lab.log("dashcapd.log")
    assert len(lab.packets()) > 0
    assert lab.stop(service) == 0, lab.log("dashcap-queryd.log")
    for log in ("dashcapd.log", "dashcap-queryd.log"):
        text = lab.log(log)
        assert "goes on as before" not in text and REFUSED not in text and "Landlock" in text and "seccomp" in text, f"{label}: {text}"
    owners = {path.stat().st_uid for path in (lab.directory / "archive").glob("*/*")}
    assert owners == {uid}, owners
    print(label, "works:", lane()["stored"], "packets")


def intruder(lab):
    """What somebody who runs code in a daemon can do."""
    clear(lab)
    foreign = lab.directory / "foreign"
    foreign.mkdir()
    foreign.chmod(0o777)
    lab.write_config()
    own(lab, 0)
    sanitizers = {name: os.environ.get(name, "") + ":verify_asan_link_order=0" for name in ("ASAN_OPTIONS",)}
    environment = ("env", f"LD_PRELOAD={BIN.parent}/preload/intruder.so", f"INTRUDER_ARCHIVE={lab.directory}/archive",
                   f"INTRUDER_FOREIGN={foreign}", *(f"{name}={value}" for name, value in sanitizers.items()))
    recorder = start(lab, "dashcapd", *environment)
    service = start(lab, "dashcap-queryd", *environment)
    wait_until(lambda: (lab.directory / "query.sock").exists(), "dashcap-queryd to listen")
    wait_until(lambda: "intruder: done" in lab.log("dashcapd.log"), "the intruder in the recorder")
    lab.run("curl", "-sS", "--unix-socket", lab.directory / "query.sock", "http://dashcap/healthz")
    wait_until(lambda: "intruder: done" in lab.log("dashcap-queryd.log"), "the intruder in the service")
    everywhere = {
        "read a foreign file": "EACCES",
        "list a foreign directory": "EACCES",
        "write a foreign file": "EACCES",
        "list the archive": "succeeded",
        "link into the archive": "EPERM",
        "connect by TCP": "EPERM",
        "signal another process": "EPERM",
        "trace a process": "EPERM",
        "become root": "EPERM",
        "make code": "EPERM",
        "change an owner": "EPERM",
        "start a process": "EPERM",
        "done": "succeeded",
    }
    of_each = {
        "dashcapd.log": {"write into the archive": "succeeded", "capture": "succeeded"},
        "dashcap-queryd.log": {"write into the archive": "EACCES", "capture": "EPERM"},
    }
    for log, special in of_each.items():
        text = lab.log(log)
        got = dict(re.findall(r"^intruder: (.*): (\w+)$", text, re.MULTILINE))
        assert got == {**everywhere, **special}, f"{log}: {got}"
        if b"__tsan_init" in (BIN / "dashcapd").read_bytes():
            continue  # signals come too late there to tell
        assert f"sandbox: {REFUSED} kill\n" in text and f"sandbox: {REFUSED} symlink" in text, text
        assert text.count(f"{REFUSED} socket\n") == 1, text
    send(lab, 1000)
    wait_until(lambda: lab.status()["lanes"][0]["stored"] >= 1000, "recording to go on")
    wait_until(lambda: len(lab.packets()) >= 1000, "answering to go on")
    assert lab.stop(recorder) == 0 and lab.stop(service) == 0
    print("an intruder is held in both daemons")


def refused_archives(lab):
    """Root gives away what dashcap made, and nothing else."""
    clear(lab)
    lab.write_config()
    config = lab.directory / "dashcap.json"
    text = config.read_text()
    archive = lab.directory / "archive"
    precious = lab.directory / "precious"
    precious.write_text("root's")
    lane = archive / "v1"
    lane.mkdir()
    (lane / ".lock").touch()
    (lane / "link").symlink_to(precious)
    os.link(precious, lane / "hard")

    def run(user):
        config.write_text(text.replace('{"archive"', f'{{"user": "{user}", "archive"'))
        done = subprocess.run([str(word) for word in lab.inside("timeout", "-s", "TERM", "2", BIN / "dashcapd", "--config", config)],
                              capture_output=True, check=False)
        return done.returncode, done.stderr.decode(errors="replace")

    code, message = run("nobody")
    assert code in (0, 124), message
    owners = {path: path.stat().st_uid for path in (archive, lane, lane / ".lock", precious)}
    assert owners == {archive: NOBODY, lane: NOBODY, lane / ".lock": NOBODY, precious: 0}, owners

    code, message = run("dashcap-nobody-at-all")
    assert code == 1 and "user dashcap-nobody-at-all: there is no such user" in message, message

    own(lab, 0)
    (archive / "thesis.tex").touch()
    code, message = run("nobody")
    assert code == 1 and f"archive: not given to user nobody, because it also holds thesis.tex" in message, message
    assert archive.stat().st_uid == 0
    print("root gives away what dashcap made, and nothing else")


def main():
    require("ip", "curl", "setpriv", root=True)
    with Lab() as lab:
        works(lab, "root", "af_packet", 0)
        works(lab, "root with libpcap", "pcap", 0)
        works(lab, "root who becomes nobody", "af_packet", NOBODY, user=True)
        works(lab, "nobody with CAP_NET_RAW", "af_packet", NOBODY, before=WITH_NET_RAW)
        works(lab, "nobody with CAP_NET_RAW and libpcap", "pcap", NOBODY, before=WITH_NET_RAW)
        intruder(lab)
        refused_archives(lab)


if __name__ == "__main__":
    main()
