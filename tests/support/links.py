#!/usr/bin/env python3
"""links.py URL DIRECTORY: follows every link of the listings at URL, as pages and as JSON, down to the last directory.
Fails unless each file comes back byte for byte, as DIRECTORY has it. Prints how many files and directories there were.
"""

import html.parser
import http.client
import json
import os
import sys
import urllib.parse


class Links(html.parser.HTMLParser):
    """The references in the rows, but not that of the row which leads up."""

    def __init__(self):
        super().__init__()
        self.references = []
        self.listed = False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "tr":
            self.listed = attributes.get("class") != "u"
        if tag == "a" and self.listed and attributes["href"].startswith("./"):
            self.references.append(attributes["href"])


def read_html(text):
    links = Links()
    links.feed(text[text.index("<tbody"):text.index("</tbody>")])
    return links.references


def read_json(text):
    return [entry["href"] for entry in json.loads(text)]


FORMATS = {"text/html": read_html, "application/json": read_json}


def get(connection, url, accept):
    connection.request("GET", urllib.parse.urlsplit(url).path, headers={"Accept": accept})
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        sys.exit("links.py: %s: %d" % (url, response.status))
    return response, content


def follow(connection, url, directory, accept, counts):
    response, content = get(connection, url, accept)
    if not response.headers["Content-Type"].startswith(accept):
        sys.exit("links.py: %s: %s" % (url, response.headers["Content-Type"]))
    for reference in FORMATS[accept](content.decode("utf-8")):
        target = urllib.parse.urljoin(url, reference)
        name = urllib.parse.unquote_to_bytes(reference.removeprefix("./").removesuffix("/"))
        path = os.path.join(directory, name)
        counts[reference.endswith("/")] += 1
        if reference.endswith("/"):
            follow(connection, target, path, accept, counts)
            continue
        with open(path, "rb") as file:
            if get(connection, target, "*/*")[1] != file.read():
                sys.exit("links.py: %s is another file" % target)


def main():
    url, directory = sys.argv[1], os.fsencode(sys.argv[2])
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)
    for accept in FORMATS:
        counts = [0, 0]
        follow(connection, url, directory, accept, counts)
        print(accept, "%d files, %d directories" % tuple(counts))


main()
