"""A client that believes nothing: whatever is not as it should be raises Wrong."""

from __future__ import annotations

import dataclasses
import socket
import struct

TIMEOUT_S = 60


class Wrong(Exception):
    """An answer that is not what it should be."""


class Ended(Exception):
    """The connection has ended before an answer began."""


@dataclasses.dataclass
class Answer:
    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        return self.fields.get("connection", "").lower() == "close"


def check(condition: object, what: object) -> None:
    if not condition:
        raise Wrong(str(what)[:1000])


class Client:
    def __init__(self, port: int, receive_bytes: int = 0):
        self.socket = socket.socket()
        self.socket.settimeout(TIMEOUT_S)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, method: str, target: str, fields: str = "") -> None:
        self.send_bytes(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode())

    def send_bytes(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what was answered before may still be there to be read

    def receive(self) -> bytes:
        """What comes next; nothing at the end."""
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""

    def more(self) -> None:
        data = self.receive()
        check(data, f"ended within an answer: {self.data[:300]!r}")
        self.data += data

    def take(self, size: int) -> bytes:
        while len(self.data) < size:
            self.more()
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def take_line(self) -> bytes:
        while b"\r\n" not in self.data:
            self.more()
        line, self.data = self.data.split(b"\r\n", 1)
        return line

    def take_chunks(self) -> bytes:
        chunks = []
        while size := int(self.take_line(), 16):
            chunks.append(self.take(size))
            check(self.take(2) == b"\r\n", "no CRLF behind a chunk")
        check(self.take(2) == b"\r\n", "trailer fields")
        return b"".join(chunks)

    def take_head(self) -> tuple[int, dict[str, str]]:
        if not self.data:
            self.data = self.receive()
        if not self.data:
            raise Ended
        while b"\r\n\r\n" not in self.data:
            self.more()
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        check(lines[0].startswith("HTTP/1.1 "), lines[0])
        fields = dict(line.split(": ", 1) for line in lines[1:])
        lowered = {name.lower(): value for name, value in fields.items()}
        check(len(lowered) == len(lines) - 1, lines)
        return int(lines[0].split()[1]), lowered

    def read(self, to_head: bool = False) -> Answer:
        status, fields = self.take_head()
        if to_head or status in (204, 304):
            body = b""
        elif fields.get("transfer-encoding") == "chunked":
            body = self.take_chunks()
        else:
            body = self.take(int(fields["content-length"]))
        return Answer(status, fields, body)

    def get(self, target: str, fields: str = "") -> Answer:
        self.send("GET", target, fields)
        return self.read()

    def expect_end(self) -> None:
        check(not self.data and not self.receive(), f"bytes behind the last answer: {self.data[:300]!r}")
