"""The files that every server serves."""

import os
import random
import time

SMALL = "/1k.html"
TINY = "/100b.html"
MEDIUM = "/64k.bin"
LARGE = "/1m.bin"
HUGE = "/huge.bin"

SIZES = {TINY: 100, SMALL: 1024, MEDIUM: 64 << 10, LARGE: 1 << 20}

# A file that has just been written may be written again in the same tick of its file system's clock, and a careful
# server treats it with suspicion. Files that are served are mostly old.
AGE_S = 30 * 24 * 3600


def make(root: str, random_directories: int, random_files: int, huge_bytes: int) -> None:
    """Files of fixed sizes, a sparse one, and /random/DIRECTORY/FILE.html, as load.lua asks for them."""
    written = time.time() - AGE_S
    noise = random.Random(1).randbytes(1 << 20)
    for path, size in SIZES.items():
        _write(root + path, noise[:size], written)
    _write(root + HUGE, b"", written, huge_bytes)
    for directory in range(random_directories):
        folder = f"{root}/random/{directory:03}"
        os.makedirs(folder)
        for file in range(random_files):
            start = directory * random_files + file
            _write(f"{folder}/{file:04}.html", noise[start:start + 1024], written)


def _write(path: str, content: bytes, modified: float, size: int = 0) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        os.write(descriptor, content)
        if size:
            os.truncate(descriptor, size)
        os.utime(descriptor, (modified, modified))
    finally:
        os.close(descriptor)


def read_through(path: str) -> None:
    """Brings a file into the page cache, so that no server pays for it."""
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
