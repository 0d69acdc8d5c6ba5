# SPDX-License-Identifier: MIT
"""Finds kernel complaints in a console log. A line that matches SPLAT makes
a run fail whatever its command returned. Out-of-memory kills and user-space
segfaults are not complaints: tests cause them on purpose."""
import re

SPLAT = re.compile(
    r'WARNING: |\bBUG: |\bBUG at |kernel BUG|\bOops\b|KASAN|KFENCE|KCSAN|'
    r'DEBUG_LOCKS_WARN_ON|UBSAN|Bad page|Bad rss-counter|non-zero pgtables|lockdep is turned off|'
    r'possible circular locking|possible recursive locking|'
    r'possible irq lock inversion|inconsistent lock state|'
    r'suspicious RCU usage|held lock freed|lock held when returning|'
    r'bad unlock balance|INFO: task .* blocked for|detected stall|'
    r'soft lockup|hard LOCKUP|general protection fault|refcount_t: |'
    r'scheduling while atomic|sleeping function called|Kernel panic|'
    r'unable to handle|Unable to handle|page allocation failure|'
    r'cut here|kmemleak\||list_add corruption|list_del corruption|'
    r'vm-init: cannot|double free|Objects remaining in')

# Said at boot by kernels that are well.
HARMLESS = re.compile(
    r'KASAN: .*initialized|kasan: KernelAddressSanitizer initialized|'
    r'kfence: initialized|Lock dependency validator|'
    r'WARNING: Spectre|running with init_on_alloc')

MARK = re.compile(r'ashlar-test: (.*)')


def is_splat(line):
    return bool(SPLAT.search(line)) and not HARMLESS.search(line)


def find(lines, before=3, after=45):
    """Yields (test name or None, excerpt) for each complaint. Lines that
    belong to one report come as one excerpt."""
    test = None
    skip_to = 0
    for nr, line in enumerate(lines):
        mark = MARK.search(line)
        if mark:
            test = mark.group(1).strip()
        if nr < skip_to or not is_splat(line):
            continue
        end = min(nr + after, len(lines))
        for last in range(nr, end):
            if 'end trace' in lines[last] or MARK.search(lines[last]):
                end = last + 1
                break
        yield test, lines[max(nr - before, 0):end]
        skip_to = end
