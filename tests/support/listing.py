#!/usr/bin/env python3
"""listing.py FORMAT DIRECTORY [POLICY] < LISTING: fails unless the listing is well-formed and names exactly what is in the
directory and does not start with a dot: each entry once, and by a reference that leads to it. Directories and files only
are expected to be there. A page must agree with the Content-Security-Policy that it is sent with.
"""

import base64
import hashlib
import html.parser
import json
import os
import re
import sys
import time
import urllib.parse


def check(holds, *what):
    if not holds:
        sys.exit("listing.py: " + " ".join(map(repr, what)))


def name_of_reference(reference):
    """What a browser would ask for, of a document in the directory."""
    base = "http://host/a/b/"
    url = urllib.parse.urlsplit(urllib.parse.urljoin(base, reference))
    check(url.scheme == "http" and url.netloc == "host" and not url.query and not url.fragment, reference)
    check(url.path.startswith("/a/b/") and reference.startswith("./"), reference)
    path = url.path[len("/a/b/"):]
    name = path.removesuffix("/")
    check("/" not in name and name, reference)
    return urllib.parse.unquote_to_bytes(name), path.endswith("/")


def is_utf8(name):
    try:
        name.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def shown(name):
    """What people are shown of a name that is UTF-8."""
    text = re.sub("[\x01-\x1f]", lambda found: chr(0x2400 + ord(found[0])), name.decode("utf-8"))
    return re.sub("[\x80-\x9f]", "\ufffd", text.replace("\x7f", "\u2421"))


def stamp(time_s):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s))


def size_text(size):
    """To two or three digits, halves upwards."""
    if size < 1000:
        return "%d B" % size
    for power, unit in enumerate("kMGTPE", 1):
        tenths = (10 * size + 1000**power // 2) // 1000**power
        if tenths < 100:
            return "%d.%d %sB" % (tenths // 10, tenths % 10, unit)
        whole = (size + 1000**power // 2) // 1000**power
        if whole < 1000 or unit == "E":
            return "%d %sB" % (whole, unit)


class Page(html.parser.HTMLParser):
    """Collects the rows, as lists of (tag, attributes, text), and what the policy is about."""

    def __init__(self):
        super().__init__()
        self.rows = []
        self.inlined = {"style": [], "script": []}
        self.within = None
        self.depth = {}

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        check(tag in ("html meta title link style header h1 a span bdi main div label input table thead tbody tfoot tr th td "
                      "time i p footer kbd script").split(), "tag", tag, attributes)
        check(not any(name.startswith("on") or name == "src" or name == "style" for name in attributes), tag, attributes)
        self.within = tag
        if tag in self.inlined:
            self.inlined[tag].append("")
        if tag == "tbody":
            self.depth["tbody"] = True
        if tag == "tr" and self.depth.get("tbody"):
            self.rows.append([])
        if self.rows and self.depth.get("tbody"):
            self.rows[-1].append([tag, attributes, ""])

    def handle_endtag(self, tag):
        if tag == "tbody":
            self.depth["tbody"] = False
        if tag == self.within:
            self.within = None

    def handle_data(self, data):
        if self.within in self.inlined:
            self.inlined[self.within][-1] += data
        elif self.rows and self.depth.get("tbody"):
            self.rows[-1][-1][2] += data


def check_policy(page, policy):
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    check(directives["default-src"] == "'none'" and directives["base-uri"] == "'none'", policy)
    check(directives["form-action"] == "'none'" and directives["frame-ancestors"] == "'self'", policy)
    check(directives["img-src"] == "data:" and len(directives) == 7, policy)
    for kind, texts in page.inlined.items():
        check(len(texts) == 1, kind, len(texts))
        digest = base64.b64encode(hashlib.sha256(texts[0].encode()).digest()).decode()
        check(directives[kind + "-src"] == "'sha256-%s'" % digest, kind, policy, digest)


def read_html(text, directory, policy):
    page = Page()
    page.feed(text)
    page.close()
    check_policy(page, policy)
    rows = [row for row in page.rows if row[0][1].get("class") != "u"]
    check(len(page.rows) - len(rows) <= 1, "rows that lead up")
    for row in rows:
        cells = {tag: (attributes, data) for tag, attributes, data in row}
        name, is_directory = name_of_reference(cells["a"][0]["href"])
        check((row[0][1].get("class") == "d") == is_directory, name)
        text = cells["bdi"][1]
        tail = "/" if is_directory else ""
        if is_utf8(name):
            check(text == shown(name) + tail, name, text)
        else:
            check("\ufffd" in text, name, text)
        stat = os.stat(os.path.join(directory, name))
        check(cells["time"][0]["datetime"] == stamp(stat.st_mtime), name, row)
        if not is_directory:
            sizes = [(attributes["title"], data) for tag, attributes, data in row if "title" in attributes]
            check(sizes == [("%d bytes" % stat.st_size, size_text(stat.st_size))], name, sizes)
        yield name, is_directory


def read_json(text, directory, _):
    for entry in json.loads(text):
        name, is_directory = name_of_reference(entry["href"])
        stat = os.stat(os.path.join(directory, name))
        check(entry["type"] == ("directory" if is_directory else "file"), entry)
        check(entry["mtime"] == stamp(stat.st_mtime), entry)
        check(entry.get("size") == (None if is_directory else stat.st_size), entry)
        if is_utf8(name):
            check(entry["name"] == name.decode("utf-8"), entry)
        else:
            check("\ufffd" in entry["name"], entry)
        yield name, is_directory


def read_text(text, directory, _):
    check(text == "" or text.endswith("\n"), text)
    for line in text.split("\n")[:-1]:
        found = re.fullmatch(r"(?=.{6}  ) *(-|[0-9.]+ k?[MGT]?B)  (\d{4}-\d\d-\d\d \d\d:\d\d)  (.+)", line)
        check(found and not re.search("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", line), line)
        is_directory = found[1] == "-"
        check(is_directory == found[3].endswith("/"), line)
        escaped = found[3].removesuffix("/").encode()
        name = re.sub(rb"\\(\\|x[0-9a-f]{2})",
                      lambda part: b"\\" if part[1] == b"\\" else bytes([int(part[1][1:], 16)]), escaped)
        stat = os.stat(os.path.join(directory, name))
        check(found[2] == stamp(stat.st_mtime)[:16].replace("T", " "), line)
        check(is_directory or found[1] == size_text(stat.st_size), line)
        yield name, is_directory


READERS = {"html": read_html, "json": read_json, "text": read_text}


def main():
    kind, directory = sys.argv[1], os.fsencode(sys.argv[2])
    text = sys.stdin.buffer.read().decode("utf-8")
    listed = list(READERS[kind](text, directory, *sys.argv[3:] or [""]))
    there = [(name, os.path.isdir(os.path.join(directory, name)))
             for name in os.listdir(directory) if not name.startswith(b".")]
    for entry in listed:
        check(entry in there, "is not there", entry)
    for entry in there:
        check(entry in listed, "is not listed", entry)
    check(len(listed) == len(there), "listed twice", len(listed), len(there))


main()
