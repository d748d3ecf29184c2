#!/usr/bin/env python3
"""Measures again and puts the figures into docs/benchmarks.md, between the lines that name the command that makes them.

  tests/bench/refresh_page.py [PART…]      PART: run, vs-peers, vs-stenographer; without one, all. Needs root.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
PAGE = SOURCE / "docs/benchmarks.md"
FIGURES = re.compile(r"(<!-- figures: tests/bench/(\S+)\.sh -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def machine():
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", text)[1]
    memory = int(re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())[1]) / (1 << 20)
    return (f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB of memory, Linux {os.uname().release}; "
            f"load average at the start {os.getloadavg()[0]:.1f}.")


def main():
    wanted = sys.argv[1:]
    for command in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release"]):
        subprocess.run(command, check=True, cwd=SOURCE, stdout=subprocess.DEVNULL)

    def measured(match):
        head, name, tail = match.groups()
        if wanted and name not in wanted:
            return match[0]
        where = machine()
        script = SOURCE / f"tests/bench/{name}.sh"
        output = subprocess.run([script], check=True, stdout=subprocess.PIPE, text=True).stdout
        return f"{head}\n{where}\n\n{output.strip()}\n\n{tail}"

    PAGE.write_text(FIGURES.sub(measured, PAGE.read_text()))


if __name__ == "__main__":
    main()
