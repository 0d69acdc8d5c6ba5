# SPDX-License-Identifier: MIT
"""The rows of `make bench`: what is run, how often, on which CPUs. Knows
nothing about allocators or about how a run is measured."""

import os
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REAL = os.path.join(HERE, "real")

# Synthetic programs, each in a form for 2 threads and one for 8.
SYNTHETIC = ["server", "prodcons", "handover", "batch", "replace", "size_mix",
             "table", "realloc", "tree", "fragment", "buffers", "large",
             "share_active", "share_passive", "thread_churn"]


class Row:
    """One line of the table.

    has_time: whether its time says anything (a program that sleeps does not).
    relinked: the program is linked to an allocator of its own, so even glibc
    has to be preloaded."""

    def __init__(self, name, argv, **traits):
        self.name = name
        self.argv = argv
        self.env = traits.get("env", {})
        self.times = traits.get("times", 1)
        self.has_time = traits.get("has_time", True)
        self.relinked = traits.get("relinked", False)
        self.runner = traits.get("runner", "command")
        self.scratch = traits.get("scratch")
        self.kind = traits.get("kind", "real")


def _synthetic(bench, percent):
    for name in SYNTHETIC:
        for threads in (2, 8):
            yield Row(f"{name}-{threads}t",
                      [os.path.join(bench, "synth", name), str(threads),
                       str(percent)], kind="synthetic")
    yield Row("idle_threads-1000t",
              [os.path.join(bench, "synth", "idle_threads"), "10",
               str(percent)], kind="synthetic", has_time=False)


def _db_bench(threads, scratch):
    per_thread = 160000 // threads
    return Row(f"db_bench-{threads}t",
               ["db_bench", "--benchmarks=fillrandom,readrandom",
                f"--db={scratch}", f"--num={per_thread}",
                f"--threads={threads}", "--compression_type=none",
                "--disable_wal=1", "--value_size=100", "--seed=3",
                "--write_buffer_size=4194304"], scratch=scratch)


def _real(bench):
    def load(name):
        return os.path.join(REAL, name)

    source = os.path.join(bench, "load", "source.c")
    small = os.path.join(bench, "load", "small.c")
    scratch = os.path.join("/dev/shm", f"ashlar-bench-{os.getpid()}")
    python = "/usr/bin/python3"
    yield Row("true", ["/bin/true"], times=200)
    yield Row("perl-start", ["perl", "-e", "1"], times=100)
    yield Row("python3-start", [python, "-S", "-c", "pass"], times=40)
    yield Row("gcc-small", ["gcc", "-O1", "-c", "-o", "/dev/null", small],
              times=8)
    yield Row("python3", [python, load("objects.py"), "8"])
    yield Row("python3-malloc", [python, load("objects.py"), "8"],
              env={"PYTHONMALLOC": "malloc"})
    yield Row("perl", ["perl", load("hashes.pl"), "5"])
    yield Row("lua", ["lua5.4", load("tables.lua"), "1"])
    yield Row("sqlite3", ["sqlite3", ":memory:",
                          ".read " + load("tables.sql")])
    yield Row("gcc", ["gcc", "-O1", "-c", "-o", "/dev/null", source])
    yield Row("clang", ["clang", "-O1", "-c", "-o", "/dev/null", source])
    yield Row("ghostscript",
              ["gs", "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER",
               "-sDEVICE=ppmraw", "-r100", "-o", "/dev/null",
               load("figure.ps")])
    for threads in (2, 8):
        yield _db_bench(threads, scratch)
    yield Row("redis", ["redis-server"], relinked=True, runner="redis")


def all_rows(bench, percent):
    """Every row, in the order of the table."""
    return list(_synthetic(bench, percent)) + list(_real(bench))


def select(rows, wanted):
    """The rows named in wanted (names, or kinds, or prefixes ending in *)."""
    if not wanted:
        return rows
    chosen = []
    for word in wanted.split(","):
        found = [row for row in rows
                 if word in (row.name, row.kind)
                 or (word.endswith("*") and row.name.startswith(word[:-1]))]
        if not found:
            sys.exit(f"bench: row \"{word}\": there are synthetic, real, "
                     + ", ".join(row.name for row in rows))
        chosen += [row for row in found if row not in chosen]
    return chosen
