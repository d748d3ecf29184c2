"""The units as an installation has them: systemd understands them, they give the daemons little, and users, directories and settings
are where they say."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
from lab import BIN, require  # noqa: E402

BUILD = BIN.parent
UNITS = {"dashcapd.service": "dashcapd.service", "dashcapd@.service": "dashcapd@lan.service",
         "dashcap-queryd.service": "dashcap-queryd.service"}
MOST_EXPOSURE = 20  # tenths


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: exit {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def installed(root):
    """{path below the root's prefix: file} of what `cmake --install` puts there."""
    run("cmake", "--install", BUILD, env={**os.environ, "DESTDIR": str(root)})
    cache = (BUILD / "CMakeCache.txt").read_text()
    prefix = root / re.search(r"^CMAKE_INSTALL_PREFIX:PATH=/(.*)$", cache, re.MULTILINE).group(1)
    return {str(path.relative_to(prefix)): path for path in prefix.rglob("*") if path.is_file()}


def check_units(files, directory):
    # Where the programs of this build are, so that systemd finds them.
    names = []
    for name, instance in UNITS.items():
        text = files["lib/systemd/system/" + name].read_text()
        assert "@CMAKE" not in text, name
        program = re.search(r"^ExecStart=(\S+)", text, re.MULTILINE).group(1)
        unit = directory / instance
        unit.write_text(text.replace(program, str(BIN / Path(program).name)))
        names.append(unit)
        assert "Type=notify" in text and "WatchdogSec=" in text, name
    output = run("systemd-analyze", "verify", *names)
    assert output == "", output
    for unit in names:
        output = run("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", unit)
        print(output.strip().splitlines()[-1])
    # Neither check takes just anything.
    broken = directory / "broken.service"
    broken.write_text("[Service]\nType=notify\nExecStart=/nonexistent/dashcapd\n")
    for command in (["verify"], ["security", "--offline=true", f"--threshold={MOST_EXPOSURE}"]):
        done = subprocess.run(["systemd-analyze", *command, str(broken)], capture_output=True, check=False)
        assert done.returncode != 0, f"{command} found nothing wrong with a unit that has nothing"


def check_users(files, root):
    (root / "etc").mkdir()
    run("systemd-sysusers", f"--root={root}", files["lib/sysusers.d/dashcap.conf"])
    users = dict(line.split(":")[0:3:2] for line in (root / "etc/passwd").read_text().splitlines())
    groups = {line.split(":")[0]: line.split(":")[3] for line in (root / "etc/group").read_text().splitlines()}
    assert {"dashcap", "dashcap-query"} <= set(users) and groups["dashcap"] == "dashcap-query", (users, groups)
    run("systemd-tmpfiles", "--create", f"--root={root}", files["lib/tmpfiles.d/dashcap.conf"])
    modes = {path: (root / path).stat() for path in ("run/dashcap", "var/lib/dashcap")}
    uid = int(users["dashcap"])
    got = {path: (oct(status.st_mode & 0o7705), status.st_uid) for path, status in modes.items()}
    assert got == {"run/dashcap": ("0o705", uid), "var/lib/dashcap": ("0o700", uid)}, got


def main():
    require("systemd-analyze", "systemd-sysusers", "systemd-tmpfiles", "cmake", root=True)
    directory = Path(tempfile.mkdtemp(prefix="dashcap-units-"))
    directory.chmod(0o755)
    try:
        files = installed(directory / "installed")
        wanted = {"bin/dashcapd", "bin/dashcap-queryd", "bin/dashcap", "etc/dashcap/dashcap.json", "lib/sysusers.d/dashcap.conf",
                  "lib/tmpfiles.d/dashcap.conf", *("lib/systemd/system/" + name for name in UNITS)}
        assert wanted <= set(files), sorted(files)
        for program in ("dashcapd", "dashcap-queryd"):
            run(files["bin/" + program], "--config", files["etc/dashcap/dashcap.json"], "--check")
        run(files["bin/dashcap"], "--version")
        settings = files["etc/dashcap/dashcap.json"]
        settings.write_text("{}")
        assert installed(directory / "installed").keys() == files.keys() and settings.read_text() == "{}", "settings were replaced"
        check_units(files, directory)
        (directory / "root").mkdir()
        check_users(files, directory / "root")
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
