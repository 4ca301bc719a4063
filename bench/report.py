"""The results as tables: as text, and as Markdown for docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = f"{HERE}/../docs/benchmarks.md"
BEGIN, END = "<!-- results -->", "<!-- /results -->"

Table = list[list[str]]


def write_json(results: dict, directory: str, name: str) -> str:
    os.makedirs(directory, exist_ok=True)
    path = f"{directory}/{name}.json"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    return path


# Tables


def _table(work: dict) -> Table:
    """A heading, and a row per server; one that failed in every round has no figures there."""
    compared = next(figure["title"] for figure in work["figures"] if figure["key"] == work["compared"])
    rows = [["", *(figure["title"] for figure in work["figures"]), f"{compared}, ÷ pronto's"]]
    for name, server in work["servers"].items():
        cells = [_number(server["median"].get(figure["key"]), figure["digits"])
                 for figure in work["figures"]]
        rows.append([name, *cells, _ratio(server["ratio"])])
    return rows


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _ratio(ratio: dict | None) -> str:
    if ratio is None:
        return "–"
    if ratio["min"] == ratio["max"]:
        return f"{ratio['median']:.2f}"
    return f"{ratio['median']:.2f} ({ratio['min']:.2f}–{ratio['max']:.2f})"


def _problems(work: dict) -> list[str]:
    found = [f"{name}: {problem}" for name, server in work["servers"].items()
             for problem in server["problems"]]
    if work["disturbed"]:
        found.append(f"{work['disturbed']} measurements were disturbed by the host of this virtual machine, each time "
                     "they were tried")
    return found


def work_as_text(work: dict) -> str:
    table = _table(work)
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = [f"{work['name']}: {work['title']}"]
    for row in table:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  " + "  ".join(cells).rstrip())
    lines += [f"  ! {problem}" for problem in _problems(work)]
    return "\n".join(lines) + "\n"


def _work_as_markdown(work: dict) -> str:
    table = _table(work)
    lines = [f"**{work['name']}**: {work['title']}", ""]
    lines.append("| " + " | ".join(table[0]) + " |")
    lines.append("| --- |" + " ---: |" * (len(table[0]) - 1))
    lines += ["| " + " | ".join(row) + " |" for row in table[1:]]
    problems = _problems(work)
    if problems:
        lines += ["", "What went wrong:", "", *(f"- {problem}" for problem in problems)]
    return "\n".join(lines)


def _machine_as_markdown(results: dict) -> str:
    machine, settings = results["machine"], results["settings"]
    rows = [
        ("date", machine["date"]),
        ("CPU", f"{machine['cpu']}, {machine['cpus']} CPUs{' of a virtual machine' if machine['virtual'] else ''}"),
        ("server runs on", "CPU " + ", ".join(map(str, machine["server_cpus"]))),
        ("wrk runs on", "CPU " + ", ".join(map(str, machine["client_cpus"]))),
        ("memory", f"{machine['memory_gib']} GiB"),
        ("kernel", machine["kernel"]),
        ("load before", f"{machine['load']:.2f}"),
        ("rounds", f"{settings['rounds']} of {settings['seconds']} s"),
        ("commit", machine["commit"]),
        *((name, version + (f" ({results['notes'][name]})" if name in results["notes"] else ""))
          for name, version in machine["versions"].items()),
        *((name, "not installed") for name in results["not_installed"]),
    ]
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)])


def as_markdown(results: dict) -> str:
    works = "\n\n".join(_work_as_markdown(work) for work in results["works"])
    return f"{_machine_as_markdown(results)}\n\n{works}\n"


def update_docs(results: dict, chart: str) -> None:
    """Puts the tables between the marks, and the chart beside the document."""
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{DOCUMENT}: the marks of the results are missing")
    image = ""
    if os.path.exists(chart):
        shutil.copyfile(chart, os.path.splitext(DOCUMENT)[0] + ".svg")
        image = "![CPU time per request, by work and server](benchmarks.svg)\n\n"
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{image}{as_markdown(results)}{END}{after}")
