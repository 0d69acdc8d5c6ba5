#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench-mem: resident memory over live bytes, and its huge-page share,
step by step, for every allocator in the settings its users would choose.

Live bytes are what the program asked for; resident memory is the kernel's
(smaps_rollup), less what the program had before its first object; the huge
share is what the kernel mapped huge, not what anyone hoped. Before each run
as much memory as it will use is touched once and given back, so that a host
that reclaims free memory of a virtual machine is not what is measured."""

import argparse
import json
import os
import re
import sys

import allocators
import measure
import plots

STEP = re.compile(r"^step (\S+) live_kib (\d+) rss_kib (\d+) huge_kib (\d+) "
                  r"at ([\d.]+)$", re.M)
MACHINE = re.compile(r"^machine (\S+) taken_kib (-?\d+) returned (\d+) "
                     r"splits (\d+)$", re.M)
METADATA = re.compile(r"^metadata (\S+) kib (\d+)$", re.M)
PAUSE = re.compile(r"^pause (\w+) (.*)$", re.M)
CHASE = re.compile(r"^chase ns ([\d.]+)$", re.M)

# setting: (allocator, environment)
SETTINGS = {
    "glibc": ("glibc", {}),
    "glibc-hugetlb1": ("glibc",
                       {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}),
    "jemalloc": ("jemalloc", {}),
    "jemalloc-thp": ("jemalloc",
                     {"MALLOC_CONF": "thp:always,metadata_thp:auto"}),
    "jemalloc-hpa": ("jemalloc",
                     {"MALLOC_CONF": "hpa:true,background_thread:true,"
                                     "metadata_thp:always"}),
    "mimalloc": ("mimalloc", {}),
    "mimalloc-thp": ("mimalloc", {"MIMALLOC_LARGE_OS_PAGES": "1"}),
    "gperftools": ("gperftools", {}),
    "ashlar": ("ashlar", {}),
    "ashlar-plain": ("ashlar", {"ASHLAR_CONF": "backend:plain"}),
}
# Where the module is loaded, to tell it from huge pages of the kernel's own.
# What is not to be had is a failure, not another row's memory.
GUEST_SETTINGS = {
    "ashlar-thp": ("ashlar", {"ASHLAR_CONF": "backend:thp,abort_conf:true"}),
    "ashlar-dev": ("ashlar", {"ASHLAR_CONF": "backend:dev,abort_conf:true"}),
}
ALL_SETTINGS = {**SETTINGS, **GUEST_SETTINGS}

# program: (arguments before the size, size in MiB as part of --mib)
PROGRAMS = {
    "small-random": ("phases", ["small", "random"], 1.0),
    "small-age": ("phases", ["small", "age"], 1.0),
    "small16-age": ("phases", ["small16", "age"], 1.0),
    "database-random": ("phases", ["database", "random"], 1.0),
    "database-age": ("phases", ["database", "age"], 1.0),
    "churn": ("churn", ["drift"], 0.25),
    "churn-jump": ("churn", ["jump"], 0.25),
    "day": ("day", [], 0.25),
    "bursts": ("bursts", [], 0.25),
    "cycles": ("cycles", [], 0.015),
    "pause": ("pause", ["swing"], 0.25),
    "pause-small": ("pause", ["small"], 1.0),
    "chase": ("chase", [], 1.0),
}
# Steps that make the frontier of memory against huge share.
FRONTIER = ["thin+6s", "thin+15s", "thin+purge"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--settings", default=",".join(SETTINGS))
    parser.add_argument("--programs", default=",".join(PROGRAMS))
    parser.add_argument("--mib", type=int, default=2048,
                        help="live bytes of the fill, in MiB")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--cpus", default=None)
    parser.add_argument("--machine", action="store_true",
                        help="show what the machine got back: where nothing "
                        "else runs")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--plot", metavar="FILE.svg")
    args = parser.parse_args()
    for given, known in ((args.settings, ALL_SETTINGS),
                         (args.programs, PROGRAMS)):
        for word in given.split(","):
            if word not in known:
                parser.error(f"\"{word}\": there are {', '.join(known)}")
    if args.cpus is None:
        args.cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))[:2]))
    return args


def parse(out):
    """What one run printed, as plain data."""
    steps = {name: {"live_kib": int(live), "rss_kib": int(rss),
                    "huge_kib": int(huge), "at": float(at)}
             for name, live, rss, huge, at in STEP.findall(out)}
    for name, taken, returned, splits in MACHINE.findall(out):
        steps[name].update(taken_kib=int(taken), returned=int(returned),
                           splits=int(splits))
    for name, kib in METADATA.findall(out):
        steps[name]["metadata_kib"] = int(kib)
    pauses = {}
    for name, text in PAUSE.findall(out):
        words = text.split()
        pauses[name] = dict(zip(words[::2], map(int, words[1::2])))
    chase = CHASE.search(out)
    return {"steps": steps, "pauses": pauses,
            "chase_ns": float(chase.group(1)) if chase else None}


def run_one(args, program, setting):
    """One run of one program in one setting."""
    name, words, part = PROGRAMS[program]
    alloc_name, env = ALL_SETTINGS[setting]
    alloc = allocators.find(alloc_name, args.build)
    mib = max(int(args.mib * part), 1)
    bench = os.path.join(args.build, "bench")
    argv = [os.path.join(bench, "mem", name), *words, str(mib)]
    full = {**env, **({"LD_PRELOAD": alloc.library} if alloc.library else {})}
    figures, out = measure.launch(os.path.join(bench, "measure"), argv, full,
                                  args.cpus, warm_mib=mib + mib // 2,
                                  limit=900)
    result = parse(out)
    result["cpu"] = figures["user"] + figures["sys"]
    result["wall"] = figures["wall"]
    return result


def middle(runs, pick):
    """Median over rounds of one figure, None if any run lacks it."""
    values = sorted(value for value in map(pick, runs) if value is not None)
    return values[len(values) // 2] if values else None


def cell(runs, step):
    """'RSS over live, huge share' of one step; MiB where nothing lives."""
    def ratio(run):
        held = run["steps"].get(step)
        if held is None:
            return None
        base = held["live_kib"] if held["live_kib"] > 64 else 1024
        return held["rss_kib"] / base

    def huge(run):
        held = run["steps"].get(step)
        return held and held["huge_kib"] / max(held["rss_kib"], 1)

    value = middle(runs, ratio)
    if value is None:
        return "-"
    unit = "x" if any(run["steps"][step]["live_kib"] > 64 for run in runs
                      if step in run["steps"]) else "M"
    return f"{value:.2f}{unit} {100 * min(middle(runs, huge), 1):3.0f}%"


def print_steps(program, by_setting):
    """Resident over live and huge share: settings down, steps across."""
    steps = []
    for runs in by_setting.values():
        for run in runs:
            steps += [s for s in run["steps"] if s not in steps]
    if not steps:
        return
    print(f"\n{program}: resident/live (x; MiB where nothing is live: M) and "
          "huge share")
    print(f"{'':16s}" + "".join(f"{step:>13s}" for step in steps))
    for setting, runs in by_setting.items():
        if runs:
            print(f"{setting:16s}" + "".join(f"{cell(runs, step):>13s}"
                                             for step in steps))


def machine_cell(held):
    """'taken over live, given back, split' of one step."""
    lives = held["live_kib"] > 64
    taken = held["taken_kib"] / (held["live_kib"] if lives else 1024)
    return f"{taken:.2f}{'x' if lives else 'M'}" \
           f"{held['returned']:5d}{held['splits']:6d}"


def print_machine(program, by_setting):
    """Memory that the machine has less, huge pages given back whole and huge
    mappings split since the start: settings down, steps across."""
    runs = {name: one[0]["steps"] for name, one in by_setting.items() if one}
    print(f"{program}: taken from the machine/live (MiB: M), huge pages given "
          "back whole, mappings split")
    print(f"{'':11s}" + "".join(f"{step:>20s}"
                                for step in next(iter(runs.values()))))
    for setting, steps in runs.items():
        print(f"{setting:11s}" + "".join(f"{machine_cell(held):>20s}"
                                         for held in steps.values()))


def print_seconds(program, by_setting):
    """CPU seconds of the whole run: what the packing and purging cost."""
    print(f"{program}: CPU s  " + "  ".join(
        f"{setting} {middle(runs, lambda run: run['cpu']):.1f}"
        for setting, runs in by_setting.items() if runs))


def print_metadata(program, by_setting):
    """Where the allocator says it: its own tables as part of the heap."""
    for setting, runs in by_setting.items():
        shares = [f"{step} "
                  f"{100 * held['metadata_kib'] / max(held['rss_kib'], 1):.2f}"
                  for step, held in (runs[0]["steps"].items() if runs else ())
                  if "metadata_kib" in held and held["live_kib"] > 64]
        if shares:
            print(f"{program}: {setting}: metadata, % of resident: "
                  + ", ".join(shares))


def print_pauses(program, by_setting):
    print(f"\n{program}: nanoseconds of one call while memory is purged "
          "(idle: an empty timed region)")
    for setting, runs in by_setting.items():
        for name in (runs[0]["pauses"] if runs else {}):
            line = runs[0]["pauses"][name]
            print(f"{setting:16s}{name:8s}" + "".join(
                f"{key} {middle(runs, lambda r: r['pauses'][name][key]):>9d} "
                for key in line))


def print_chase(by_setting):
    print("\nchase: nanoseconds a step (least of five passes), huge share")
    for setting, runs in by_setting.items():
        if runs:
            ns = middle(runs, lambda run: run["chase_ns"])
            print(f"{setting:16s}{ns:8.1f}  {cell(runs, 'built')}")


def print_report(results, shows_machine):
    for program, by_setting in results.items():
        if not any(by_setting.values()):
            continue
        if program.startswith("pause"):
            print_pauses(program, by_setting)
        elif program == "chase":
            print_chase(by_setting)
        else:
            print_steps(program, by_setting)
            if shows_machine:
                print_machine(program, by_setting)
            print_seconds(program, by_setting)
            print_metadata(program, by_setting)


def frontier_points(results):
    """[(setting, program, step, resident/filled, huge share)]"""
    points = []
    for program in ("small-random", "database-random"):
        for setting, runs in results.get(program, {}).items():
            for run in runs:
                full = run["steps"].get("fill", {}).get("rss_kib")
                for step in FRONTIER:
                    held = run["steps"].get(step)
                    if full and held:
                        points.append((setting, program, step,
                                       held["rss_kib"] / full,
                                       held["huge_kib"]
                                       / max(held["rss_kib"], 1)))
    return points


def run_all(args):
    results, failures = {}, []
    settings = args.settings.split(",")
    for round_ in range(args.rounds):
        for program in args.programs.split(","):
            by_setting = results.setdefault(program, {})
            for setting in settings:
                runs = by_setting.setdefault(setting, [])
                if sys.stderr.isatty():
                    print(f"\r\033[Kround {round_ + 1} {program} {setting}",
                          end="", file=sys.stderr, flush=True)
                try:
                    runs.append(run_one(args, program, setting))
                except measure.Failed as why:
                    failures.append(f"{program} {setting}: {why}")
                    print(f"\nFAILED {failures[-1]}", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return results, failures


def thp_mode():
    try:
        with open("/sys/kernel/mm/transparent_hugepage/enabled",
                  encoding="ascii") as file:
            return re.search(r"\[(\w+)\]", file.read()).group(1)
    except OSError:
        return "absent"


def main():
    args = arguments()
    try:
        results, failures = run_all(args)
    except allocators.Unavailable as why:
        sys.exit(f"bench-mem: {why}")
    print(f"{args.mib} MiB live, {args.rounds} round(s), transparent huge "
          f"pages: {thp_mode()}")
    print_report(results, args.machine)
    for failure in failures:
        print(f"FAILED {failure}")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"mib": args.mib, "thp": thp_mode(),
                       "kernel": os.uname().release, "results": results,
                       "failures": failures}, file, indent=1)
    points = frontier_points(results)
    if args.plot and points:
        plots.frontier(args.plot, points, list(SETTINGS))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
