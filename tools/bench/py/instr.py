#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Instructions per allocator operation, counted by callgrind.

Each pattern of tools/bench/instr runs twice with different lengths and the
difference is divided by the difference in length, so whatever a run costs
once cancels. The same is done with the pattern's null build, whose
allocator does nothing; that loop, with its two jumps through the PLT, is
subtracted. What remains is what runs inside the allocator, its return
instructions included. Counts, not times: they repeat on a loaded machine.

With --check the figures are held against a kept table instead, as TAP."""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys

import allocators

SHORT_RUN = 10240
LONG_RUN = SHORT_RUN + 204800
TOLERANCE = 0.03
# Half an instruction: below that a row is rounding, not a regression.
TOLERANCE_FLOOR = 0.5

# row: (pattern, size, live objects, instructions in the null bodies)
ROWS = {
    "lone-64": ("lone", 64, 0, 3),
    "random256-64": ("random256", 64, 0, 3),
    "sized-delete-64": ("sized_delete", 64, 0, 3),
    "calloc-64": ("calloc", 64, 0, 3),
    "realloc-in-class": ("realloc", 64, 0, 2),
    "aligned-64": ("aligned", 64, 0, 3),
    "aligned-1024": ("aligned", 1024, 0, 3),
    "foreign-64": ("foreign", 64, 0, 3),
    "live-10k": ("live", 64, 10_000, 3),
    "live-10M": ("live", 64, 10_000_000, 3),
}
# Multiples of the bursts, so that every run ends at a burst's end.
for _size in (64, 256, 1024):
    ROWS[f"burst10k-{_size}"] = ("burst", _size, 10240, 3)
SIZES = [16, 32, 48, 80, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768]
for _size in SIZES:
    ROWS[f"lone-{_size}"] = ("lone", _size, 0, 3)
ROWS["random256-4096"] = ("random256", 4096, 0, 3)
ROWS["calloc-4096"] = ("calloc", 4096, 0, 3)
# Counted but not kept: mostly the memset that libc picks for the CPU.
NOT_KEPT = {"calloc-4096"}


class Failed(Exception):
    """A counted run did not come to an end as it should."""


def count(program, env, nr_ops, size, nr_live, origin):
    """Instructions of one run of nr_ops operations."""
    cmd = ["setarch", "-R", "valgrind", "--tool=callgrind",
           "--instr-atstart=no", "--callgrind-out-file=/dev/null",
           program, str(nr_ops), str(size), str(nr_live)]
    try:
        done = subprocess.run(cmd, env=env, capture_output=True, text=True,
                              timeout=300, check=False)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{' '.join(cmd)}: no end after {late.timeout} s") \
            from late
    match = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or match is None:
        raise Failed(f"{' '.join(cmd)}: exit status {done.returncode}: "
                     + done.stderr[-400:])
    if origin and f"malloc from {origin}" not in done.stdout:
        raise Failed(f"{program}: wanted malloc from {origin}, saw "
                     + done.stdout.strip())
    return int(match.group(1))


def per_op(program, env, row, origin=None):
    """Instructions per operation of one program under one environment."""
    _, size, nr_live, _ = ROWS[row]
    runs = [count(program, env, nr, size, nr_live, origin)
            for nr in (SHORT_RUN, LONG_RUN)]
    return (runs[1] - runs[0]) / (LONG_RUN - SHORT_RUN)


def empty_loop(bench, row):
    """What the loop itself costs: null build less the null bodies."""
    pattern, _, _, bodies = ROWS[row]
    env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    program = os.path.join(bench, "instr", pattern + "-null")
    return per_op(program, env, row) - bodies


def measure(bench, allocs, rows, jobs, progress):
    """{allocator: {row: instructions}} with failures as strings."""
    table = {alloc.name: {} for alloc in allocs}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        loops = {}
        for row in rows:
            # The empty loop is the same at every object size.
            loop = (ROWS[row][0], ROWS[row][2])
            if loop not in loops:
                loops[loop] = pool.submit(empty_loop, bench, row)
        empty = {row: loops[ROWS[row][0], ROWS[row][2]] for row in rows}
        work = {}
        for row in rows:
            for alloc in allocs:
                program = os.path.join(bench, "instr", ROWS[row][0])
                work[pool.submit(per_op, program, alloc.env(), row,
                                 alloc.library)] = (alloc.name, row)
        for done in concurrent.futures.as_completed(work):
            name, row = work[done]
            try:
                table[name][row] = round(
                    done.result() - empty[row].result(), 1)
            except Failed as why:
                table[name][row] = str(why)
            progress(f"{name} {row}")
    return table


def print_table(table, rows):
    """One line a row; the least figure of each row is starred."""
    names = list(table)
    print(f"{'instructions per operation':28s}"
          + "".join(f"{name:>13s}" for name in names))
    for row in rows:
        cells = [table[name][row] for name in names]
        numbers = [c for c in cells if not isinstance(c, str)]
        best = min(numbers) if numbers else None
        text = ["failed" if isinstance(c, str)
                else f"{c:.1f}{'*' if c == best else ' '}" for c in cells]
        print(f"{row:28s}" + "".join(f"{t:>13s}" for t in text))
    for name in names:
        for row in rows:
            if isinstance(table[name][row], str):
                print(f"# {name} {row}: {table[name][row]}")


def compiler():
    """What built the library: a kept count holds for one compiler only."""
    out = subprocess.run([os.environ.get("CC", "gcc"), "-dumpfullversion"],
                         capture_output=True, text=True, check=False)
    machine = os.uname().machine
    return f"{machine} {out.stdout.strip()}"


def check(table, kept):
    """Print TAP for ashlar against the kept figures; count failures."""
    if kept["compiler"] != compiler():
        print(f"1..0 # SKIP kept figures are for {kept['compiler']}, "
              f"this is {compiler()}")
        return 0
    rows = kept["rows"]
    failed = 0
    print("TAP version 13")
    print(f"1..{len(rows)}")
    for number, (row, want) in enumerate(rows.items(), 1):
        saw = table[row]
        limit = want + max(want * TOLERANCE, TOLERANCE_FLOOR)
        if isinstance(saw, str):
            verdict = f"not ok {number} instructions {row} # {saw}"
        elif saw > limit:
            verdict = (f"not ok {number} instructions {row} # expected at "
                       f"most {limit:.1f} (kept {want}), saw {saw}")
        else:
            verdict = f"ok {number} instructions {row} # {saw}, kept {want}"
        failed += verdict.startswith("not")
        print(verdict)
    return failed


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--allocators", default=",".join(allocators.ORDER))
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--check", metavar="KEPT.json")
    parser.add_argument("--keep", metavar="KEPT.json")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    args.rows = [row for row in args.rows.split(",") if row]
    for row in args.rows:
        if row not in ROWS:
            parser.error(f"row \"{row}\": there are {', '.join(ROWS)}")
    return args


def main():
    args = arguments()
    kept = None
    if args.check:
        with open(args.check, encoding="utf-8") as file:
            kept = json.load(file)
        args.allocators, args.rows = "ashlar", list(kept["rows"])
    if args.keep:
        args.allocators = "ashlar"
        args.rows = [row for row in args.rows if row not in NOT_KEPT]
    try:
        allocs = allocators.find_all(args.allocators.split(","), args.build)
    except allocators.Unavailable as why:
        sys.exit(f"bench-instr: {why}")

    def progress(text):
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    table = measure(os.path.join(args.build, "bench"), allocs, args.rows,
                    args.jobs, progress)
    progress("")
    if kept:
        sys.exit(1 if check(table["ashlar"], kept) else 0)
    print_table(table, args.rows)
    result = {"compiler": compiler(),
              "versions": {a.name: a.version() for a in allocs},
              "instructions": table}
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
    failed = any(isinstance(c, str) for t in table.values()
                 for c in t.values())
    if args.keep and not failed:
        with open(args.keep, "w", encoding="utf-8") as file:
            json.dump({"compiler": compiler(),
                       "rows": {row: table["ashlar"][row]
                                for row in args.rows}}, file, indent=1)
            file.write("\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
