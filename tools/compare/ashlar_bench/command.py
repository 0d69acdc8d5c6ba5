# SPDX-License-Identifier: MIT
"""`compare`: any command under each mode, interleaved.

Time, CPU and faults are the kernel's own sums for the command and every
descendant that was waited for; peak resident memory is that of the largest
single process. The share on huge pages is of the resident memory of all its
processes together, program text included, at the sample where they held most.
Sampling costs the kernel a walk of the page tables, so a sample is followed by
a rest of twenty times its own length.
"""
import json
import os
import subprocess
import tempfile
import threading
import time

from . import errors, procfs, table

ROWS = [
    table.Row('wall time', 'wall_s', 's', is_ratio=True),
    table.Row('CPU time', 'cpu_s', 's', is_ratio=True),
    table.Row('  of it in the kernel', 'kernel_s', 's'),
    table.Row('peak resident memory', 'peak_rss', 'bytes', is_ratio=True),
    table.Row('page faults', 'faults', 'count'),
    table.Row('resident on huge pages', 'huge_share', 'share'),
]
SHORTEST_REST_S = 0.02
REST_FACTOR = 20


class Sampler(threading.Thread):
    """Watches the processes of one session until told to stop."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session = session
        self.over = threading.Event()
        self.rss = self.huge = self.count = 0
        self.has_library = self.has_device = False

    def run(self):
        rest = SHORTEST_REST_S
        while not self.over.wait(rest):
            start = time.monotonic()
            self.sample()
            took = time.monotonic() - start
            rest = max(SHORTEST_REST_S, REST_FACTOR * took)

    def sample(self):
        rss = huge = 0
        for pid in procfs.session_pids(self.session):
            # The helper itself leads the session and is not measured.
            if pid == self.session:
                continue
            try:
                one = procfs.rollup(pid)
                maps = procfs.mappings(pid)
            except OSError:
                continue    # it has just exited
            rss, huge = rss + one[0], huge + one[1]
            self.has_library |= procfs.has_library(maps)
            self.has_device |= any(procfs.is_device(*one) for one in maps)
        if not rss:
            return
        self.count += 1
        if rss >= self.rss:
            self.rss, self.huge = rss, huge

    def stop(self):
        self.over.set()
        self.join()

    def share(self):
        return self.huge / self.rss if self.count else None


def run_once(paths, mode, command, keep_output):
    """One run; the dict of what it cost."""
    sink = None if keep_output else subprocess.DEVNULL
    with tempfile.NamedTemporaryFile('r', prefix='ashlar-measure.') as cost, \
            tempfile.TemporaryFile('w+b') as complaints:
        env = mode.environment()
        pairs = [f'{var}={value}' for var, value in mode.variables.items()]
        for var in mode.variables:
            env.pop(var, None)
        child = subprocess.Popen(
            [paths.helper('measure'), cost.name, *pairs, *command],
            env=env, stdout=sink,
            stderr=None if keep_output else complaints,
            start_new_session=True)
        sampler = Sampler(child.pid)
        sampler.start()
        try:
            status = child.wait()
        except BaseException:
            os.killpg(child.pid, 9)
            child.wait()
            raise
        finally:
            sampler.stop()
        if status:
            raise errors.Fault(f'the helper `measure` failed ({status})')
        run = json.load(cost)
        complaints.seek(0)
        run['complaints'] = complaints.read()[-2000:].decode(errors='replace')
    run['huge_share'] = sampler.share()
    run['samples'] = sampler.count
    run['library_seen'] = sampler.has_library
    run['device_seen'] = sampler.has_device
    return run


def doubts(mode, runs):
    """What the reader must know about a mode's runs, or None."""
    if not mode.wants_library() or not any(run['samples'] for run in runs):
        return None
    if not any(run['library_seen'] for run in runs):
        return (f'{mode.name}: libashlar.so was never mapped; the command is '
                'static, set-user-ID, or clears its environment')
    if mode.name == 'dev' and not any(run['device_seen'] for run in runs):
        return 'dev: no memory of the device was seen in the command'
    return None


def statuses(runs, modes):
    """Exit statuses by mode as text, and whether they agree."""
    seen = {mode.name: sorted({run['status'] for run in runs[mode.name]})
            for mode in modes}
    words = {name: ', '.join(f'signal {-s}' if s < 0 else str(s) for s in all_)
             for name, all_ in seen.items()}
    agree = len({tuple(all_) for all_ in seen.values()}) == 1
    return words, agree and len(next(iter(seen.values()))) == 1


def measure(paths, modes, command, rounds, keep_output, say):
    """All runs: mode name -> one dict a round."""
    runs = {mode.name: [] for mode in modes}
    for i in range(rounds):
        # Each round begins with another mode, so that none always follows
        # the same neighbour.
        turn = i % len(modes)
        for mode in modes[turn:] + modes[:turn]:
            run = run_once(paths, mode, command, keep_output)
            run['round'] = i
            runs[mode.name].append(run)
            say(f'round {i + 1} of {rounds}, {mode.name}: '
                f'{run["wall_s"]:.3f} s, exit status {run["status"]}')
    return runs


def compare(paths, modes, command, rounds, keep_output, say):
    """Run, print the table; the result as a dict and the exit status."""
    if not modes:
        raise errors.Fault('no mode is left to run')
    runs = measure(paths, modes, command, rounds, keep_output, say)
    titles = {mode.name: mode.title for mode in modes}
    words, agree = statuses(runs, modes)
    print(f'{rounds} round(s) of: {" ".join(command)}')
    print(table.text(ROWS, runs, titles))
    print('exit status: ' + '; '.join(f'{name} {word}'
                                      for name, word in words.items()))
    notes = [note for mode in modes if (note := doubts(mode, runs[mode.name]))]
    for mode in modes:
        bad = [run for run in runs[mode.name] if run['status']]
        if bad and bad[0]['complaints']:
            notes.append(f'{mode.name} wrote to stderr:\n'
                         + bad[0]['complaints'].rstrip())
    if not agree:
        notes.append('exit statuses differ: the rows above do not compare '
                     'equal work')
    for note in notes:
        print(f'note: {note}')
    return {
        'command': command,
        'modes': {mode.name: mode.variables for mode in modes},
        'rows': table.as_json(ROWS, runs, titles),
        'runs': runs,
        'notes': notes,
        'statuses_agree': agree,
    }, 0 if agree else 1
