# SPDX-License-Identifier: MIT
"""What a test program in Python needs to report in KTAP.

Tests are functions; main() runs those it is given in order. A test fails by
an AssertionError (its text is the line's) or any other exception, and is
skipped by Skip.
"""
import sys
import traceback


class Skip(Exception):
    """Raised by a test that can't run here, with the reason."""


def expect(condition, expected, saw):
    if not condition:
        raise AssertionError(f'expected {expected}, saw {saw!r}')


def equal(saw, expected):
    expect(saw == expected, repr(expected), saw)


def main(*tests):
    failed = 0
    print(f'1..{len(tests)}')
    for nr, test in enumerate(tests, 1):
        name = test.__name__.replace('_', ' ')
        try:
            test()
            print(f'ok {nr} {name}')
        except Skip as skip:
            print(f'ok {nr} {name} # SKIP {skip}')
        except Exception as err:
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f'# {line}')
            first = (str(err).splitlines() or [''])[0]
            print(f'not ok {nr} {name} # {type(err).__name__}: {first}')
        sys.stdout.flush()
    return 1 if failed else 0
