"""The machine: which CPUs serve and which load, and what a reader of the results has to know of it."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from typing import TYPE_CHECKING

from servers import Spec, version_of

if TYPE_CHECKING:
    from works import Settings


def choose_cpus() -> tuple[set[int], set[int]]:
    """One CPU for the server, the others for the client; not its sibling, where there are enough."""
    usable = sorted(os.sched_getaffinity(0))
    server = usable[0]
    others = set(usable[1:])
    clients = others - _siblings(server) or others or {server}
    return {server}, clients


def _siblings(cpu: int) -> set[int]:
    text = _read(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    found = set()
    for span in re.findall(r"(\d+)(?:-(\d+))?", text):
        first, last = int(span[0]), int(span[1] or span[0])
        found.update(range(first, last + 1))
    return found


def stolen_s(cpus: set[int]) -> float:
    """How long so far the host of a virtual machine has kept those CPUs from running what was ready to run (proc(5):
    steal), in seconds."""
    found = re.findall(r"^cpu(\d+) (.*)$", _read("/proc/stat"), re.MULTILINE)
    ticks = sum(int(times.split()[7]) for cpu, times in found if int(cpu) in cpus)
    return ticks / os.sysconf("SC_CLK_TCK")


def describe(settings: Settings, servers: list[Spec]) -> dict:
    cpu = re.search(r"^(?:model name|Model|Hardware)\s*: (.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal: +(\d+)", _read("/proc/meminfo"), re.MULTILINE)
    virtual = re.search(r"^flags.*\bhypervisor\b", _read("/proc/cpuinfo"), re.MULTILINE)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": cpu.group(1) if cpu else platform.machine(),
        "virtual": virtual is not None,
        "cpus": os.cpu_count(),
        "server_cpus": sorted(settings.server_cpus),
        "client_cpus": sorted(settings.client_cpus),
        "memory_gib": round(int(memory.group(1)) / 2**20, 1) if memory else None,
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
        "descriptors": settings.descriptors,
        "commit": _commit(),
        "versions": {spec.name: version_of(spec) for spec in servers} | {"wrk": _wrk_version()},
    }


def _commit() -> str:
    here = os.path.dirname(os.path.abspath(__file__))
    described = subprocess.run(["git", "-C", here, "describe", "--always", "--dirty"], check=False,
                               text=True, capture_output=True)
    return described.stdout.strip() or "unknown"


def _wrk_version() -> str:
    output = subprocess.run(["wrk", "-v"], check=False, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT).stdout
    return output.split("[")[0].removeprefix("wrk").strip() or "unknown"


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
