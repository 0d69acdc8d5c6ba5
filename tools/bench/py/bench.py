#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench: synthetic and real programs under every allocator.

Rounds are interleaved: within a round a row runs under each allocator in
turn, and the order rotates from round to round, so that drift of the
machine falls on all alike. Programs are pinned. Each cell is a median with
half its spread. The machine should be idle: on two shared cores the times
of the synthetic rows differ by 30 to 70 % between rounds, which the printed
spread shows; resident memory repeats well."""

import argparse
import datetime
import json
import os
import signal
import subprocess
import sys

import allocators
import measure
import plots
import rows as row_table
import table


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--allocators", default=",".join(allocators.ORDER))
    parser.add_argument("--rows", default="",
                        help="names, synthetic, real, or prefix*")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpus", default=None, help="as 0,1")
    parser.add_argument("--percent", type=int, default=100,
                        help="amount of work of the synthetic rows")
    parser.add_argument("--from", dest="earlier", metavar="FILE,...",
                        help="report earlier runs' JSON, run nothing")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--plot", metavar="FILE.svg")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error(f"--rounds {args.rounds}: at least 1; 5 or more for "
                     "figures that are to be believed")
    if args.cpus is None:
        mine = sorted(os.sched_getaffinity(0))
        args.cpus = ",".join(map(str, mine[:2]))
    return args


def read_earlier(files):
    """The results and failures of earlier runs as if of one; the same row
    in two files has the rounds of both."""
    results, failures = {}, []
    for name in files.split(","):
        with open(name, encoding="utf-8") as file:
            data = json.load(file)
        failures += data["failures"]
        for row, by_alloc in data["runs"].items():
            for alloc, runs in by_alloc.items():
                results.setdefault(row, {}).setdefault(alloc, []).extend(runs)
    return results, failures


def make_loads(bench):
    """The generated inputs of the compiler rows."""
    folder = os.path.join(bench, "load")
    os.makedirs(folder, exist_ok=True)
    script = os.path.join(row_table.REAL, "csource.py")
    for name, functions in (("source.c", 350), ("small.c", 8)):
        with open(os.path.join(folder, name), "w", encoding="ascii") as out:
            subprocess.run([sys.executable, script, str(functions)],
                           stdout=out, check=True)


def say(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def run_all(args, chosen, allocs):
    """{row: {allocator: [run, ...]}} and a list of failures. Interrupted, it
    ends with what there is, and the interruption is one of the failures."""
    results = {row.name: {a.name: [] for a in allocs} for row in chosen}
    failures = []
    try:
        run_rounds(args, chosen, allocs, results, failures)
    except KeyboardInterrupt:
        failures.append("interrupted: not all rounds ran")
    say("")
    for row in chosen:
        if not row.has_time:
            for run in sum(results[row.name].values(), []):
                run["time"] = None
    return results, failures


def run_rounds(args, chosen, allocs, results, failures):
    """Every row under every allocator, as often as args says."""
    launcher = os.path.join(args.build, "bench", "measure")
    for round_ in range(args.rounds):
        shift = round_ % len(allocs)
        for row in chosen:
            for alloc in allocs[shift:] + allocs[:shift]:
                say(f"round {round_ + 1}/{args.rounds} {row.name} "
                    f"{alloc.name}")
                try:
                    results[row.name][alloc.name].append(
                        measure.run(launcher, row, alloc, args.cpus))
                except measure.Failed as why:
                    failures.append(f"{row.name} {alloc.name}: {why}")
                    print(f"\nFAILED {failures[-1]}", file=sys.stderr)


def print_report(args, results, names, failures):
    print(f"{args.rounds} round(s), interleaved, CPUs {args.cpus}; median, "
          "* best of the row, ± half the spread")
    for metric in table.METRICS:
        print("\n".join(table.lines(results, names, metric)))
    print()
    if "ashlar" in names:
        print("\n".join(table.lost_lines(results)))
    for failure in failures:
        print(f"FAILED {failure}")


def write_json(path, args, results, allocs, failures):
    means = {}
    for metric in table.METRICS:
        means[metric], _ = table.geometric_means(
            table.cells(results, metric), [a.name for a in allocs])
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"date": datetime.datetime.now(
            datetime.timezone.utc).isoformat(timespec="seconds"),
            "kernel": os.uname().release, "cpus": args.cpus,
            "rounds": args.rounds,
            "versions": {a.name: a.version() for a in allocs},
            "geometric_means": means, "failures": failures,
            "runs": results}, file, indent=1)


def finish(args, results, allocs, failures):
    """Print, write and plot; ends the program."""
    names = [alloc.name for alloc in allocs]
    print_report(args, results, names, failures)
    if args.json:
        write_json(args.json, args, results, allocs, failures)
    if args.plot:
        shown = ("time", "cpu", "peak_kib")
        plots.ratios(args.plot, {metric: table.cells(results, metric)
                                 for metric in shown}, names)
    sys.exit(1 if failures else 0)


def main():
    args = arguments()
    names = args.allocators.split(",")
    try:
        allocs = allocators.find_all(names, args.build)
    except allocators.Unavailable as why:
        sys.exit(f"bench: {why}")
    if args.earlier:
        results, failures = read_earlier(args.earlier)
        args.rounds = max(len(runs) for line in results.values()
                          for runs in line.values())
        finish(args, results, allocs, failures)
    bench = os.path.abspath(os.path.join(args.build, "bench"))
    chosen = row_table.select(row_table.all_rows(bench, args.percent),
                              args.rows)
    make_loads(bench)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    results, failures = run_all(args, chosen, allocs)
    finish(args, results, allocs, failures)


if __name__ == "__main__":
    main()
