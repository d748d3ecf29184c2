"""Every example in README.md and docs/ does what the page shows.

Code blocks marked `console` are sessions: lines with `$ ` are run by bash in the order of the page, and what they print,
standard error too, is what stands below. `…` stands for anything within a line, a line of it alone for any number of
lines, `..` for any byte of a hex dump; `[exit N]` is the status of a command that fails. The sessions of a page share a
directory with sample.pcap and dashcap.json. What the pages call /run/dashcap, /var/lib/dashcap and 127.0.0.1:1235 are
the test's own directories and port; the archive holds the sample, the query service runs.

Blocks marked `query` hold queries, one a line: `TEXT => TREE` as explain prints it, or `TEXT =! ERROR`. Tables that begin with
"expression" compare how many packets of the sample dashcap and tcpdump find.
"""

import hashlib
import os
import re
import shutil
import socket
import subprocess

from pages import SOURCE, blocks, pages, rows, write_sample
from lab import BIN, Lab, require

NAMES = ("/run/dashcap", "/var/lib/dashcap", "127.0.0.1:1235")
TOKEN = "secret"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Page:
    def __init__(self, lab, path, port):
        self.lab = lab
        self.ours = (str(lab.directory / "run"), str(lab.directory / "archive"), f"127.0.0.1:{port}")
        self.name = str(path.relative_to(SOURCE))
        self.path = path
        self.directory = lab.directory / "pages" / self.name.replace("/", "-")
        self.directory.mkdir(parents=True)
        write_sample(self.directory / "sample.pcap")
        shutil.copy(SOURCE / "config/dashcap.json", self.directory)

    def run(self, command):
        for name, ours in zip(NAMES, self.ours):
            command = command.replace(name, ours)
        environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(["bash", "-c", command], cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=120, check=False, env=environment)
        output = done.stdout.decode(errors="replace")
        for name, ours in zip(NAMES, self.ours):
            output = output.replace(ours, name)
        lines = output.splitlines()
        return lines + ([f"[exit {done.returncode}]"] if done.returncode else [])


def pattern(lines):
    parts = []
    for line in lines:
        if line == "…":
            parts.append(r"(?:.*\n)*?")
            continue
        text = re.escape(line.rstrip()).replace("…", ".*").replace(re.escape(".."), "(?:[0-9a-f]{2}|\\.\\.)")
        parts.append(text + r"[ ]*\n")
    return re.compile("".join(parts))


def sessions(block):
    """The commands of a block with the lines that each prints."""
    found = []
    for line in block.lines:
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (found[-1][0][:-1] + line.strip(), found[-1][1])
        else:
            assert found, f"output before the first command: {line}"
            found[-1][1].append(line)
    return found


def check_sessions(page, failures):
    count = 0
    for block in blocks(page.path, "console"):
        for command, expected in sessions(block):
            count += 1
            got = page.run(command)
            if not pattern(expected).fullmatch("".join(line + "\n" for line in got)):
                failures.append(f"{page.name}:{block.line}: $ {command}\n--- the page says\n" + "\n".join(expected) +
                                "\n--- it prints\n" + "\n".join(got))
    return count


def explained(page, query):
    empty = page.directory / "empty"
    empty.mkdir(exist_ok=True)
    done = subprocess.run([BIN / "dashcap", "explain", query, "--archive", empty], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return "=> " + re.match(r"query: (.*)\n", done.stdout).group(1)
    return "=! " + done.stderr.splitlines()[-1].removeprefix("dashcap: ")


def check_queries(page, failures):
    count = 0
    for block in blocks(page.path, "query"):
        for number, line in enumerate(block.lines, block.line):
            if not line.strip():
                continue
            count += 1
            found = re.fullmatch(r"(.*?)\s*(=[>!].*)", line)
            assert found, f"{page.name}:{number}: neither => nor =!"
            query, expected = found.groups()
            got = explained(page, query)
            if got != expected:
                failures.append(f"{page.name}:{number}: {query}\n--- the page says\n{expected}\n--- it prints\n{got}")
            elif got.startswith("=> ") and (again := explained(page, got[3:])) != got:
                failures.append(f"{page.name}:{number}: {got[3:]} is read as {again}")
    return count


def check_comparisons(page, failures):
    comparisons = rows(page.path, "expression")
    for cell, *expected in comparisons:
        query = cell.strip("`")
        found = page.run(f"dashcap count '{query}' --archive /var/lib/dashcap | jq .packets")
        found += page.run(f"tcpdump -r sample.pcap '{query}' 2> /dev/null | wc -l")
        if found != expected:
            failures.append(f"{page.name}: {query}: the page says {expected}, dashcap and tcpdump say {found}")
    return len(comparisons)


def check_endpoints(page, failures):
    """The table of endpoints is what the service itself lists, and each answers."""
    endpoints = {cells[0].strip("`"): cells[1].split(", ") for cells in rows(page.path, "endpoint")}
    if not endpoints:
        return 0
    curl = "curl -sS --unix-socket /run/dashcap/query.sock -o /dev/null -w '%{http_code}' "
    for path, methods in endpoints.items():
        for method in ("GET", "POST"):
            got = page.run(f"{curl} -X {method} http://dashcap{path}")
            if got != ["200" if method in methods else "405"]:
                failures.append(f"{page.name}: {method} {path}: {got}")
    listed = page.run("curl -sS --unix-socket /run/dashcap/query.sock http://dashcap/nowhere | jq -r .error.message")
    if set(re.findall(r"/[a-z][a-z0-9/]*", listed[0].partition("there are ")[2])) != set(endpoints):
        failures.append(f"{page.name}: the table has {sorted(endpoints)}, the service says {listed}")
    return len(endpoints)


def check_links(page, failures):
    count = 0
    text = re.sub(r"```.*?```", "", page.path.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not re.match(r"[a-z]+:", target):
            count += 1
            if not (page.path.parent / target).exists():
                failures.append(f"{page.name}: link to {target}, which is not there")
    return count


def main():
    require("curl", "jq", "tcpdump")
    with Lab(network=False) as lab:
        port = free_port()
        lab.write_config(query={
            "listen": [f"unix:{lab.directory}/query.sock", f"unix:{lab.directory}/run/query.sock", f"tcp:127.0.0.1:{port}"],
            "tokens": [{"name": "examples", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}],
        })
        write_sample(lab.directory / "sample.pcap")
        lab.run(BIN / "dashcap", "import", "--archive", lab.directory / "archive", lab.directory / "sample.pcap")
        lab.start_query_service()
        failures = []
        checks = (check_sessions, check_queries, check_comparisons, check_endpoints, check_links)
        counts = [0] * len(checks)
        for path in pages():
            page = Page(lab, path, port)
            for i, check in enumerate(checks):
                counts[i] += check(page, failures)
        print(f"{counts[0]} commands, {counts[1]} queries, {counts[2]} comparisons, {counts[3]} endpoints, {counts[4]} links")
        assert all(counts), "a kind of example was not found at all"
        assert not failures, f"{len(failures)} examples differ:\n\n" + "\n\n".join(failures)


if __name__ == "__main__":
    main()
