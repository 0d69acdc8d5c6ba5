# SPDX-License-Identifier: MIT
"""Rows of a comparison, as text and as JSON.

The first mode is what the others are compared with. A row of ratios shows the
first mode's own value once and the others as multiples of it; any other row
shows values. Both show the median and, in brackets, the lowest and highest of
the rounds.
"""
from .series import Series, ratios

SCALES = {
    'bytes': ((1 << 30, 'GiB'), (1 << 20, 'MiB'), (1 << 10, 'KiB'),
              (1, 'B')),
    's': ((1, 's'), (1e-3, 'ms'), (1e-6, 'us')),
    '/s': ((1e6, 'M/s'), (1e3, 'k/s'), (1, '/s')),
    'count': ((1e6, 'M'), (1e3, 'k'), (1, '')),
    'share': ((0.01, '%'),),
    'x': ((1, 'x'),),
}


class Row:
    """One line: a name, the runs' key, and how to show it."""

    def __init__(self, name, key, unit, is_ratio=False):
        self.name, self.key, self.unit = name, key, unit
        self.is_ratio = is_ratio

    def series(self, runs, mode, base):
        values = [run.get(self.key) for run in runs[mode]]
        if self.is_ratio and mode != base:
            return ratios(values, [run.get(self.key) for run in runs[base]])
        return Series(values)

    def unit_of(self, mode, base):
        return 'x' if self.is_ratio and mode != base else self.unit


def scale_for(value, unit):
    for factor, suffix in SCALES[unit]:
        if abs(value) >= factor:
            return factor, suffix
    return SCALES[unit][-1]


def number(value):
    """Three digits that count, no exponent."""
    size = abs(value)
    return f'{value:.0f}' if size >= 100 else \
        f'{value:.1f}' if size >= 10 else f'{value:.2f}'


def cell(series, unit):
    """Median and spread in one unit, or a dash where nothing is known."""
    if not series:
        return '-'
    low, high = series.spread()
    if low == high == 0:
        return '0'
    factor, suffix = scale_for(series.median(), unit)
    text = number(series.median() / factor)
    text += suffix if suffix in ('x', '%') else f' {suffix}'.rstrip()
    if len(series.values) > 1:
        text += f' [{number(low / factor)}..{number(high / factor)}]'
    return text


def text(rows, runs, titles):
    """The table; `runs` is mode -> one dict a round, `titles` mode -> head."""
    modes = list(titles)
    lines = [['', *titles.values()]]
    for row in rows:
        cells = [cell(row.series(runs, mode, modes[0]),
                      row.unit_of(mode, modes[0])) for mode in modes]
        lines.append([row.name, *cells])
    widths = [max(map(len, column)) for column in zip(*lines)]
    out = []
    for i, line in enumerate(lines):
        out.append('  '.join(
            part.ljust(width) for part, width in zip(line, widths)).rstrip())
        if i == 0:
            out.append('-' * (sum(widths) + 2 * len(widths) - 2))
    return '\n'.join(out)


def as_json(rows, runs, titles):
    modes = list(titles)
    return [{
        'name': row.name,
        'key': row.key,
        'unit': row.unit,
        'is_ratio': row.is_ratio,
        'modes': {mode: {
            'unit': row.unit_of(mode, modes[0]),
            **(row.series(runs, mode, modes[0]).as_json() or {}),
        } for mode in modes},
    } for row in rows]
