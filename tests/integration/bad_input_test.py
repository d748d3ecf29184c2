"""What users get wrong, and what they are told: the message names the object and the cause, the status says whose fault it is."""

import json
import os
import socket
import subprocess

from lab import BIN, Lab, SOURCE, require

TOKEN = "let-me-in-please-0123456789"


class Table:
    def __init__(self):
        self.failures = []
        self.rows = 0

    def expect(self, label, got_code, want_code, text, *fragments):
        self.rows += 1
        missing = [fragment for fragment in fragments if fragment not in text]
        if got_code != want_code or missing:
            self.failures.append(f"{label}: exit or status {got_code}, wanted {want_code}; not in the text: {missing}; text: {text!r}")


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False, timeout=60, **options)
    return done.returncode, done.stderr.decode(errors="replace")


def daemons(lab, table):
    config = lab.write_config()
    lab.run("chmod", "-R", "a+rX", lab.directory)

    def dashcapd(*options, as_nobody=False):
        command = (BIN / "dashcapd", "--config", config, *options)
        if as_nobody:
            command = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command)
        return run(*lab.inside(*command))

    table.expect("unknown interface", *code_first(dashcapd("--interface", "eth99"), 1), "eth99", "no such")
    nobodys = lab.directory / "nobodys"
    nobodys.mkdir()
    os.chown(nobodys, 65534, 65534)
    table.expect("no permission to capture",
                 *code_first(dashcapd("--archive", nobodys, "--runtime-dir", nobodys, as_nobody=True), 1), "v1",
                 "not permitted", "CAP_NET_RAW")
    table.expect("archive not writable", *code_first(dashcapd("--runtime-dir", nobodys, as_nobody=True), 1),
                 str(lab.directory / "archive"), "permission denied")
    table.expect("archive missing", *code_first(dashcapd("--archive", lab.directory / "nowhere/below"), 1),
                 "nowhere", "no such file or directory")
    table.expect("capture file missing", *code_first(dashcapd("--read", lab.directory / "none.pcap"), 1), "none.pcap",
                 "no such file or directory")
    table.expect("config missing", *code_first(run(BIN / "dashcapd", "--config", "/nonexistent/dashcap.json"), 1),
                 "/nonexistent/dashcap.json", "no such file or directory")
    table.expect("unknown option", *code_first(run(BIN / "dashcapd", "--confg", "x"), 2), "--confg")
    empty = lab.directory / "empty.pcap"
    empty.write_bytes(b"")
    table.expect("empty capture", *code_first(dashcapd("--read", empty), 1), "empty.pcap", "empty")


def code_first(result, wanted):
    return result[0], wanted, result[1]


def command_line(lab, table):
    archive = lab.directory / "archive"
    table_rows = [
        ("malformed query", ("query", "host 1.2.3.4 prot 80", "--archive", archive), 2, ("prot", "port", "column")),
        ("junk after a query", ("count", "port 80xyz", "--archive", archive), 2, ("80xyz",)),
        ("reversed time range", ("query", "tcp", "--archive", archive, "--from", "2026-01-02", "--to", "2026-01-01"), 2, ("2026-01-0",)),
        ("bad duration", ("query", "tcp", "--archive", archive, "--last", "5 parsecs"), 2, ("5 parsecs",)),
        ("unknown format", ("query", "tcp", "--archive", archive, "--format", "erf"), 2, ("erf",)),
        ("archive missing", ("query", "tcp", "--archive", lab.directory / "nowhere", "-w", "-"), 1, ("nowhere", "no such file or directory")),
        ("import of a missing file", ("import", "--archive", archive, lab.directory / "none.pcap"), 1,
         ("none.pcap", "no such file or directory")),
        ("import of an empty file", ("import", "--archive", archive, "/dev/null"), 1, ("/dev/null", "empty")),
        ("import of something else", ("import", "--archive", archive, SOURCE / "README.md"), 1, ("README.md",)),
        ("no subcommand", (), 2, ()),
        ("unknown subcommand", ("qery", "tcp"), 2, ("qery",)),
    ]
    for label, arguments, code, fragments in table_rows:
        table.expect(label, *code_first(run(BIN / "dashcap", *arguments), code), *fragments)


def full_disk(lab, table):
    """An import into a file system that is too small: it says so, and what was stored before the disk was full is sound."""
    image, mount = lab.directory / "disk.img", lab.directory / "disk"
    mount.mkdir()
    lab.run("truncate", "-s", "24M", image)
    lab.run("mkfs.ext4", "-q", image)
    lab.run("mount", "-o", "loop", image, mount)
    try:
        capture = lab.directory / "large.pcap"
        frame = bytes.fromhex("020000000001" "020000000002" "88b5") + bytes(1400)
        record = (1_700_000_000).to_bytes(4, "little") + bytes(4) + len(frame).to_bytes(4, "little") * 2 + frame
        header = bytes.fromhex("d4c3b2a1" "02000400" "00000000" "00000000" "00000400" "01000000")
        capture.write_bytes(header + record * 30_000)
        table.expect("full disk", *code_first(run(BIN / "dashcap", "import", "--archive", mount, capture), 1), "no space left on device")
        table.expect("what was stored is sound", *code_first(run(BIN / "dashcap", "verify", "--archive", mount), 0))
    finally:
        lab.run("umount", mount)


def service(lab, table):
    digest = lab.run("sha256sum", input=TOKEN.encode()).stdout.split()[0].decode()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lab.write_config(query={"listen": [f"unix:{lab.directory}/query.sock", f"tcp:127.0.0.1:{port}"],
                            "tokens": [{"name": "test", "sha256": digest}]})
    lab.network = False  # this service listens on the loopback of the test itself
    process = lab.start_query_service()

    def curl(*options):
        done = lab.run("curl", "-sS", "-w", "\n%{http_code}", *options)
        text, code = done.stdout.decode(errors="replace").rsplit("\n", 1)
        return int(code), text

    unix = ("--unix-socket", lab.directory / "query.sock")
    tcp = f"http://127.0.0.1:{port}/api/v1/count?q=tcp"

    def api(path):
        return curl(*unix, "http://dashcap/api/v1/" + path)

    table.expect("malformed query", *code_first(api("count?q=host+1.2.3.4+prot+80"), 400), '"column"', "prot", "port")
    table.expect("reversed range", *code_first(api("packets?q=tcp&from=2026-01-02&to=2026-01-01"), 400), "from", "to")
    table.expect("unknown parameter", *code_first(api("packets?q=tcp&lst=5m"), 400), "lst", "last")
    table.expect("bad percent-encoding", *code_first(api("packets?q=%zz"), 400), "%zz")
    table.expect("unknown format", *code_first(api("packets?q=tcp&format=erf"), 400), "erf", "pcapng")
    table.expect("unknown path", *code_first(api("pakets?q=tcp"), 404), "pakets")
    table.expect("wrong method", *code_first(curl(*unix, "-X", "DELETE", "http://dashcap/api/v1/packets"), 405), "GET")
    table.expect("no token", *code_first(curl(tcp), 401), "error")
    table.expect("wrong token", *code_first(curl("-H", "Authorization: Bearer " + TOKEN[:-1] + "8", tcp), 401), "error")
    table.expect("token of wrong scheme", *code_first(curl("-H", "Authorization: Basic " + TOKEN, tcp), 401), "error")
    table.expect("right token", *code_first(curl("-H", "Authorization: Bearer " + TOKEN, tcp), 200), "packets")
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(lab.directory / "query.sock"))
        raw.settimeout(10)
        raw.sendall(b"GIVE ME PACKETS\r\n\r\n")
        reply = raw.recv(65536).decode(errors="replace")
    table.expect("malformed request", int(reply.split(" ")[1]), 400, reply, "error")
    answer = json.loads(api("count?q=host+1.2.3.4+prot+80")[1])
    assert answer["error"]["column"] == 14, answer
    assert lab.stop(process) == 0


def main():
    require("curl", "ip", "setpriv", "sha256sum", "mkfs.ext4", root=True)
    table = Table()
    with Lab() as lab:
        daemons(lab, table)
        command_line(lab, table)
        full_disk(lab, table)
    with Lab(network=False) as lab:
        service(lab, table)
    print(table.rows, "rows")
    assert not table.failures, "\n" + "\n".join(table.failures)


if __name__ == "__main__":
    main()
