#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench-fork: memory that a parent copies while a child of a fork lives,
because its allocator writes into pages: by freeing half of its objects at
random, and by allocating as many again, none of them touched."""

import argparse
import os
import re
import subprocess

import allocators
import bench_mem

LINE = re.compile(r"live_kib (\d+) freed_kib (\d+) allocated_kib (\d+)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--settings", default=",".join(bench_mem.SETTINGS))
    args = parser.parse_args()
    program = os.path.join(args.build, "bench", "mem", "forkdirty")
    print(f"MiB that the parent dirtied, {args.mib} MiB live at the fork")
    print(f"{'':16}{'freed half':>12}{'and allocated':>15}")
    for setting in args.settings.split(","):
        name, env = bench_mem.SETTINGS[setting]
        alloc = allocators.find(name, args.build)
        full = {**os.environ, **env}
        if alloc.library:
            full["LD_PRELOAD"] = alloc.library
        out = subprocess.run([program, str(args.mib)], env=full, check=True,
                             text=True, stdout=subprocess.PIPE).stdout
        _, freed, again = map(int, LINE.search(out).groups())
        print(f"{setting:16}{freed / 1024:12.1f}{again / 1024:15.1f}")


if __name__ == "__main__":
    main()
