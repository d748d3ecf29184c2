"""What is missing is told of: a clean stop, kill -9 on an idle link, an interface that is down, and drops, each with its time.

The times come from this script's own clock, the drops from sending more than the recorder can take while it is stopped.
"""

import json
import os
import signal
import time
from datetime import datetime, timezone

from lab import BIN, Lab, require, wait_until

SECOND = 10**9


def unix_ns(text):
    """Nanoseconds of a time as dashcap prints it; None stays None."""
    if text is None:
        return None
    whole, fraction = text.rstrip("Z").split(".")
    moment = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return int(moment.timestamp()) * SECOND + int(fraction.ljust(9, "0"))


def gaps(lab, *options):
    output = lab.run(BIN / "dashcap", "gaps", "--archive", lab.directory / "archive", "--json", *options).stdout
    found = json.loads(output)["gaps"]
    for gap in found:
        gap["begin"], gap["end"] = unix_ns(gap["begin"]), unix_ns(gap["end"])
    return found


def of(found, reason):
    return [gap for gap in found if gap["reason"] == reason]


def near(measured, expected, seconds):
    assert abs(measured - expected) < seconds * SECOND, f"{(measured - expected) / SECOND:.3f} s off, expected {seconds} at most"


def send(lab, packets, *options):
    output = lab.run(*lab.inside(BIN / "traffic", "v0", "--flows", 10, "--bytes", 300, "--packets", packets, *options)).stdout
    assert json.loads(output)["packets"] == packets


def clean_stop(lab):
    recorder = lab.start_recorder()
    send(lab, 100)
    time.sleep(1)
    assert lab.stop(recorder) == 0
    stopped = time.time_ns()
    (lasting,) = gaps(lab, "--last", "1h")
    assert lasting["reason"] == "recorder_stopped" and lasting["end"] is None, lasting
    near(lasting["begin"], stopped, 1)
    assert gaps(lab) == [], "what lasts is not missing from a range without bounds"
    time.sleep(1)
    began = time.time_ns()
    recorder = lab.start_recorder()
    wait_until(lambda: gaps(lab), "the gap to be closed")
    (stop,) = gaps(lab, "--last", "1h")
    assert stop["reason"] == "recorder_stopped", stop
    near(stop["begin"], stopped, 1)
    near(stop["end"], began, 1)
    return recorder


def kill_on_an_idle_link(lab, recorder):
    send(lab, 10)
    time.sleep(4)  # nothing comes any more: only the heartbeat tells that the recorder lives
    killed = time.time_ns()
    lab.stop(recorder, signal.SIGKILL)
    wait_until(lambda: of(gaps(lab, "--last", "1h"), "recorder_killed"), "the silence to be noticed")
    (lasting,) = of(gaps(lab, "--last", "1h"), "recorder_killed")
    assert lasting["end"] is None
    near(lasting["begin"], killed, 2)
    assert lasting["begin"] < killed
    began = time.time_ns()
    recorder = lab.start_recorder()
    kill = wait_until(lambda: of(gaps(lab), "recorder_killed"), "the gap to be closed")[0]
    near(kill["begin"], killed, 2)
    near(kill["end"], began, 1)
    assert kill["begin"] < killed < kill["end"]
    return recorder


def drops(lab, recorder):
    """The recorder stands still while more comes in than its ring of 2 MB holds."""
    before = lab.status()["lanes"][0]
    began = time.time_ns()
    recorder.send_signal(signal.SIGSTOP)
    send(lab, 30000)
    recorder.send_signal(signal.SIGCONT)
    wait_until(lambda: lab.status()["lanes"][0]["received"] == before["received"] + 30000, "the counters")
    ended = time.time_ns()
    dropped = lab.status()["lanes"][0]["dropped_kernel"] - before["dropped_kernel"]
    assert dropped > 10000, f"only {dropped} packets were dropped"
    found = wait_until(lambda: of(gaps(lab), "kernel_drops"), "the drops to be written down")
    assert len(found) == 1 and found[0]["packets"] == dropped and found[0]["interface"] == "v1", (found, dropped)
    near(found[0]["begin"], began, 1)
    assert found[0]["begin"] < ended and found[0]["end"] <= ended + SECOND
    return dropped


def check_answers(lab, dropped):
    """The same in every answer whose time range overlaps."""
    served = json.loads(lab.fetch("", endpoint="gaps"))["gaps"]
    assert [gap["reason"] for gap in served] == [gap["reason"] for gap in gaps(lab)], served
    assert lab.fetch("", endpoint="gaps", last="0s") in (b'{\n  "gaps": []\n}\n',), "nothing is missing just now"
    count = json.loads(lab.fetch("", endpoint="count"))
    assert not count["complete"]
    reasons = {gap["reason"] for gap in count["missing"]["gaps"]}
    assert {"recorder_stopped", "recorder_killed", "kernel_drops"} <= reasons, count["missing"]
    answer = lab.directory / "answer.pcapng"
    answer.write_bytes(lab.fetch("", format="pcapng"))
    text = lab.run("strings", answer).stdout.decode()
    assert f"{dropped} packets dropped by the kernel on v1" in text, text
    headers = lab.run("curl", "-sS", "-D", "-", "-o", "/dev/null", "--unix-socket", lab.directory / "query.sock",
                      "http://dashcap/api/v1/packets").stdout.decode()
    assert "Dashcap-Complete: false" in headers and f"{dropped} packets dropped by the kernel" in headers, headers
    summary = json.loads(lab.fetch("", format="json", limit_packets=1).splitlines()[-1])["summary"]
    assert {gap["reason"] for gap in summary["missing"]["gaps"]} == reasons


def trimmed_by_retention(lab, recorder):
    """Gaps that ended before the oldest packet are forgotten."""
    archive = next((lab.directory / "archive").iterdir())
    time.sleep(3)  # the file in progress is published
    send(lab, 10)
    (newest,) = wait_until(lambda: [path for path in archive.glob(".[0-9]*.pcapng")], "a new file")
    for old in archive.glob("[0-9]*.pcapng"):
        if old.name < newest.name[1:]:
            old.unlink()
            old.with_suffix(".index").unlink(missing_ok=True)
    wait_until(lambda: not gaps(lab), "the gaps before the oldest packet to go")
    assert lab.stop(recorder) == 0


def main():
    require("ip", "curl", "strings", root=True)
    with Lab() as lab:
        lab.write_config(capture={"ring_bytes": "2M"}, archive={"file_age": "2s"})
        recorder = clean_stop(lab)
        recorder = kill_on_an_idle_link(lab, recorder)
        dropped = drops(lab, recorder)
        lab.start_query_service()
        check_answers(lab, dropped)
        trimmed_by_retention(lab, recorder)


if __name__ == "__main__":
    main()
