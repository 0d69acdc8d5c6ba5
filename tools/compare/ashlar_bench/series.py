# SPDX-License-Identifier: MIT
"""Medians and spreads of a few repeated measurements."""
import statistics


class Series:
    """Values of one quantity in one mode, one a round; None where unknown."""

    def __init__(self, values):
        self.values = [value for value in values if value is not None]

    def __bool__(self):
        return bool(self.values)

    def median(self):
        return statistics.median(self.values)

    def spread(self):
        return min(self.values), max(self.values)

    def as_json(self):
        if not self.values:
            return None
        low, high = self.spread()
        return {'median': self.median(), 'min': low, 'max': high,
                'values': self.values}


def ratios(values, base):
    """Each round's value over the same round's base.

    Rounds drift (other load, caches, frequency); inside a round the modes ran
    next to each other, so the ratio is taken there.
    """
    return Series(v / b for v, b in zip(values, base)
                  if v is not None and b)
