#!/usr/bin/env python3
"""Measures pronto beside its peers, and beside the least that a program could do (docs/benchmarks.md).

Every round runs every server on a work before the next round begins, in an order that rotates, so that whatever slows
the machine down slows all of them; and servers are compared within rounds only.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # this directory is sources only

import chart
import machine
import report
import tree
from servers import Spec, Trouble, all_specs, floor_spec
from works import Bench, Measurement, Settings, Work, all_works


STARTS = 20  # over all rounds
DESCRIPTORS = 1 << 18  # a file of `random` each, and 10,000 connections; more would cost some servers memory


# Of what is measured while a host takes more of its virtual machine's time, little can be said: it is measured again.
STOLEN_MAX = 0.03
TRIES = 4


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build", help="where pronto and the tools were built")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of load, per server and round")
    parser.add_argument("--works", type=str.split, help="names, separated by blanks (all)")
    parser.add_argument("--servers", type=str.split, help="names, separated by blanks (all that are installed)")
    parser.add_argument("--smoke", action="store_true", help="pronto and the floor for a moment: do the tools work?")
    stored = parser.add_argument_group("without measuring, from the results of the last run")
    stored.add_argument("--markdown", action="store_true", help="print them as Markdown")
    stored.add_argument("--chart", action="store_true", help="draw them again")
    stored.add_argument("--update-docs", action="store_true", help="put them into docs/benchmarks.md")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.seconds < 1:
        parser.error("there must be a round, and a second, at least")
    return arguments


def raise_descriptor_limit() -> int:
    """Room for servers that keep files open, as far as we may."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # only root may
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, max(hard, DESCRIPTORS)))
        return DESCRIPTORS
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def make_settings(arguments: argparse.Namespace) -> Settings:
    descriptors = raise_descriptor_limit()
    smoke = arguments.smoke
    idle = 500 if smoke else 10000
    if idle > descriptors * 3 // 4:  # servers are to have room for more
        idle = descriptors * 3 // 4
        print(f"bench: only {descriptors} descriptors are allowed (ulimit -Hn), so idle connections are {idle}")
    server_cpus, client_cpus = machine.choose_cpus()
    return Settings(
        build=os.path.abspath(arguments.build), rounds=1 if smoke else arguments.rounds,
        seconds=1 if smoke else arguments.seconds, warm_up=not smoke and arguments.seconds >= 3,
        idle=idle, starts=3 if smoke else -(-STARTS // arguments.rounds), random_directories=5 if smoke else 100,
        random_files=100 if smoke else 1000, huge_bytes=(64 if smoke else 1024) << 20,
        descriptors=descriptors, server_cpus=server_cpus, client_cpus=client_cpus)


def choose(kind: str, wanted: list[str] | None, known: list[str]) -> list[str]:
    unknown = [name for name in wanted or [] if name not in known]
    if unknown:
        sys.exit(f"bench: no such {kind}: {' '.join(unknown)} (there are: {' '.join(known)})")
    return [name for name in known if wanted is None or name in wanted]


def specs_of(work: Work, servers: list[Spec], with_floor: bool, build: str) -> list[Spec]:
    floors = [floor_spec(build, *floor) for floor in work.floors.items()] if with_floor else []
    return [spec for spec in servers if not spec.works or work.name in spec.works] + floors


def measure_undisturbed(bench: Bench, work: Work, spec: Spec) -> tuple[float, Measurement]:
    """The least disturbed of a few tries, behind the share of the CPUs' time that the host took meanwhile."""
    cpus = bench.settings.server_cpus | bench.settings.client_cpus
    best = None
    for _ in range(TRIES):
        started, stolen = time.monotonic(), machine.stolen_s(cpus)
        measurement = bench.measure(work, spec)
        share = (machine.stolen_s(cpus) - stolen) / (time.monotonic() - started) / len(cpus)
        if best is None or share < best[0]:
            best = share, measurement
        if share <= STOLEN_MAX:
            break
        print("~", end="", flush=True)
    return best


def run_work(bench: Bench, work: Work, specs: list[Spec]) -> dict:
    """All rounds of a work; for each server the figures of each round (null where it failed), and what went wrong."""
    servers = {spec.name: {"rounds": [], "problems": []} for spec in specs}
    rounds = min(bench.settings.rounds, work.rounds_max)
    disturbed = 0
    for number in range(rounds):
        print(f"{work.name} {number + 1}/{rounds}:", end="", flush=True)
        turn = number % len(specs)
        for spec in specs[turn:] + specs[:turn]:
            print(f" {spec.name}", end="", flush=True)
            try:
                share, (figures, problems) = measure_undisturbed(bench, work, spec)
                disturbed += share > STOLEN_MAX
            except (Trouble, subprocess.TimeoutExpired) as trouble:
                figures, problems = None, [str(trouble)]
            servers[spec.name]["rounds"].append(figures)
            servers[spec.name]["problems"] += problems
        print(flush=True)
    for server in servers.values():
        server["problems"] = [problem if count == 1 else f"{problem} ({count} times)" for problem, count
                              in collections.Counter(server["problems"]).items()]
    return {"name": work.name, "title": work.title, "compared": work.compared,
            "figures": [vars(figure) for figure in work.figures], "disturbed": disturbed, "servers": servers}


def summarise(result: dict) -> None:
    """Adds each server's medians, and its ratios to pronto: taken within each round, then their median and bounds."""
    reference = result["servers"].get("pronto", {"rounds": []})["rounds"]
    for server in result["servers"].values():
        good = [figures for figures in server["rounds"] if figures]
        server["median"] = {key: statistics.median(figures[key] for figures in good)
                            for key in (good[0] if good else {})}
        ratios = [ours[result["compared"]] / theirs[result["compared"]]
                  for ours, theirs in zip(server["rounds"], reference)
                  if ours and theirs and theirs[result["compared"]]]
        server["ratio"] = {"median": statistics.median(ratios), "min": min(ratios),
                           "max": max(ratios)} if ratios else None


def measure(arguments: argparse.Namespace) -> int:
    if shutil.which("wrk") is None:
        sys.exit("bench: needs wrk (make bench-deps installs it)")
    settings = make_settings(arguments)
    known = all_specs(settings.build)
    names = [spec.name for spec in known] + ["floor"]
    chosen = ["pronto", "floor"] if arguments.smoke else choose("server", arguments.servers, names)
    missing = [spec.name for spec in known if spec.name in chosen and spec.program is None]
    servers = [spec for spec in known if spec.name in chosen and spec.program is not None]
    works = all_works(settings)
    chosen_works = choose("work", arguments.works, [work.name for work in works])
    results = {"machine": machine.describe(settings, servers),
               "settings": {"rounds": settings.rounds, "seconds": settings.seconds},
               "notes": {spec.name: spec.note for spec in servers if spec.note},
               "not_installed": missing, "works": []}
    if missing:
        print(f"bench: not installed, so not measured: {' '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="pronto-bench-") as directory:
        root = f"{directory}/root"
        os.mkdir(root)
        os.chmod(directory, 0o755)  # for servers that give up root
        with_random = "random" in chosen_works
        tree.make(root, settings.random_directories if with_random else 0, settings.random_files,
                  settings.huge_bytes)
        tree.read_through(root + tree.HUGE)
        bench = Bench(settings, root)
        for work in works:
            specs = specs_of(work, servers, "floor" in chosen, settings.build)
            if work.name in chosen_works and specs:
                result = run_work(bench, work, specs)
                summarise(result)
                results["works"].append(result)
                print("\n" + report.work_as_text(result), flush=True)
    return store(results, settings.build, arguments.smoke)


def store(results: dict, build: str, smoke: bool) -> int:
    path = report.write_json(results, f"{build}/bench", "smoke" if smoke else "results")
    print(path)
    draw(results, path)
    return 1 if any(server["problems"] for work in results["works"]
                    for name, server in work["servers"].items() if is_ours(name)) else 0


def is_ours(server: str) -> bool:
    """What goes wrong with a peer is part of the results; with these it is a defect."""
    return server == "pronto" or server.startswith("floor")


def draw(results: dict, path: str) -> None:
    drawn = chart.draw(results, path.removesuffix(".json"))
    print(drawn or "bench: no chart: there is nothing to draw, or no gnuplot (make bench-deps installs it)")


def show_stored(arguments: argparse.Namespace) -> int:
    path = f"{arguments.build}/bench/results.json"
    try:
        with open(path, encoding="utf-8") as file:
            results = json.load(file)
    except FileNotFoundError:
        sys.exit(f"bench: there is no {path} yet (make bench)")
    if arguments.markdown:
        print(report.as_markdown(results))
    if arguments.chart:
        draw(results, path)
    if arguments.update_docs:
        report.update_docs(results, path.removesuffix(".json") + ".svg")
    return 0


def main() -> int:
    arguments = parse_arguments()
    if arguments.markdown or arguments.chart or arguments.update_docs:
        return show_stored(arguments)
    # SIGTERM takes the way of an exception, past all that has to be stopped and removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.suppress(KeyboardInterrupt):
        return measure(arguments)
    print("\nbench: interrupted", file=sys.stderr)
    return 130


if __name__ == "__main__":
    sys.exit(main())
