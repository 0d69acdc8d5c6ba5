# SPDX-License-Identifier: MIT
"""Plots by gnuplot. Each function writes one SVG, and beside it the data
and the script it came from, so that a plot can be redrawn otherwise."""

import os
import subprocess
import sys

COLOURS = {"glibc": "#7f7f7f", "jemalloc": "#1f77b4", "mimalloc": "#2ca02c",
           "gperftools": "#9467bd", "ashlar": "#d62728"}
TITLES = {"time": "time, glibc = 1", "cpu": "CPU time, glibc = 1",
          "peak_kib": "peak memory, glibc = 1"}


def draw(path, script):
    """Run one gnuplot script, kept as path.gp."""
    source = path.rsplit(".", 1)[0] + ".gp"
    with open(source, "w", encoding="utf-8") as file:
        file.write(script)
    try:
        done = subprocess.run(["gnuplot", source], capture_output=True,
                              text=True, check=False)
    except FileNotFoundError:
        print("no plot: gnuplot is not installed: apt-get install "
              "gnuplot-nox", file=sys.stderr)
        return
    if done.returncode != 0:
        print(f"no plot: gnuplot {source}: {done.stderr}", file=sys.stderr)


def _write_ratios(path, cells, names):
    """One line a row, one column an allocator; ? where there is no run."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("row " + " ".join(names) + "\n")
        for row, line in cells.items():
            base = line.get("glibc", {}).get("median")
            ratios = [f"{line[n]['median'] / base:.4f}"
                      if base and n in line else "?" for n in names]
            file.write(row.replace("_", "-") + " " + " ".join(ratios) + "\n")


def ratios(path, tables, names):
    """Clustered bars of every row, a panel each for time and for memory."""
    stem = path.rsplit(".", 1)[0]
    script = ["set terminal svg size 1500,1200 font 'Sans,11' background "
              "'white'", f"set output '{path}'", "set style data histogram",
              "set style histogram clustered gap 1.5",
              "set style fill solid border -1", "set xtics rotate by -40",
              "set grid ytics", "set key outside top center horizontal",
              "set datafile missing '?'", "set boxwidth 1",
              "set yrange [0:3]",
              f"set multiplot layout {len(tables)},1"]
    for metric, cells in tables.items():
        data = f"{stem}-{metric}.dat"
        _write_ratios(data, cells, names)
        script.append(f"set ylabel '{TITLES[metric]}'")
        plots = [f"'{data}' using {col}:xtic(1) title '{name}' "
                 f"linecolor rgb '{COLOURS.get(name, '#ff7f0e')}'"
                 for col, name in enumerate(names, 2)]
        script.append("plot " + ", ".join(plots) + ", 1 notitle lc 0")
    script.append("unset multiplot")
    draw(path, "\n".join(script) + "\n")
    return os.path.exists(path)


def frontier(path, points, settings):
    """Memory kept against huge share after thinning at random."""
    stem = path.rsplit(".", 1)[0]
    script = ["set terminal svg size 1100,600 font 'Sans,11' background "
              "'white'", f"set output '{path}'", "set grid",
              "set xrange [0:1.15]", "set yrange [-0.05:1.05]",
              "set xlabel 'resident, part of what the fill held'",
              "set ylabel 'share on huge pages'", "set key outside right",
              "set multiplot layout 1,2"]
    for program in sorted({point[1] for point in points}):
        plots = []
        for number, setting in enumerate(settings, 1):
            mine = [p for p in points if p[0] == setting and p[1] == program]
            if not mine:
                continue
            data = f"{stem}-{program}-{setting}.dat"
            with open(data, "w", encoding="utf-8") as file:
                for _, _, step, kept, huge in mine:
                    file.write(f"{kept:.4f} {huge:.4f} {step}\n")
            colour = COLOURS.get(setting.split("-")[0], "#ff7f0e")
            plots.append(f"'{data}' using 1:2 with linespoints pointtype "
                         f"{number} linecolor rgb '{colour}' "
                         f"title '{setting}'")
        script += [f"set title '{program}: 6 s, 15 s, after purge'",
                   "plot " + ", ".join(plots)]
    script.append("unset multiplot")
    draw(path, "\n".join(script) + "\n")
