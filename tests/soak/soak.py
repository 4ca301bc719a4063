#!/usr/bin/env python3
"""Serves a mixed load for a while, and looks whether anything grows: soak.py PRONTO SECONDS

Two servers have the same load. One is left alone, so that its workers grow old; the other is reloaded again and again, so
that its master does. Every answer is checked. Memory, descriptors and watches are sampled, and what each grows by in an
hour is printed, from the second quarter of the time on; where that is clearly more than noise, it fails. It ends by
itself, and ends only what it has started.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True  # this directory is sources only

import roles
import site_tree
from client import Client, check

HEAD_TIMEOUT_S = 3
SEND_TIMEOUT_S = 6
RELOAD_S = 7
STARTS_S = 30
ABSENT_FIRST = 150_000  # what is known to be absent fills the cache, and its memory of what it dropped, beforehand

OPTIONS = ["--listen", "127.0.0.1:0", "--workers", "2", "--cache-size", "2M", "--idle-timeout", "5s",
           "--head-timeout", f"{HEAD_TIMEOUT_S}s", "--send-timeout", f"{SEND_TIMEOUT_S}s", "--min-rate", "4K",
           "--drain-timeout", "30s"]

# What may be the noise of a number that does not grow, over the whole time: of its size, and at least.
NOISE = {"memory": (0.06, 1 << 20), "descriptors": (0.1, 4), "watches": (0.05, 2)}
UNITS = {"memory": ("KiB", 1024), "descriptors": ("", 1), "watches": ("", 1)}


class Trouble(Exception):
    """What the soak found."""


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def look_at(pid: int) -> dict[str, int]:
    """Memory in bytes, descriptors, and inotify watches of a process; nothing where it has just ended."""
    process = pathlib.Path(f"/proc/{pid}")
    try:
        pages = int((process / "statm").read_text().split()[1])
        descriptors = os.listdir(process / "fd")
        watches = 0
        for number in descriptors:
            with contextlib.suppress(FileNotFoundError):
                watches += (process / "fdinfo" / number).read_text().count("inotify wd:")
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {"memory": pages * os.sysconf("SC_PAGE_SIZE"), "descriptors": len(descriptors), "watches": watches}


class Server:
    def __init__(self, binary: str, root: pathlib.Path, scratch: pathlib.Path, name: str):
        self.name = name
        self.output = scratch / f"{name}.err"
        # AddressSanitizer would keep freed memory from being used again until it has some MiB of it: for a process that
        # frees a few KiB a second that is growth, and takes longer than the soak.
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
        with self.output.open("w") as errors:
            self.process = subprocess.Popen(
                [binary, *OPTIONS, "--access-log", str(scratch / f"{name}.log"), str(root)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                env=os.environ | {"ASAN_OPTIONS": sanitizer})
        self.port = self.await_port()

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def await_port(self) -> int:
        end = time.monotonic() + STARTS_S
        while time.monotonic() < end and self.process.poll() is None:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/", self.said()):
                return int(found[1])
            time.sleep(0.05)
        raise Trouble(f"{self.name}: it does not start:\n{self.said()}")

    def look(self) -> dict[str, dict[str, int]]:
        """The master, and all of its workers together."""
        seen = [look_at(pid) for pid in children(self.process.pid)]
        workers = {what: sum(one.get(what, 0) for one in seen) for what in NOISE}
        return {"master": look_at(self.process.pid), "workers": workers}

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Trouble(f"{self.name}: it does not end") from None
        if status != 0 or re.search("Sanitizer|runtime error|worker .* (died|ended|killed)", self.said()):
            raise Trouble(f"{self.name}: ended with {status}:\n{self.said()[-4000:]}")


def play(role: str, server: str, site: roles.Site, acts: multiprocessing.Value, stop: multiprocessing.Event,
         troubles: multiprocessing.Queue) -> None:
    """The life of a client, in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    function, pause_s = roles.ROLES[role]
    try:
        for count in function(site):
            acts.value += count
            if stop.wait(pause_s):
                return
    except Exception:  # whatever it is: it is told, and ends the soak
        troubles.put(f"{role}, {server} server: {traceback.format_exc()}")


@dataclasses.dataclass
class Line:
    """A straight line through samples: what a number grows by, and how well that is known."""
    slope: float
    error: float
    mean: float

    @staticmethod
    def through(points: list[tuple[float, float]]) -> Line:
        count = len(points)
        mean_x = sum(x for x, _ in points) / count
        mean_y = sum(y for _, y in points) / count
        width = sum((x - mean_x) ** 2 for x, _ in points)
        slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / width
        rest = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
        return Line(slope, (rest / max(count - 2, 1) / width) ** 0.5, mean_y)

    def grows(self, what: str, seconds: float) -> bool:
        share, least = NOISE[what]
        return self.slope > 3 * self.error and self.slope * seconds > max(share * self.mean, least)


Samples = dict[tuple[str, str, str], list[tuple[float, float]]]


def sample(servers: list[Server], now_s: float, samples: Samples) -> None:
    for server in servers:
        for part, numbers in server.look().items():
            for what, number in numbers.items():
                # Of a server that is reloaded, workers come and go: the master is what grows old.
                if part == "master" or server.name == "steady":
                    samples.setdefault((server.name, part, what), []).append((now_s, number))


def report(samples: Samples, seconds: float) -> list[str]:
    """Prints what grew, and returns what grew too much."""
    grown = []
    for (name, part, what), points in samples.items():
        late = [point for point in points if point[0] > seconds / 4]
        if len(late) < 8:
            raise Trouble(f"only {len(late)} samples of {name}: give it more time")
        line = Line.through(late)
        unit, scale = UNITS[what]
        text = (f"{name:9} {part:8} {what:12} mean {line.mean / scale:10.1f} {unit:3}  per hour "
                f"{line.slope * 3600 / scale:+10.1f} ± {line.error * 3600 / scale:.1f}")
        if line.grows(what, late[-1][0] - late[0][0]):
            grown.append(text)
        print("  " + text)
    return grown


def fill_cache(server: Server) -> None:
    """Until then memory grows, as it should."""
    for start in range(0, ABSENT_FIRST, 50):
        with Client(server.port) as client:
            client.send_bytes(b"".join(b"GET /never-%d HTTP/1.1\r\nHost: a\r\n\r\n" % (start + i) for i in range(50)))
            for _ in range(50):
                check(client.read().status == 404, "absent")


class Players:
    """The clients of all servers."""

    def __init__(self, servers: list[Server], root: pathlib.Path, files: dict[str, bytes]):
        self.stop = multiprocessing.Event()
        self.troubles: multiprocessing.Queue = multiprocessing.Queue()
        self.acts: dict[str, list] = {role: [] for role in roles.ROLES}
        self.processes = []
        for server in servers:
            site = roles.Site(server.port, root, files, HEAD_TIMEOUT_S, SEND_TIMEOUT_S)
            for role in roles.ROLES:
                acts = multiprocessing.Value("Q", 0)
                self.acts[role].append(acts)
                self.processes.append(multiprocessing.Process(
                    target=play, args=(role, server.name, site, acts, self.stop, self.troubles), daemon=True))
        for process in self.processes:
            process.start()

    def look(self) -> None:
        if not self.troubles.empty():
            raise Trouble(self.troubles.get())

    def end(self) -> None:
        self.stop.set()
        for process in self.processes:
            process.join(30)
            if process.is_alive():
                process.kill()
                process.join()

    def report(self) -> None:
        print("  " + ", ".join(f"{role} {sum(one.value for one in acts)}" for role, acts in self.acts.items()))
        idle = [role for role, acts in self.acts.items() if any(one.value == 0 for one in acts)]
        if idle:
            raise Trouble(f"nothing came of: {', '.join(idle)}")


def run(servers: list[Server], players: Players, seconds: float) -> Samples:
    steady, reloaded = servers
    samples: Samples = {}
    start = time.monotonic()
    reload_s = RELOAD_S
    reloads = 0
    while (now_s := time.monotonic() - start) < seconds:
        sample(servers, now_s, samples)
        players.look()
        for server in (steady, reloaded):
            if server.process.poll() is not None:
                raise Trouble(f"{server.name}: it has ended:\n{server.said()[-4000:]}")
        if now_s >= reload_s:
            reloaded.process.send_signal(signal.SIGHUP)
            reload_s += RELOAD_S
            reloads += 1
        time.sleep(1)
    print(f"  {reloads} reloads")
    return samples


def soak(binary: str, seconds: float) -> None:
    with contextlib.ExitStack() as stack:
        scratch = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pronto-soak-")))
        root = scratch / "root"
        root.mkdir()
        files = site_tree.make(root)
        servers = []
        for name in ("steady", "reloaded"):
            servers.append(Server(binary, root, scratch, name))
            stack.callback(servers[-1].end)
            fill_cache(servers[-1])
        players = Players(servers, root, files)
        stack.callback(players.end)
        samples = run(servers, players, seconds)
        players.end()
        players.look()
        players.report()
        if grown := report(samples, seconds):
            raise Trouble("this grows:\n" + "\n".join(grown))


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: soak.py PRONTO SECONDS", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"soaking {sys.argv[1]} for {sys.argv[2]} s")
    try:
        soak(sys.argv[1], float(sys.argv[2]))
    except Trouble as trouble:
        print(f"soak: {trouble}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
