"""What clients do in a soak. Each role is a generator of acts: one act after another until the time is over, with what
was counted by each. An act raises Wrong where an answer is not what it should be."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pathlib
import random
import tarfile
import time
import typing

import site_tree
from client import Answer, Client, Ended, Wrong, check


@dataclasses.dataclass
class Site:
    port: int
    root: pathlib.Path
    files: dict[str, bytes]
    head_timeout_s: float
    send_timeout_s: float


class Keeper:
    """A connection that is kept. One that the server has closed between two requests, as it does when it reloads, is
    opened again, and the request sent once more (RFC 9110 §9.2.2)."""

    def __init__(self, site: Site):
        self.site = site
        self.client: Client | None = None

    def get(self, target: str, fields: str = "", method: str = "GET") -> Answer:
        for _ in range(3):
            if self.client is None:
                self.client = Client(self.site.port)
            self.client.send(method, target, fields)
            try:
                answer = self.client.read(to_head=method == "HEAD")
            except Ended:
                self.close()
                continue
            if answer.closes:
                self.client.expect_end()
                self.close()
            return answer
        raise Wrong(f"{target}: three connections ended without an answer")

    def close(self) -> None:
        if self.client is not None:
            self.client.socket.close()
        self.client = None


def pick(site: Site) -> tuple[str, bytes]:
    return random.choice(list(site.files.items()))


def check_file(answer: Answer, data: bytes) -> None:
    check(answer.status == 200 and answer.body == data, f"{answer.status} {len(answer.body)} {answer.fields}")


Acts = typing.Iterator[int]


def keep_alive(site: Site) -> Acts:
    keeper = Keeper(site)
    while True:
        for _ in range(random.randint(1, 100)):
            target, data = pick(site)
            answer = keeper.get(target)
            check_file(answer, data)
            same = keeper.get(target, f"If-None-Match: {answer.fields['etag']}\r\n")
            check(same.status == 304, same.status)
            head = keeper.get(target, method="HEAD")
            check(head.status == 200 and int(head.fields["content-length"]) == len(data), head.fields)
            yield 3
        keeper.close()


def close_each(site: Site) -> Acts:
    while True:
        target, data = pick(site)
        with Client(site.port) as client:
            answer = client.get(target, "Connection: close\r\n")
            check_file(answer, data)
            check(answer.closes, answer.fields)
            client.expect_end()
        yield 1


def pipeline(site: Site) -> Acts:
    while True:
        wanted = [pick(site) for _ in range(random.randint(2, 30))]
        text = b"".join(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for target, _ in wanted)
        cut = random.randrange(len(text))
        answered = 0
        with Client(site.port) as client:
            client.send_bytes(text[:cut])
            client.send_bytes(text[cut:])
            try:
                for _, data in wanted:
                    answer = client.read()
                    check_file(answer, data)
                    answered += 1
                    if answer.closes:
                        break
            except Ended:
                pass  # between two answers, by a reload
        yield answered


def ranges(site: Site) -> Acts:
    keeper = Keeper(site)
    while True:
        target, data = pick(site)
        if data:
            first = random.randrange(len(data))
            last = random.randint(first, len(data) - 1)
            answer = keeper.get(target, f"Range: bytes={first}-{last}\r\n")
            check(answer.status == 206 and answer.body == data[first : last + 1], answer.fields)
            check(answer.fields["content-range"] == f"bytes {first}-{last}/{len(data)}", answer.fields)
            yield 1
        if len(data) > 100:
            answer = keeper.get(target, "Range: bytes=0-9,50-69,-1\r\n")
            check(answer.status == 206, answer.status)
            boundary = answer.fields["content-type"].split("boundary=")[1].encode()
            parts = [part.split(b"\r\n\r\n", 1)[1] for part in answer.body.split(b"--" + boundary)[1:-1]]
            check(parts == [data[:10] + b"\r\n", data[50:70] + b"\r\n", data[-1:] + b"\r\n"], answer.body[:500])
            yield 1
        check(keeper.get(target, f"Range: bytes={len(data)}-\r\n").status == 416, target)
        yield 1


HOSTILE = {"/%zz": 400, "/../../etc/passwd": 400, "/%2e%2e/%2e%2e/": 400, "/.git/config": 404, "/a%00b": 400}


def absent(site: Site) -> Acts:
    keeper = Keeper(site)
    while True:
        for _ in range(20):
            target = f"/{random.choice(['', 'd1/', 'many/', 'no/such/'])}absent-{random.getrandbits(64):x}"
            answer = keeper.get(target)
            check(answer.status == 404 and b"404" in answer.body, answer.status)
            yield 1
        target, status = random.choice(list(HOSTILE.items()))
        check(keeper.get(target).status == status, target)
        yield 1


def change(site: Site) -> Acts:
    """Whoever asks after a change sees it, whether the file was written anew, replaced or removed."""
    keeper = Keeper(site)
    name = f"{os.getpid()}.txt"
    path = site.root / "changing" / name
    while True:
        data = random.randbytes(random.randint(0, 60_000))
        if random.random() < 0.5:
            path.write_bytes(data)
        else:
            beside = path.with_suffix(".new")
            beside.write_bytes(data)
            beside.rename(path)
        check_file(keeper.get(f"/changing/{name}"), data)
        yield 1
        if random.random() < 0.2:
            path.unlink()
            check(keeper.get(f"/changing/{name}").status == 404, "removed")
            yield 1


def folders(site: Site) -> Acts:
    keeper = Keeper(site)
    expected = {site_tree.many_name(number): site_tree.many_content(number) for number in range(site_tree.MANY)}
    while True:
        answer = keeper.get("/many/?format=json")
        check(answer.status == 200, answer.status)
        text = json.dumps(json.loads(answer.body))
        check(all(name in text for name in expected), text)
        answer = keeper.get("/many/?archive=tar")
        check(answer.status == 200, answer.status)
        with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
            found = {pathlib.Path(member.name).name: archive.extractfile(member).read()
                     for member in archive if member.isfile()}
        check(found == expected, sorted(found))
        yield 2


def read_slowly(site: Site) -> Acts:
    data = site.files["/huge.bin"]
    while True:
        with Client(site.port, receive_bytes=16384) as client:
            client.send("GET", "/huge.bin")
            status, fields = client.take_head()
            check(status == 200 and int(fields["content-length"]) == len(data), fields)
            received = client.data
            while len(received) < len(data):
                piece = client.socket.recv(32768)
                check(piece, f"ended after {len(received)} bytes")
                received += piece
                time.sleep(0.02)
            check(received == data, "other bytes")
        yield 1


def read_nothing(site: Site) -> Acts:
    """Dropped after the send timeout, and reset: less than the file comes."""
    while True:
        with Client(site.port, receive_bytes=4096) as client:
            client.send("GET", "/vast.bin")
            time.sleep(2 * site.send_timeout_s + 1)
            size = 0
            while piece := client.receive():
                size += len(piece)
            check(size < site_tree.VAST, "it was held for who took nothing")
        yield 1


def drip(site: Site) -> Acts:
    """Told, or ended by a reload; never later than the head timeout and some patience."""
    while True:
        clients = [Client(site.port) for _ in range(30)]
        for client in clients:
            client.send_bytes(b"GET / HTTP/1.1\r\nX: ")
        end = time.monotonic() + site.head_timeout_s + 0.5
        while time.monotonic() < end:
            time.sleep(0.4)
            for client in clients:
                client.send_bytes(b"a")
        for client in clients:
            with client:
                try:
                    check(client.read().status == 408, "a drip")
                except Ended:
                    pass
        yield len(clients)


def reset(site: Site) -> Acts:
    while True:
        client = Client(site.port)
        target, _ = pick(site)
        text = f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * random.randint(1, 3)
        client.send_bytes(text[: random.randint(0, len(text))])
        if random.random() < 0.5:
            client.socket.settimeout(0.01)
            try:
                client.receive()
            except TimeoutError:
                pass
        client.reset()
        yield 1


# Each with how long it pauses after an act, so that none has the machine for itself.
ROLES: dict[str, tuple[typing.Callable[[Site], Acts], float]] = {
    "keep-alive": (keep_alive, 0.003),
    "close": (close_each, 0.01),
    "pipeline": (pipeline, 0.03),
    "ranges": (ranges, 0.01),
    "absent": (absent, 0.005),
    "change": (change, 0.01),
    "folders": (folders, 0.1),
    "slow reader": (read_slowly, 0.1),
    "no reader": (read_nothing, 0.1),
    "drip": (drip, 0.1),
    "reset": (reset, 0.01),
}
