"""The works: what is asked of each server, and what is measured of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import resource
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import network
import tree
from servers import Server, Site, Spec, Trouble, free_port, pinned

HERE = os.path.dirname(os.path.abspath(__file__))
WRK_CONNECTIONS = 64
PIPELINE_CONNECTIONS = 64
PIPELINE_DEPTH = 16
PULLERS = 8
WARM_UP_S = 1


@dataclass(frozen=True)
class Settings:
    """How much is measured, and where."""

    build: str
    rounds: int
    seconds: int
    warm_up: bool
    idle: int  # connections
    starts: int
    random_directories: int
    random_files: int
    huge_bytes: int
    descriptors: int
    server_cpus: set[int]
    client_cpus: set[int]


@dataclass(frozen=True)
class Figure:
    key: str
    title: str
    digits: int = 0


@dataclass(frozen=True)
class Work:
    """`measure` gives the figures of one server in one round, and a list of what went wrong meanwhile.

    `compared` is the figure of which the ratio to pronto's is shown; `floors` are the arguments of bench/floor.c that
    do the least for this work, by the name under which they are shown.
    """

    name: str
    title: str
    figures: list[Figure]
    compared: str
    measure: Callable[[Bench, Spec], Measurement]
    floors: dict[str, list[str]] = field(default_factory=dict)
    rounds_max: int = 1000


Measurement = tuple[dict[str, float], list[str]]


class Bench:
    """What the works share: the settings and the tree."""

    def __init__(self, settings: Settings, root: str):
        self.settings = settings
        self.root = root

    def measure(self, work: Work, spec: Spec) -> Measurement:
        network.enter_new()  # who may not has what is left of earlier measurements in these
        return work.measure(self, spec)

    def start(self, spec: Spec, scratch: str, path: str = tree.SMALL, files: int = 1) -> Server:
        # Some servers close idle connections where they may hold but a few more.
        site = Site(self.root, free_port(), scratch, self.settings.idle * 5 // 4 + WRK_CONNECTIONS,
                    self.settings.descriptors, files)
        return Server(spec, site, self.settings.server_cpus, path)

    def client(self, command: list[str], **options: object) -> subprocess.Popen:
        with pinned(self.settings.client_cpus):
            return subprocess.Popen(command, start_new_session=True, text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def _scratch() -> tempfile.TemporaryDirectory:
    directory = tempfile.TemporaryDirectory(prefix="pronto-bench-")
    os.chmod(directory.name, 0o755)  # for servers that give up root
    return directory


def _check_answer(bench: Bench, server: Server, path: str) -> None:
    """One request, before it is measured: its status, and its content."""
    connection = http.client.HTTPConnection("127.0.0.1", server.site.port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise Trouble(f"GET {path} fails: {error!r}") from error
    finally:
        connection.close()
    with open(bench.root + path, "rb") as file:
        expected = file.read()
    if response.status != 200:
        raise Trouble(f"GET {path} is answered with {response.status}")
    if len(content) != len(expected) or (content != expected and not server.spec.is_floor):
        raise Trouble(f"GET {path} is answered with other content ({len(content)} bytes)")


def _finish(process: subprocess.Popen, timeout: float, name: str) -> str:
    """The client's last line, which is its figures in JSON."""
    try:
        output, errors = process.communicate(timeout=timeout)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    lines = output.strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise Trouble(f"{name} failed: {(errors or output).strip() or process.returncode}")
    return lines[-1]


def _run_client(bench: Bench, command: list[str], seconds: int) -> dict:
    """The figures of a client that runs for so long, and the CPU time that it took."""
    before = _ended_children_us()
    figures = json.loads(_finish(bench.client(command), seconds + 60, os.path.basename(command[0])))
    return figures | {"cpu_us": _ended_children_us() - before}


def _wrk_threads(bench: Bench, connections: int) -> int:
    return min(len(bench.settings.client_cpus), connections, 4)


def _wrk_command(bench: Bench, url: str, connections: int, seconds: int, *arguments: str,
                 headers: tuple[str, ...] = ()) -> list[str]:
    command = ["wrk", "-t", str(_wrk_threads(bench, connections)), "-c", str(connections),
               "-d", f"{seconds}s", "--timeout", "10s", "-s", f"{HERE}/load.lua"]
    for header in headers:
        command += ["-H", header]
    return [*command, url, "--", *arguments]


def _wrk(bench: Bench, url: str, connections: int, seconds: int, *arguments: str,
         headers: tuple[str, ...] = ()) -> dict:
    command = _wrk_command(bench, url, connections, seconds, *arguments, headers=headers)
    return _run_client(bench, command, seconds)


def _tool_command(bench: Bench, name: str, server: Server, path: str, *arguments: str) -> list[str]:
    """A client of our own; its figures are JSON, too."""
    return [f"{bench.settings.build}/bench/{name}", "--json", "--address", server.site.address,
            "--path", path, *arguments]


def _ended_children_us() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def _check_load(figures: dict, least_bytes: int) -> list[str]:
    """What went wrong under load. Figures of other answers than those asked for are none."""
    requests, errors = figures["requests"], figures["errors"]
    if not requests:
        raise Trouble("answers no request")
    if errors["status"]:
        raise Trouble(f"{errors['status'] / requests:.0%} of the answers have an error status")
    if figures["bytes"] < requests * least_bytes:
        raise Trouble("answers are too short")
    return [f"{count} {kind} errors" for kind, count in errors.items() if count]


def _check_pipelined(figures: dict, content_bytes: int) -> list[str]:
    """The same of bench/pipeline.c, which ends with the first answer that is none."""
    if not figures["requests"]:
        raise Trouble(f"answers no request: {figures['first_failure']}")
    if figures["content_bytes"] != content_bytes:
        raise Trouble(f"answers have {figures['content_bytes']} bytes of content")
    problems = []
    if figures["failed"]:
        problems.append(f"{figures['failed']} connections failed, the first: {figures['first_failure']}")
    if figures["closed"]:
        problems.append(f"{figures['closed']} connections were closed by the server, and opened anew")
    return problems


@dataclass(frozen=True)
class Load:
    """One kind of request, as fast as wrk sends them."""

    path: str
    connections: int = WRK_CONNECTIONS
    arguments: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    files: int = 1  # that are asked for

    def run(self, bench: Bench, server: Server, seconds: int) -> dict:
        return _wrk(bench, server.url + self.path, self.connections, seconds, *self.arguments,
                    headers=self.headers)

    def warm_up(self, bench: Bench, server: Server) -> None:
        if bench.settings.warm_up:
            self.run(bench, server, WARM_UP_S)

    def figures(self, result: dict, content_bytes: int) -> Measurement:
        """Of what run() gave: the rate and the latencies, and what went wrong."""
        problems = _check_load(result, content_bytes)
        return {"rate": result["requests"] * 1e6 / result["microseconds"],
                "p50_us": result["p50_us"], "p99_us": result["p99_us"]}, problems

    def __call__(self, bench: Bench, spec: Spec) -> Measurement:
        settings = bench.settings
        with _scratch() as scratch, bench.start(spec, scratch, self.path, self.files) as server:
            _check_answer(bench, server, self.path)
            self.warm_up(bench, server)
            before = server.cpu_us()
            result = self.run(bench, server, settings.seconds)
            cpu_us = server.cpu_us() - before
            server.check_alive()
        figures, problems = self.figures(result, os.path.getsize(bench.root + self.path))
        return figures | {"cpu_us": cpu_us / result["requests"],
                          "both_us": (cpu_us + result["cpu_us"]) / result["requests"]}, problems


@dataclass(frozen=True)
class RandomLoad(Load):
    """Any of many files, each of which has been asked for before: what is measured is what a server makes of that."""

    def warm_up(self, bench: Bench, server: Server) -> None:
        arguments = ("each", *self.arguments[1:], str(_wrk_threads(bench, self.connections)))
        for seconds in (1, 2, 4, 8, 16):
            result = _wrk(bench, server.url + self.path, self.connections, seconds, *arguments)
            if result["requests"] >= self.files * 3 // 2:  # one thread may be slower than another
                return
        raise Trouble("takes too long to answer once for each file")


@dataclass(frozen=True)
class PipelinedLoad(Load):
    """Batches of requests, as fast as bench/pipeline.c sends them. Latencies are those of batches."""

    depth: int = PIPELINE_DEPTH

    def run(self, bench: Bench, server: Server, seconds: int) -> dict:
        command = _tool_command(bench, "pipeline", server, self.path, "--connections", str(self.connections),
                                "--depth", str(self.depth), "--seconds", str(seconds))
        return _run_client(bench, command, seconds)

    def figures(self, result: dict, content_bytes: int) -> Measurement:
        problems = _check_pipelined(result, content_bytes)
        return {"rate": result["per_second"], "p50_us": result["batch_us"]["p50"],
                "p99_us": result["batch_us"]["p99"]}, problems


def _accept(bench: Bench, spec: Spec) -> Measurement:
    """Connections by bench/connect.c, as many as it can open and the server take."""
    with _scratch() as scratch, bench.start(spec, scratch) as server:
        _check_answer(bench, server, tree.SMALL)
        before = server.cpu_us()
        seconds = bench.settings.seconds
        command = _tool_command(bench, "connect", server, tree.SMALL, "--seconds", str(seconds))
        result = _run_client(bench, command, seconds)
        cpu_us = server.cpu_us() - before
        server.check_alive()
    if not result["connections"]:
        raise Trouble(f"no connection: {result['first_failure']}")
    problems = []
    if result["failed"]:
        problems = [f"{result['failed']} connections failed, the first: {result['first_failure']}"]
    return {"rate": result["per_second"], "connect_p99_us": result["connect_us"]["p99"],
            "first_p50_us": result["first_byte_us"]["p50"],
            "first_p99_us": result["first_byte_us"]["p99"],
            "cpu_us": cpu_us / result["connections"]}, problems


def _idle(bench: Bench, spec: Spec) -> Measurement:
    """Memory that idle connections take, each of which has been answered once."""
    count = bench.settings.idle
    with _scratch() as scratch, bench.start(spec, scratch) as server:
        _check_answer(bench, server, tree.SMALL)
        at_rest = server.memory_bytes()
        command = _tool_command(bench, "connect", server, tree.SMALL, "--hold", str(count))
        process = bench.client(command, stdin=subprocess.PIPE)
        try:
            held = process.stdout.readline() == f"holding {count}\n"
            time.sleep(0.2)
            holding = server.memory_bytes()
        finally:
            line = _finish(process, 60, "connect")
        result = json.loads(line)
        server.check_alive()
    if not held or result["failed"]:
        raise Trouble(f"could not hold {count} connections: {result['first_failure']}")
    return {"rest_mib": at_rest / 2**20, "holding_mib": holding / 2**20,
            "each_bytes": (holding - at_rest) / count}, []


def _start(bench: Bench, spec: Spec) -> Measurement:
    """The time from exec to the first byte of an answer."""
    times = []
    for _ in range(bench.settings.starts):
        with _scratch() as scratch, bench.start(spec, scratch) as server:
            times.append(server.start_ms)
    return {"start_ms": statistics.median(times)}, []


def _yield_as_session(pid: int) -> None:
    """Where the scheduler groups processes by session, being nice only counts within that (sched(7), autogroup)."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as file:
        file.write("19")


def _mixed(bench: Bench, spec: Spec) -> Measurement:
    """Small requests, alone and then beside clients that take all they can of a huge file."""
    seconds = bench.settings.seconds
    with _scratch() as scratch, bench.start(spec, scratch) as server:
        _check_answer(bench, server, tree.SMALL)
        small = server.url + tree.SMALL
        alone = _wrk(bench, small, 1, seconds)
        # The two may share a CPU. The one is not to wait for the other: it is the server that is measured.
        command = _wrk_command(bench, server.url + tree.HUGE, PULLERS, seconds + 60)
        pullers = bench.client(["nice", "-n", "19", *command])
        _yield_as_session(pullers.pid)
        try:
            time.sleep(0.3)
            beside = _wrk(bench, small, 1, seconds)
        finally:
            pullers.send_signal(signal.SIGINT)  # wrk prints its figures then
            line = _finish(pullers, 60, "wrk")
        pulled = json.loads(line)
        server.check_alive()
    least = tree.SIZES[tree.SMALL]
    problems = _check_load(alone, least) + _check_load(beside, least)
    if not pulled["bytes"]:
        raise Trouble("sends nothing of a huge file")
    return {"alone_p99_us": alone["p99_us"], "beside_p99_us": beside["p99_us"],
            "times": beside["p99_us"] / max(alone["p99_us"], 1),
            "beside_rate": beside["requests"] * 1e6 / beside["microseconds"],
            "pulled_mib": pulled["bytes"] / 2**20 / (pulled["microseconds"] / 1e6)}, problems


LOAD_FIGURES = [Figure("rate", "requests/s"), Figure("p50_us", "p50 µs"), Figure("p99_us", "p99 µs"),
                Figure("cpu_us", "CPU µs/request", 2), Figure("both_us", "CPU µs with wrk's", 2)]
PIPELINED_FIGURES = [LOAD_FIGURES[0], Figure("p50_us", "p50 µs of a batch"), Figure("p99_us", "p99 µs of a batch"),
                     LOAD_FIGURES[3], Figure("both_us", "CPU µs with the client's", 2)]
ACCEPT_FIGURES = [Figure("rate", "connections/s"), Figure("connect_p99_us", "connect p99 µs"),
                  Figure("first_p50_us", "first byte p50 µs"),
                  Figure("first_p99_us", "first byte p99 µs"),
                  Figure("cpu_us", "CPU µs/connection", 2)]
IDLE_FIGURES = [Figure("rest_mib", "at rest MiB", 2), Figure("holding_mib", "holding MiB", 2),
                Figure("each_bytes", "bytes/connection")]
MIXED_FIGURES = [Figure("alone_p99_us", "p99 µs alone"), Figure("beside_p99_us", "p99 µs beside"),
                 Figure("times", "beside ÷ alone", 1), Figure("beside_rate", "requests/s beside"),
                 Figure("pulled_mib", "pulled MiB/s")]


def _file_floors(path: str) -> dict[str, list[str]]:
    return {"floor-memory": ["--body", str(tree.SIZES[path])],
            "floor-sendfile": ["--file", "{root}" + path]}


def all_works(settings: Settings) -> list[Work]:
    small_floor = {"floor": ["--body", str(tree.SIZES[tree.SMALL])]}
    close_floor = {"floor": [*small_floor["floor"], "--close"]}
    close = ("Connection: close",)
    files = settings.random_directories * settings.random_files
    return [
        Work("keepalive", f"1 KiB, {WRK_CONNECTIONS} connections kept alive", LOAD_FIGURES,
             "cpu_us", Load(tree.SMALL), small_floor),
        Work("pipelined", f"100 bytes, {PIPELINE_CONNECTIONS} connections, batches of {PIPELINE_DEPTH} "
             "requests, by pipeline.c", PIPELINED_FIGURES, "cpu_us",
             PipelinedLoad(tree.TINY, PIPELINE_CONNECTIONS),
             {"floor": ["--body", str(tree.SIZES[tree.TINY])]}),
        Work("connect", f"1 KiB, a connection per request, {WRK_CONNECTIONS} at a time",
             LOAD_FIGURES, "cpu_us", Load(tree.SMALL, headers=close), close_floor),
        Work("accept", "the same by connect.c: how long connections wait", ACCEPT_FIGURES,
             "cpu_us", _accept, close_floor),
        Work("64k", f"64 KiB, {WRK_CONNECTIONS} connections", LOAD_FIGURES, "cpu_us",
             Load(tree.MEDIUM), _file_floors(tree.MEDIUM)),
        # How a server sends much decides which side is charged for it (docs/benchmarks.md).
        Work("1m", "1 MiB, 16 connections", LOAD_FIGURES, "both_us", Load(tree.LARGE, 16),
             _file_floors(tree.LARGE)),
        Work("random", f"{files:,} files of 1 KiB at random, {WRK_CONNECTIONS} connections",
             LOAD_FIGURES, "cpu_us", RandomLoad("/random/000/0000.html", files=files, arguments=(
                 "random", str(settings.random_directories), str(settings.random_files))),
             small_floor),
        Work("idle", f"memory of {settings.idle:,} idle connections", IDLE_FIGURES, "each_bytes",
             _idle, small_floor, rounds_max=3),
        Work("start", f"from exec to the first byte of an answer, {settings.starts} starts a round",
             [Figure("start_ms", "ms", 2)], "start_ms", _start, small_floor),
        Work("mixed", f"1 KiB on one connection, alone and beside {PULLERS} that pull a "
             f"sparse file of {settings.huge_bytes >> 20:,} MiB", MIXED_FIGURES, "beside_p99_us",
             _mixed),
    ]
