#!/usr/bin/env python3
"""What the lines at a terminal cost: the server's CPU time per request with them, and without, at a pseudo-terminal that
is read all the time. Rounds are paired: both run in each, and their ratio is taken within it.

    bench/terminal.py [--build build] [--rounds 7] [--seconds 3]
"""

from __future__ import annotations

import argparse
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


def load(url: str, cpus: set[int], seconds: int) -> int:
    """Requests that were answered."""
    with pinned(cpus):
        output = subprocess.run(["wrk", "-t", "1", "-c", "64", "-d", f"{seconds}s", "-s", f"{HERE}/load.lua", url],
                                check=True, text=True, capture_output=True).stdout
    return json.loads(output.strip().splitlines()[-1])["requests"]


def measure(spec: Spec, root: str, seconds: int) -> tuple[float, int]:
    """Microseconds per request, and bytes that came to the terminal."""
    server_cpus, client_cpus = machine.choose_cpus()
    terminal = Terminal()
    with tempfile.TemporaryDirectory(prefix="pronto-bench-") as scratch:
        site = Site(root, free_port(), scratch, 100, 1000, 1)
        try:
            with Server(spec, site, server_cpus, tree.SMALL, stdout=terminal.slave) as server:
                load(server.url + tree.SMALL, client_cpus, 1)
                before = server.cpu_us()
                requests = load(server.url + tree.SMALL, client_cpus, seconds)
                cpu_us = server.cpu_us() - before
        finally:
            terminal.close()
    return cpu_us / requests, terminal.bytes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory(prefix="pronto-bench-") as root:
        tree.make(root, 0, 0, 1 << 20)
        for number in range(arguments.rounds):
            names = list(VARIANTS) if number % 2 == 0 else list(reversed(VARIANTS))
            figures = {name: measure(spec_of(arguments.build, VARIANTS[name]), root, arguments.seconds)
                       for name in names}
            ratios.append(figures["lines"][0] / figures["silent"][0])
            print(", ".join(f"{name}: {figures[name][0]:.2f} us, {figures[name][1]} bytes" for name in VARIANTS)
                  + f": {ratios[-1]:.3f}", flush=True)
    median = statistics.median(ratios)
    print(f"lines cost {median - 1:+.1%} (median of {len(ratios)}; {min(ratios) - 1:+.1%} to {max(ratios) - 1:+.1%})")
    return 0 if median <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
