# SPDX-License-Identifier: MIT
"""What the demo's table shows, and what each row means."""
from .table import Row

ROWS = [
    Row('requests/s: filling', 'fill_rps', '/s', is_ratio=True),
    Row('  GET (redis-benchmark)', 'get_rps', '/s', is_ratio=True),
    Row('  read, write, delete', 'load_rps', '/s', is_ratio=True),
    Row('  the same during the snapshot', 'snap_rps', '/s', is_ratio=True),
    Row('  slowest 1 % there wait over', 'snap_p99_s', 's', is_ratio=True),
    Row('resident memory', 'rss', 'bytes'),
    Row('  at its peak', 'peak_rss', 'bytes'),
    Row('  2 s after the snapshot', 'held_later', 'bytes'),
    Row('  per byte of data', 'rss_per_byte', 'x'),
    Row('heap on huge pages', 'huge_share', 'share'),
    Row('  as the snapshot ends', 'huge_share_after', 'share'),
    Row('  2 s later', 'huge_share_later', 'share'),
    Row('heap on the wanted node', 'node_share', 'share'),
    Row('page faults', 'faults', 'count'),
    Row('  during the snapshot', 'snap_faults', 'count'),
    Row('CPU time in the kernel', 'kernel_s', 's'),
    Row('  during the snapshot', 'snap_kernel_s', 's'),
    Row('CPU time outside the kernel', 'user_s', 's'),
    Row('fork', 'fork_s', 's'),
    Row('copied during the snapshot', 'cow_bytes', 'bytes'),
    Row('  requests served meanwhile', 'snap_requests', 'count'),
    Row('background zeroing, CPU time', 'zero_s', 's'),
    Row('  zeroed memory held ready', 'pool_bytes', 'bytes'),
]

NOTES = """\
Median [lowest..highest] of the rounds; x: multiple of the first column in the
same round. Heap: anonymous memory (stacks left out) and mappings of the device.
On huge pages: mapped by a huge page-table entry now (AnonHugePages and
FilePmdMapped of smaps). Resident after the snapshot: under the module with
what it holds for the server and nothing maps at that moment. Copied: Redis's
rdb_last_cow_size; in the last column the module's own count of bytes copied.
Faults and CPU time are the server's from start to the snapshot, without its
child. Background zeroing runs until the pools are full again after the
server's end, and is CPU time that no process is charged for."""


def checks(runs, titles):
    """A line a mode saying what was checked and what was wrong."""
    lines = []
    for mode, title in titles.items():
        all_ = [check for run in runs[mode] for check in run['checks']]
        bad = [check for check in all_ if not check['ok']]
        keys = sorted({check['keys'] for check in all_
                       if check['name'] == 'the snapshot'})
        counts = ', '.join(f'{count:,}' for count in keys)
        if not bad:
            lines.append(f'{title}: {len(runs[mode])} snapshot(s) loaded '
                         f'back, equal to the data at the fork ({counts} '
                         'keys); every reply right')
        for check in bad:
            lines.append(f'{title}: WRONG, {check["name"]}: '
                         f'{check["wrong"]} differences; '
                         f'{check["complaints"]}')
    return lines


def is_right(runs):
    return all(check['ok'] for run_list in runs.values()
               for run in run_list for check in run['checks'])
