"""The servers: how each is started, and what the kernel knows of it while it runs."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import tree

READY_S = 10
STOP_S = 3


class Trouble(Exception):
    """A server that does not start, or does not do what it should. The message goes into the results."""


@dataclass(frozen=True)
class Site:
    """What a server is to serve, and where it may write."""

    root: str
    port: int
    scratch: str
    connections: int  # that it has to be able to hold
    descriptors: int  # that it may open
    files: int  # that it will be asked for

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Spec:
    """A server that can be started. One process or thread serves; nothing is logged."""

    name: str
    program: str | None  # None: not installed
    command: Callable[[str, Site], list[str]]
    version: list[str]
    note: str = ""
    works: tuple[str, ...] = ()  # that it is of interest in; none: all
    is_floor: bool = False


def _config(site: Site, text: str) -> str:
    path = f"{site.scratch}/server.conf"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def _pronto(program: str, site: Site) -> list[str]:
    return [program, "--quiet", "--workers", "1", "--listen", site.address, site.root]


def _pronto_bare(program: str, site: Site) -> list[str]:
    return [*_pronto(program, site)[:-1], "--no-sandbox", site.root]


RULES = """/*
  X-Frame-Options: DENY
  Referrer-Policy: no-referrer
/1k.html
  Cache-Control: max-age=60
"""


def _pronto_rules(program: str, site: Site) -> list[str]:
    """The small files alone, with rules beside them."""
    root = f"{site.scratch}/ruled"
    os.mkdir(root)
    for path in (tree.SMALL, tree.TINY):
        shutil.copy2(site.root + path, root + path)
    with open(f"{root}/_headers", "w", encoding="utf-8") as file:
        file.write(RULES)
    return [*_pronto(program, site)[:-1], root]


# tcp_nopush stays off, as it is by default: with it, requests that follow each other closely wait for delayed
# acknowledgements, 40 ms at a time.
def _nginx(program: str, site: Site, cache: str = "") -> list[str]:
    temporary = "\n".join(
        f"    {kind}_temp_path {site.scratch}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = _config(site, f"""
daemon off;
worker_processes 1;
worker_rlimit_nofile {site.descriptors};
pid {site.scratch}/nginx.pid;
error_log stderr crit;
events {{
    worker_connections {site.connections};
}}
http {{
    access_log off;
    sendfile on;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    types {{ text/html html; }}
    {cache}
{temporary}
    server {{
        listen {site.address} backlog=4096;
        root {site.root};
    }}
}}
""")
    return [program, "-p", site.scratch, "-e", "stderr", "-c", path]


def _nginx_cache(program: str, site: Site) -> list[str]:
    room = min(2 * site.files, site.descriptors // 2)
    return _nginx(program, site, f"open_file_cache max={room} inactive=60s;")


def _h2o(program: str, site: Site) -> list[str]:
    return [program, "-m", "worker", "-c", _config(site, f"""
num-threads: 1
max-connections: {site.connections}
hosts:
  default:
    listen:
      host: 127.0.0.1
      port: {site.port}
    paths:
      "/":
        file.dir: {site.root}
""")]


def _lighttpd(program: str, site: Site) -> list[str]:
    # It counts the requests of a connection in 16 bits.
    return [program, "-D", "-f", _config(site, f"""
server.bind = "127.0.0.1"
server.port = {site.port}
server.document-root = "{site.root}"
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 60
server.max-connections = {site.connections}
server.max-fds = {site.descriptors}
server.listen-backlog = 4096
server.network-backend = "sendfile"
mimetype.assign = ( ".html" => "text/html", "" => "application/octet-stream" )
""")]


# Few distributions have a package of it: this is written from its manual.
def _lwan(program: str, site: Site) -> list[str]:
    return [program, "-c", _config(site, f"""
quiet = true
threads = 1
keep_alive_timeout = 60
listener {site.address}
site {{
    serve_files / {{
        path = {site.root}
    }}
}}
""")]


def _find(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin")


def all_specs(build: str) -> list[Spec]:
    """pronto first: the others are compared with it."""
    nginx = _find("nginx")
    return [
        Spec("pronto", f"{build}/pronto", _pronto, ["--version"]),
        Spec("pronto-bare", f"{build}/pronto", _pronto_bare, ["--version"],
             "with --no-sandbox, to see what a filter of system calls costs", ("keepalive", "pipelined")),
        Spec("pronto-rules", f"{build}/pronto", _pronto_rules, ["--version"],
             "with fields that a file _headers adds to every answer", ("keepalive", "pipelined")),
        Spec("nginx", nginx, _nginx, ["-v"]),
        Spec("nginx-cache", nginx, _nginx_cache, ["-v"],
             "with open_file_cache, for which a file is the same for up to 60 s"),
        Spec("h2o", _find("h2o"), _h2o, ["--version"]),
        Spec("lighttpd", _find("lighttpd"), _lighttpd, ["-v"],
             "keeps small files open for a while, and answers with 403 when it may open no more"),
        Spec("lwan", _find("lwan"), _lwan, ["--help"]),
    ]


def floor_spec(build: str, name: str, arguments: list[str]) -> Spec:
    """bench/floor.c as a server; "{root}" in its arguments is the directory that is served."""

    def command(program: str, site: Site) -> list[str]:
        rest = [argument.replace("{root}", site.root) for argument in arguments]
        return [program, "--address", site.address, *rest]

    return Spec(name, f"{build}/bench/floor", command, [], is_floor=True)


def version_of(spec: Spec) -> str:
    """The first thing that looks like a version in what it prints of itself."""
    output = subprocess.run([spec.program, *spec.version], check=False, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    found = re.search(r"\d+\.\d+[\w.+-]*", output)
    return found.group(0) if found else "unknown"


@contextlib.contextmanager
def pinned(cpus: set[int]) -> Iterator[None]:
    """What is started meanwhile runs on these CPUs only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Server:
    """A server that runs. `start_ms`: from its exec to the first byte of its first answer."""

    def __init__(self, spec: Spec, site: Site, cpus: set[int], path: str, stdout: int = subprocess.DEVNULL):
        self.spec = spec
        self.site = site
        self._stderr = open(f"{site.scratch}/stderr", "w+", encoding="utf-8", errors="replace")
        command = spec.command(spec.program, site)
        try:
            with pinned(cpus):
                began = time.perf_counter()
                # A session of its own: Ctrl-C is for us alone, and nothing of it can stay behind.
                self._process = subprocess.Popen(
                    command, start_new_session=True, stdin=subprocess.DEVNULL,
                    stdout=stdout, stderr=self._stderr)
        except OSError as error:
            self._stderr.close()
            raise Trouble(f"does not start: {error}") from error
        try:
            with pinned(os.sched_getaffinity(0) - cpus or cpus):  # beside it, not in its way
                self._wait_until_ready(path)
                self.start_ms = (time.perf_counter() - began) * 1000
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://{self.site.address}"

    def _wait_until_ready(self, path: str) -> None:
        deadline = time.monotonic() + READY_S
        request = f"GET {path} HTTP/1.1\r\nHost: {self.site.address}\r\n\r\n".encode()
        while not self._answers(request):
            if self._process.poll() is not None:
                raise Trouble(f"does not start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise Trouble(f"does not answer within {READY_S} s: {self._last_words()}")
            time.sleep(0.0002)

    def _answers(self, request: bytes) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.site.port), timeout=READY_S) as client:
                client.sendall(request)
                return client.recv(1) != b""
        except OSError:
            return False

    def _last_words(self) -> str:
        self._stderr.seek(0)
        lines = self._stderr.read().strip().splitlines()
        return lines[-1] if lines else "it says nothing"

    def check_alive(self) -> None:
        if self._process.poll() is not None:
            raise Trouble(f"ended while it was measured: {self._last_words()}")

    def stop(self) -> None:
        """Asks it to end, and sees to it that all its processes have."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.terminate()
            self._process.wait(STOP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._stderr.close()

    def _processes(self) -> list[int]:
        found = [self._process.pid]
        for pid in found:
            for path in glob.glob(f"/proc/{pid}/task/*/children"):
                with contextlib.suppress(OSError):
                    found.extend(int(child) for child in _read(path).split())
        return found

    def cpu_us(self) -> float:
        """The time on a CPU so far, of all threads of all processes."""
        total = 0
        for pid in self._processes():
            for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
                with contextlib.suppress(OSError):
                    total += int(_read(path).split()[0])
        return total / 1000

    def memory_bytes(self) -> int:
        """Memory that is no file's; pages that processes share count once."""
        total = 0
        for pid in self._processes():
            with contextlib.suppress(OSError):
                rollup = _read(f"/proc/{pid}/smaps_rollup")
                total += sum(int(kib) << 10 for kib in
                             re.findall(r"^Pss_(?:Anon|Shmem): +(\d+) kB", rollup, re.MULTILINE))
        return total


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
