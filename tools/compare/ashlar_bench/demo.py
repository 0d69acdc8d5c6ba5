# SPDX-License-Identifier: MIT
"""`demo`: Redis under each mode, interleaved; one table, one JSON file."""
import copy
import os
import platform
import time

from . import errors, procfs, rows, steps, table
from .module import Module

THP_ENABLED = '/sys/kernel/mm/transparent_hugepage/enabled'
WARM_UP_SIZES = 5000, 5000, 5000
THP_NOTE = ('transparent_hugepage is "always" here, so Redis would switch huge '
            'pages off for itself; all modes run with its disable-thp off')


class Progress:
    """One line a step: how far, since when, what now."""

    def __init__(self, total, say):
        self.total, self.say = total, say
        self.done = 0
        self.start = time.monotonic()

    def step(self, where, what):
        percent = 100 * self.done // self.total
        seconds = time.monotonic() - self.start
        self.say(f'{percent:3} % {seconds:5.0f} s  {where}: {what}')
        self.done += 1


def settle_thp(plan, is_guest, say):
    """The same, sensible huge-page setting for every mode.

    With "always" Redis opts out of huge pages for its whole process, and
    kernels since 6.12 then map nothing huge, the module's memory included.
    In a guest the setting is ours; on a host it is left alone.
    """
    if procfs.thp_setting() != 'always':
        return
    if is_guest:
        with open(THP_ENABLED, 'w') as setting:
            setting.write('madvise')
        return
    plan.options = ['--disable-thp', 'no']
    say(THP_NOTE)


def machine():
    """What ran, for whoever reads the file later."""
    return {
        'kernel': platform.release(), 'machine': platform.machine(),
        'cpus': os.cpu_count(), 'nodes': procfs.nodes_with_memory(),
        'thp': procfs.thp_setting(),
        'memory_bytes': os.sysconf('SC_PHYS_PAGES')
        * os.sysconf('SC_PAGE_SIZE'),
        'is_emulated': is_emulated(),
    }


def is_emulated():
    """Whether this is QEMU without hardware help, where times mislead."""
    try:
        with open('/proc/cpuinfo') as cpuinfo:
            return 'TCG' in cpuinfo.read()
    except OSError:
        return False


def warm_up(paths, mode, plan, say):
    """A small run that is not counted.

    The first one after a boot reads every program from disk and, under
    emulation, is translated as it runs.
    """
    small = copy.copy(plan)
    small.keys, small.gets, small.load = WARM_UP_SIZES
    say('warming up')
    steps.Run(paths, mode, small, None, lambda what: None).perform()


def perform(paths, chosen, plan, rounds, say):
    """All runs: mode name -> one dict a round."""
    runs = {mode.name: [] for mode in chosen}
    module = Module(paths) if any(m.name == 'dev' for m in chosen) else None
    warm_up(paths, chosen[0], plan, say)
    progress = Progress(6 * rounds * len(chosen), say)
    for i in range(rounds):
        turn = i % len(chosen)
        for mode in chosen[turn:] + chosen[:turn]:
            where = f'round {i + 1} of {rounds}, {mode.name}'
            run = steps.Run(paths, mode, plan, module,
                            lambda what, at=where: progress.step(at, what))
            result = run.perform()
            result['round'] = i
            runs[mode.name].append(result)
    return runs


def demo(paths, chosen, plan, rounds, is_guest, say):
    """Run, print the table; the result as a dict and the exit status."""
    if not chosen:
        raise errors.Fault('no mode is left to run')
    settle_thp(plan, is_guest, say)
    start = time.monotonic()
    runs = perform(paths, chosen, plan, rounds, say)
    titles = {mode.name: mode.title for mode in chosen}
    about = machine()
    data = next(iter(runs.values()))[0]['data_bytes']
    print(f'redis-server, {plan.keys:,} keys, {data / (1 << 20):.0f} MiB of '
          f'data, pinned to node {plan.node}; {rounds} round(s); Linux '
          f'{about["kernel"]}'
          + (', emulated CPU: compare ratios, not times'
             if about['is_emulated'] else ''))
    print(table.text(rows.ROWS, runs, titles))
    print(rows.NOTES)
    for line in rows.checks(runs, titles):
        print(line)
    return {
        'machine': about, 'plan': plan.as_json(), 'rounds': rounds,
        'seconds': time.monotonic() - start,
        'modes': {mode.name: mode.variables for mode in chosen},
        'rows': table.as_json(rows.ROWS, runs, titles), 'runs': runs,
        'is_right': rows.is_right(runs),
    }, 0 if rows.is_right(runs) else 1
