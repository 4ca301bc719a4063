#!/usr/bin/env python3
"""Whether bench/pipeline.c counts what a server really answers, and refuses what is no answer to count.

For each case there is a server that sends what the case has in store, and knows how much that was.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

DEPTH = 4
HEAD_END = b"\r\n\r\n"


def answer(fields: str = "", content: bytes = b"x" * 10, status: str = "HTTP/1.1 200 OK", length: bool = True) -> bytes:
    head = f"{status}\r\nServer: selftest\r\n"
    head += f"Content-Length: {len(content)}\r\n" if length else ""
    return f"{head}{fields}\r\n".encode() + content


GOOD = answer()
CLOSE = "Connection: close\r\n"


@dataclass(frozen=True)
class Case:
    """`answers` gives the n-th answer of a connection, n from 0; None ends it. What ends in the middle is `tail`."""

    name: str
    answers: Callable[[int], bytes | None]
    refused: str = ""  # with this among the words
    piece: int = 1 << 16  # bytes that are sent at once
    tail: bytes = b""
    reset: bool = False  # rather than closed
    fails: str = ""  # the connections do; with this among the words
    closes: bool = False  # the server does, as it may


def once(odd: bytes) -> Callable[[int], bytes]:
    return lambda n: odd if n == DEPTH + 1 else GOOD


def few(count: int, last: bytes = GOOD) -> Callable[[int], bytes | None]:
    return lambda n: None if n == count else last if n == count - 1 else GOOD


CASES = [
    Case("all alike", lambda n: GOOD),
    Case("in pieces", lambda n: GOOD, piece=7),
    Case("heads of other lengths", lambda n: answer("Age: 1\r\n") if n % 3 else GOOD),
    Case("an odd head in pieces", once(answer("Age: 1\r\n")), piece=11),
    Case("names of fields in other letters", lambda n: GOOD.replace(b"Content-Length: ", b"content-length:")),
    Case("closed within a batch, as announced", few(6, answer(CLOSE)), closes=True),
    Case("closed between batches, as announced", few(8, answer(CLOSE)), closes=True),
    Case("announced, and more behind it", few(6, answer(CLOSE)), tail=b"HTTP/1.1", closes=True),
    Case("closed within a batch", few(6), closes=True),
    Case("closed between batches", few(8), closes=True),
    Case("closed within an answer", few(6), tail=GOOD[:-1], fails="within an answer"),
    Case("closed within a head", few(8), tail=GOOD[:20], fails="within an answer"),
    Case("closed before an answer", few(0), fails="before its first"),
    Case("reset within a batch", few(6), reset=True, fails="reset"),
    Case("an error at first", lambda n: answer(status="HTTP/1.1 404 Not Found"), "404"),
    Case("an error later", once(answer(status="HTTP/1.1 503 No")), "503"),
    Case("another version", lambda n: answer(status="HTTP/1.0 200 OK"), "HTTP/1.0"),
    Case("no length", lambda n: answer(length=False), "Content-Length"),
    Case("no number as length", lambda n: GOOD.replace(b"10", b"1x"), "Content-Length"),
    Case("chunked", lambda n: answer("Transfer-Encoding: chunked\r\n"), "Content-Length"),
    Case("no field", lambda n: answer("nothing\r\n"), "Content-Length"),
    Case("no connection is kept", few(1, answer(CLOSE)), "after one answer"),
    Case("content of another length", once(answer(content=b"y" * 100)), "has changed"),
    Case("content of another length, and a head like the others", once(answer(content=b"y" * 11)), "not 200"),
    Case("content that is too short for its length", once(GOOD[:-1]), "not 200"),
    Case("more answers than requests", lambda n: GOOD + GOOD if n == DEPTH - 1 else GOOD, "more answers"),
    Case("an endless head", lambda n: GOOD[:-12] + b"Age: 1\r\n" * 10000, "too long"),
    Case("a large head", lambda n: answer("Age: 1\r\n" * 10000), "too long"),
    Case("large content", lambda n: answer(content=b"x" * 70000), "too long"),
]


class Peer:
    """The server of a case, which takes one connection at a time. `sent`: whole answers."""

    def __init__(self, case: Case):
        self.case = case
        self.sent = self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with client, contextlib.suppress(ConnectionError):
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        count = 0
        while self._take_batch(client):
            for _ in range(DEPTH):
                found = self.case.answers(count)
                if found is None:
                    self._end(client)
                    return
                self._send(client, found)
                count += 1
                self.sent += 1

    def _take_batch(self, client: socket.socket) -> bool:
        ends, received = 0, b""
        while ends < DEPTH:
            more = client.recv(1 << 16)
            if not more:
                return False
            received += more
            ends = received.count(HEAD_END)
        return True

    def _send(self, client: socket.socket, data: bytes) -> None:
        for start in range(0, len(data), self.case.piece):
            client.sendall(data[start:start + self.case.piece])

    def _end(self, client: socket.socket) -> None:
        self._send(client, self.case.tail)
        if self.case.reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def check_refused(case: Case, run: subprocess.CompletedProcess) -> str:
    if run.returncode == 0 or run.stdout:
        return "is not refused"
    return "" if case.refused in run.stderr else f"is refused with: {run.stderr.strip()}"


def check_counted(case: Case, run: subprocess.CompletedProcess, peer: Peer) -> str:
    if not run.stdout:
        return f"has no figures: {run.stderr.strip()}"
    figures = json.loads(run.stdout)
    # As many as were sent: what is under way when time is up is waited for.
    good = (figures["requests"] == peer.sent and bool(figures["failed"]) == bool(case.fails)
            and case.fails in figures["first_failure"] and bool(figures["closed"]) == case.closes
            and figures["failed"] + figures["closed"] >= peer.connections - 1)
    return "" if good else f"is counted as {run.stdout.strip()} ({peer.sent} answers, {peer.connections} connections)"


def check(build: str, case: Case) -> str:
    """What is wrong; empty where nothing is."""
    peer = Peer(case)
    try:
        run = subprocess.run([f"{build}/bench/pipeline", "--json", "--address", f"127.0.0.1:{peer.port}",
                              "--connections", "1", "--depth", str(DEPTH), "--seconds", "1"],
                             check=False, text=True, capture_output=True)
    finally:
        peer.stop()
    return check_refused(case, run) if case.refused else check_counted(case, run, peer)


def main() -> int:
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    with concurrent.futures.ThreadPoolExecutor(len(CASES)) as pool:
        found = list(pool.map(lambda case: check(build, case), CASES))
    for case, wrong in zip(CASES, found):
        if wrong:
            print(f"bench/selftest.py: {case.name}: {wrong}", file=sys.stderr)
    return 1 if any(found) else 0


if __name__ == "__main__":
    sys.exit(main())
