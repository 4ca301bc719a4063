#!/usr/bin/env python3
"""What the lines at a terminal cost: the server's CPU time per request with them, and without, at a pseudo-terminal that
is read all the time. Both servers run at once, on the same CPU and under the same load, so that what else the machine does
meets both; their ratio is taken within each round.

    bench/terminal.py [--build build] [--rounds 7] [--seconds 3]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True  # this directory is sources only

import machine
import tree
from servers import READY_S, Server, Site, Spec, free_port, pinned

HERE = os.path.dirname(os.path.abspath(__file__))
VARIANTS = {"silent": ["--quiet"], "lines": []}
BOUND = 1.10  # what the lines may cost


class Terminal:
    """A pseudo-terminal whose output is read and counted."""

    def __init__(self) -> None:
        self.bytes = 0
        self._master, self.slave = os.openpty()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                self.bytes += len(os.read(self._master, 1 << 16))
            except OSError:  # EIO: nobody has the other end any more
                return

    def close(self) -> None:
        os.close(self.slave)
        self._reader.join(READY_S)
        os.close(self._master)


def spec_of(build: str, words: list[str]) -> Spec:
    def command(program: str, site: Site) -> list[str]:
        return [program, "--workers", "1", "--listen", site.address, *words, site.root]

    return Spec("pronto", f"{build}/pronto", command, ["--version"])


def start_load(url: str, cpus: set[int], seconds: int) -> subprocess.Popen:
    with pinned(cpus):
        return subprocess.Popen(["wrk", "-t", "1", "-c", "32", "-d", f"{seconds}s", "-s", f"{HERE}/load.lua", url],
                                text=True, stdout=subprocess.PIPE)


def count_requests(loads: list[subprocess.Popen]) -> list[int]:
    """That were answered, when all have ended."""
    outputs = [load.communicate()[0] for load in loads]
    return [json.loads(output.strip().splitlines()[-1])["requests"] for output in outputs]


def measure(servers: list[Server], cpus: set[int], seconds: int) -> list[float]:
    """Microseconds per request."""
    count_requests([start_load(server.url + tree.SMALL, cpus, 1) for server in servers])
    before = [server.cpu_us() for server in servers]
    requests = count_requests([start_load(server.url + tree.SMALL, cpus, seconds) for server in servers])
    return [(server.cpu_us() - start) / count for server, start, count in zip(servers, before, requests)]


def run_round(build: str, root: str, seconds: int) -> tuple[dict[str, float], int]:
    """The figures by variant, and the bytes that came to the terminal of the one with lines."""
    server_cpus, client_cpus = machine.choose_cpus()
    terminals = {name: Terminal() for name in VARIANTS}
    with contextlib.ExitStack() as stack:
        servers = []
        for name, words in VARIANTS.items():
            stack.callback(terminals[name].close)
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="pronto-bench-"))
            site = Site(root, free_port(), scratch, 100, 1000, 1)
            servers.append(stack.enter_context(
                Server(spec_of(build, words), site, server_cpus, tree.SMALL, stdout=terminals[name].slave)))
        figures = measure(servers, client_cpus, seconds)
    return dict(zip(VARIANTS, figures)), terminals["lines"].bytes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory(prefix="pronto-bench-") as root:
        tree.make(root, 0, 0, 1 << 20)
        for _ in range(arguments.rounds):
            figures, shown = run_round(arguments.build, root, arguments.seconds)
            ratios.append(figures["lines"] / figures["silent"])
            print(f"silent {figures['silent']:.2f} us, lines {figures['lines']:.2f} us, {shown} bytes of them: "
                  f"{ratios[-1] - 1:+.1%}", flush=True)
    median = statistics.median(ratios)
    print(f"lines cost {median - 1:+.1%} (median of {len(ratios)}; {min(ratios) - 1:+.1%} to {max(ratios) - 1:+.1%})")
    return 0 if median <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
