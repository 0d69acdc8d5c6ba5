# SPDX-License-Identifier: MIT
"""From runs to a verdict: medians, spread, ratios, geometric means and the
plain list of rows lost. Pure functions over numbers."""

import math
import statistics

METRICS = {"time": "time (s)", "cpu": "CPU time (s)",
           "peak_kib": "peak resident memory (MiB)",
           "after_kib": "resident memory after (MiB)"}
LIMITS = {"time": 1.10, "cpu": 1.10, "peak_kib": 1.25, "after_kib": 1.25}
ROUNDS_TO_KNOW_NOISE = 3
SCALE = {"time": 1.0, "cpu": 1.0, "peak_kib": 1 / 1024, "after_kib": 1 / 1024}


def summary(runs, metric):
    """Median, least, greatest and spread of one metric; None without runs."""
    values = sorted(run[metric] for run in runs
                    if run.get(metric) is not None)
    if not values:
        return None
    middle = statistics.median(values)
    return {"median": middle, "min": values[0], "max": values[-1],
            "nr": len(values),
            "spread": (values[-1] - values[0]) / middle if middle else 0.0}


def cells(results, metric):
    """{row: {allocator: summary}} of rows that have this metric at all."""
    table = {}
    for row, by_alloc in results.items():
        line = {name: summary(runs, metric)
                for name, runs in by_alloc.items()}
        line = {name: cell for name, cell in line.items() if cell}
        if line:
            table[row] = line
    return table


def geometric_means(table, names, base="glibc"):
    """Geometric mean of ratios to base, over rows that all names have."""
    rows = [line for line in table.values()
            if all(name in line for name in names)]
    if base not in names or not rows:
        return {}, 0
    means = {}
    for name in names:
        logs = [math.log(max(line[name]["median"], 1e-9)
                         / max(line[base]["median"], 1e-9)) for line in rows]
        means[name] = math.exp(sum(logs) / len(logs))
    return means, len(rows)


def best_of(line):
    return min(line, key=lambda name: line[name]["median"])


def lost_rows(table, metric, name="ashlar"):
    """[(row, ratio, best, noise, over the limit)] that name loses; noise
    says what the rounds leave open, and is empty where they leave nothing."""
    lost = []
    for row, line in table.items():
        best = best_of(line)
        if name not in line or best == name:
            continue
        ratio = line[name]["median"] / max(line[best]["median"], 1e-9)
        noise = ""
        if line[name]["nr"] < ROUNDS_TO_KNOW_NOISE:
            noise = ", too few rounds to know the noise"
        elif line[name]["min"] <= line[best]["max"]:
            noise = ", within the noise of these rounds"
        lost.append((row, ratio, best, noise, ratio > LIMITS[metric]))
    return sorted(lost, key=lambda item: -item[1])


def _cell(cell, metric, is_best):
    value = cell["median"] * SCALE[metric]
    digits = 3 if value < 10 else 1
    star = "*" if is_best else " "
    return f"{value:.{digits}f}{star}±{cell['spread'] * 50:3.0f}%"


def lines(results, names, metric):
    """The printed table of one metric, geometric means last."""
    table = cells(results, metric)
    if not table:
        return []
    out = ["", f"{METRICS[metric]:26s}"
           + "".join(f"{name:>15s}" for name in names)]
    for row, line in table.items():
        best = best_of(line)
        out.append(f"{row:26s}" + "".join(
            f"{_cell(line[n], metric, n == best) if n in line else '-':>15s}"
            for n in names))
    means, nr_rows = geometric_means(table, names)
    if means:
        out.append(f"{f'geometric mean/glibc ({nr_rows})':26s}"
                   + "".join(f"{means[n]:>10.3f}     " for n in names))
    return out


def lost_lines(results, name="ashlar"):
    """Every row that name loses, in every metric, worst first."""
    out = []
    for metric, title in METRICS.items():
        table = cells(results, metric)
        for row, ratio, best, noise, over in lost_rows(table, metric, name):
            mark = f", over {LIMITS[metric]:.2f}x" if over else ""
            out.append(f"  {row}: {title} {ratio:.2f}x of {best}'s"
                       f"{mark}{noise}")
    if not out:
        return [f"{name} loses no row."]
    return [f"Rows that {name} loses:"] + out
