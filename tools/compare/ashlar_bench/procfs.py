# SPDX-License-Identifier: MIT
"""What the kernel says about a process: time, faults, memory, placement.

"Heap" here is every mapping that an allocator can have made: private
anonymous memory (the brk heap included, stacks and the writable parts of
program files left out), anonymous huge pages, and mappings of Ashlar's
device. It so contains the allocator's own bookkeeping and thread stacks,
under every allocator alike.
"""
import os
import re

HEADER = re.compile(r'([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+) *(.*)')
REGION_NAME = 'ashlar:[heap]'
HUGE_FIELDS = ('AnonHugePages', 'ShmemPmdMapped', 'FilePmdMapped',
               'Shared_Hugetlb', 'Private_Hugetlb')
TICK = os.sysconf('SC_CLK_TCK')


def is_device(perms, path):
    """Whether a mapping is memory of the device, by the module's name for it.

    A file's path begins with a slash, so none can be mistaken for one. The
    device's own path is that of the status page, which is nobody's memory.
    """
    return perms[3] == 's' and path == REGION_NAME


def is_heap(perms, inode, path):
    """Whether a line of maps is heap in the sense of this module."""
    if is_device(perms, path) or path.startswith('/anon_hugepage'):
        return True
    if perms[3] != 'p' or inode != 0:
        return False
    return path in ('', '[heap]') or path.startswith('[anon:')


class Heap:
    """Sums over the heap mappings of one process, in bytes."""

    def __init__(self):
        self.rss = self.huge = self.device_rss = 0
        self.starts = set()

    def add(self, start, device, fields):
        rss = fields.get('Rss', 0)
        huge = sum(fields.get(name, 0) for name in HUGE_FIELDS)
        hugetlb = sum(fields.get(name, 0) for name in HUGE_FIELDS[3:])
        self.starts.add(start)
        self.rss += rss + hugetlb
        self.huge += huge
        if device:
            self.device_rss += rss

    def huge_share(self):
        return self.huge / self.rss if self.rss else 0.0

    def device_share(self):
        return self.device_rss / self.rss if self.rss else 0.0


def parse_smaps(lines):
    """A Heap from the lines of /proc/PID/smaps."""
    heap = Heap()
    current = None
    for line in lines:
        match = HEADER.match(line)
        if match:
            if current:
                heap.add(*current)
            start, _, perms, inode, path = match.groups()
            path = path.strip()
            wanted = is_heap(perms, int(inode), path)
            current = (start, is_device(perms, path), {}) if wanted else None
        elif current and line.endswith('kB\n'):
            name, value = line.split(':', 1)
            current[2][name] = int(value.split()[0]) << 10
    if current:
        heap.add(*current)
    return heap


def heap(pid):
    with open(f'/proc/{pid}/smaps') as smaps:
        return parse_smaps(smaps)


def parse_numa_maps(lines, starts):
    """Bytes by node, over the mappings that begin at `starts`."""
    nodes = {}
    for line in lines:
        words = line.split()
        if words[0] not in starts:
            continue
        pairs = [word.partition('=') for word in words[2:]]
        page = 4096
        for key, _, value in pairs:
            if key == 'kernelpagesize_kB':
                page = int(value) << 10
        for key, _, value in pairs:
            if re.fullmatch(r'N\d+', key):
                node = int(key[1:])
                nodes[node] = nodes.get(node, 0) + int(value) * page
    return nodes


def heap_nodes(pid, starts):
    """As parse_numa_maps(); None on a kernel without NUMA."""
    try:
        with open(f'/proc/{pid}/numa_maps') as numa_maps:
            return parse_numa_maps(numa_maps, starts)
    except FileNotFoundError:
        return None


def parse_rollup(lines):
    """(resident, on huge pages) in bytes, from /proc/PID/smaps_rollup."""
    rss = huge = 0
    for line in lines:
        name, _, value = line.partition(':')
        if name == 'Rss' or name.endswith('_Hugetlb'):
            rss += int(value.split()[0]) << 10
        if name in HUGE_FIELDS:
            huge += int(value.split()[0]) << 10
    return rss, huge


def rollup(pid):
    with open(f'/proc/{pid}/smaps_rollup') as lines:
        return parse_rollup(lines)


class Times:
    """Faults and CPU seconds of a process and of its dead children."""

    def __init__(self, text):
        # The command's name is in parentheses and may hold anything.
        words = text[text.rindex(')') + 2:].split()
        number = [int(word) for word in words[7:15]]
        self.faults = number[0] + number[2]
        self.child_faults = number[1] + number[3]
        self.user_s, self.kernel_s = number[4] / TICK, number[5] / TICK
        self.child_s = (number[6] + number[7]) / TICK

    def since(self, before):
        """What happened since: a dict of differences."""
        return {name: getattr(self, name) - getattr(before, name)
                for name in vars(self)}


def times(pid):
    with open(f'/proc/{pid}/stat') as stat:
        return Times(stat.read())


def status_bytes(pid, field):
    """A field of /proc/PID/status that is given in kB, in bytes."""
    with open(f'/proc/{pid}/status') as status:
        for line in status:
            if line.startswith(field + ':'):
                return int(line.split()[1]) << 10
    return 0


def mappings(pid):
    """(permissions, path) of every mapping of a process."""
    with open(f'/proc/{pid}/maps') as maps:
        return [(match.group(3), match.group(5).strip())
                for match in map(HEADER.match, maps) if match]


def has_library(maps):
    return any(os.path.basename(path).startswith('libashlar.so')
               for _, path in maps)


def session_pids(session):
    """Processes of a session, found by scanning /proc."""
    pids = []
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open(f'/proc/{name}/stat') as stat:
                text = stat.read()
        except OSError:
            continue
        if int(text[text.rindex(')') + 2:].split()[3]) == session:
            pids.append(int(name))
    return pids


def nodes_with_memory():
    try:
        with open('/sys/devices/system/node/has_memory') as mask:
            return parse_list(mask.read())
    except OSError:
        return [0]


def parse_list(text):
    """A kernel list such as 0-2,5 as numbers."""
    numbers = []
    for part in text.strip().split(','):
        first, _, last = part.partition('-')
        if first:
            numbers += range(int(first), int(last or first) + 1)
    return numbers


def thp_setting():
    """The chosen word of transparent_hugepage/enabled, or None."""
    try:
        with open('/sys/kernel/mm/transparent_hugepage/enabled') as setting:
            match = re.search(r'\[(\w+)\]', setting.read())
    except OSError:
        return None
    return match and match.group(1)
