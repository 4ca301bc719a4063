"""What the soak serves: files whose bytes are known without reading them."""

from __future__ import annotations

import pathlib
import random

SIZES = {"empty.bin": 0, "small.txt": 100, "middle.html": 5000, "large.bin": 40_000, "huge.bin": 2_000_000}
VAST = 16_000_000  # of vast.bin: more than a socket's buffer takes
MANY = 60  # files in a directory that is listed and archived
DIRECTORIES = 40


def content(name: str, size: int) -> bytes:
    return random.Random(name).randbytes(size)


def many_name(number: int) -> str:
    return f"a file {number:03}.txt"


def many_content(number: int) -> bytes:
    return content(many_name(number), 50 * number)


def make(root: pathlib.Path) -> dict[str, bytes]:
    """Makes the tree, and returns its plain files by target."""
    files = {name: content(name, size) for name, size in SIZES.items()}
    for number in range(DIRECTORIES):
        files[f"d{number}/page.html"] = content(f"d{number}", 700 + number)
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    (root / "many").mkdir()
    (root / "changing").mkdir()
    for number in range(MANY):
        (root / "many" / many_name(number)).write_bytes(many_content(number))
    with (root / "vast.bin").open("wb") as file:
        file.truncate(VAST)
    return {"/" + name: data for name, data in files.items()}
