#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Folds files of record.c into size_mix.h: each program weighs the same,
whatever it allocated, and the weights are parts in 65536.

usage: mix.py COUNTS... >size_mix.h"""

import sys

PARTS = 65536
HEAD = """/* SPDX-License-Identifier: MIT */
/*
 * Sizes and lifetimes of objects in real programs, as parts in 65536: made
 * by mix.py out of what record.c counted in %s.
 * Sizes are the upper end of a recorded range, in bytes; a lifetime n means
 * 4^n to 4^(n+1) allocations, the greatest meaning that the program never
 * freed the object. Generated: record anew rather than edit.
 */
#ifndef BENCH_SIZE_MIX_H
#define BENCH_SIZE_MIX_H

static const struct size_mix {
	unsigned int size;
	unsigned short life;
	unsigned short parts;
} size_mix[] = {
"""


def read(path):
    """{(size, life): share of the program's objects}"""
    with open(path, encoding="ascii") as file:
        rows = [tuple(map(int, line.split())) for line in file]
    total = sum(row[2] for row in rows)
    return {(size, life): count / total for size, life, count in rows}


def main():
    programs = [read(path) for path in sys.argv[1:]]
    names = sorted({p.rsplit("/", 1)[-1].split(".")[0] for p in sys.argv[1:]})
    mix = {}
    for program in programs:
        for key, share in program.items():
            mix[key] = mix.get(key, 0) + share / len(programs)
    parts = {key: round(share * PARTS) for key, share in mix.items()}
    parts = {key: count for key, count in parts.items() if count}
    biggest = max(parts, key=parts.get)
    parts[biggest] += PARTS - sum(parts.values())
    print(HEAD % ", ".join(names), end="")
    cells = [f"{{ {size}, {life}, {parts[size, life]} }},"
             for size, life in sorted(parts)]
    for at in range(0, len(cells), 3):
        print("\t" + " ".join(cells[at:at + 3]))
    print("};\n\n#endif")


main()
