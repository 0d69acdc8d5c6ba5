# SPDX-License-Identifier: MIT
"""One run of the demo: one server, one mode, from fill to checked snapshot.

The server is pinned to a NUMA node, CPUs and memory; the clients run on
another node's CPUs where there is one. All of Redis's settings are its
defaults but those that keep it in its directory, and the same in every mode.
"""
import json
import os
import re
import subprocess
import tempfile
import time

from . import errors, procfs, redis

BENCH_RATE = re.compile(r'([\d.]+) requests per second')
SETTLE_S = 2


class Plan:
    """What every run does; sizes are chosen for an emulated machine."""

    def __init__(self, keys, seed, gets, load, node, directory):
        self.keys, self.seed = keys, seed
        self.gets, self.load = gets, load
        self.node, self.directory = node, directory
        self.options = []

    def as_json(self):
        return dict(vars(self))


def cpus_by_node():
    """Nodes that have CPUs, in order."""
    try:
        with open('/sys/devices/system/node/has_cpu') as nodes:
            return procfs.parse_list(nodes.read())
    except OSError:
        return [0]


def choose_node(asked=None):
    """The node to pin the server to: the last that can hold it."""
    usable = sorted(set(cpus_by_node()) & set(procfs.nodes_with_memory()))
    if asked is None:
        return usable[-1]
    if asked not in usable:
        raise errors.Fault(f'--node {asked}: expected a node with CPUs and '
                           f'memory, of which there are {usable}')
    return asked


class Run:
    """The steps, in order; each adds to `result`."""

    def __init__(self, paths, mode, plan, module, say):
        self.paths, self.mode, self.plan = paths, mode, plan
        self.module, self.say = module, say
        self.result = {'mode': mode.name}
        self.ops = 0
        self.server = None
        self.directory = None

    def perform(self):
        numactl = redis.need('numactl', 'numactl')
        bind = [numactl, f'--cpunodebind={self.plan.node}',
                f'--membind={self.plan.node}', '--']
        before = self.counters()
        with tempfile.TemporaryDirectory(prefix='ashlar-demo.',
                                         dir=self.plan.directory) as place:
            self.directory = place
            with redis.Server(place, bind, self.variables(),
                              self.plan.options) as self.server:
                self.fill()
                self.measure_gets()
                self.measure_load()
                self.look_before()
                self.snapshot()
                self.check_live()
                self.end()
            self.library_report()
            self.account(before)
            self.check_snapshot()
        return self.result

    def variables(self):
        variables = dict(self.mode.variables)
        if self.mode.wants_library():
            variables['ASHLAR_CONF'] += (
                f',stats_json:{self.directory}/ashlar.json')
        return variables

    def counters(self):
        return self.module.counters() if self.module else None

    def client(self, argv):
        """Run a client away from the server's node; its output."""
        others = [node for node in cpus_by_node() if node != self.plan.node]
        if others:
            argv = ['numactl', f'--cpunodebind={others[0]}', '--', *argv]
        done = subprocess.run(argv, capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL)
        if done.returncode and not done.stdout.endswith('}\n'):
            raise errors.Fault(f'{" ".join(argv)}: status {done.returncode}:'
                               f'\n{done.stderr.strip()}\n'
                               + self.server.log_tail())
        return done

    def kvload(self, command, *options):
        plan = self.plan
        done = self.client([
            self.paths.helper('kvload'), command, '--socket',
            self.server.socket, '--keys', str(plan.keys), '--seed',
            str(plan.seed), '--from', str(self.ops), '--conns', '8',
            '--depth', '32', *options])
        result = json.loads(done.stdout)
        result['complaints'] = done.stderr.strip()
        self.ops = result['ops']
        return result

    def check(self, name, result, keys=None):
        """Record whether a client saw only what it had to see."""
        self.result.setdefault('checks', []).append({
            'name': name, 'ok': result['wrong'] == 0,
            'wrong': result['wrong'], 'keys': keys,
            'complaints': result['complaints']})

    def fill(self):
        self.say(f'fill {self.plan.keys} keys')
        self.start_times = procfs.times(self.server.pid)
        result = self.kvload('fill')
        self.check('replies to the fill', result)
        self.result['fill_rps'] = rate(result['fill'])
        self.require_mode()

    def require_mode(self):
        """A mode that quietly became another would make the table a lie."""
        pid, name = self.server.pid, self.mode.name
        if (self.mode.wants_library()
                and not procfs.has_library(procfs.mappings(pid))):
            raise errors.Fault(f'{name}: libashlar.so is not in the server; '
                               'does LD_PRELOAD reach it?')
        if name == 'dev' and procfs.heap(pid).device_share() < 0.5:
            raise errors.Fault(
                'dev: less than half of the heap came from the device; its '
                'quota or its pools are too small, or the module is draining '
                '(ashlarctl status)')

    def measure_gets(self):
        self.say(f'{self.plan.gets} GETs by redis-benchmark')
        strings = self.plan.keys - self.plan.keys // 8
        done = self.client([
            redis.need('redis-benchmark', 'redis-tools'), '-s',
            self.server.socket, '-n', str(self.plan.gets), '-r', str(strings),
            '-c', '20', '-P', '16', '-q', 'GET', 'k:__rand_int__'])
        found = BENCH_RATE.findall(done.stdout)
        if not found:
            raise errors.Fault('redis-benchmark printed no rate:\n'
                               + done.stdout[-500:])
        self.result['get_rps'] = float(found[-1])

    def measure_load(self):
        self.say(f'{self.plan.load} reads, writes and deletes')
        result = self.kvload('load', '--count', str(self.plan.load))
        self.check('replies under load', result)
        self.result['load_rps'] = rate(result['load'])
        self.result['data_bytes'] = result['live_bytes']

    def look_before(self):
        pid = self.server.pid
        use = procfs.times(pid).since(self.start_times)
        heap = procfs.heap(pid)
        rss = procfs.status_bytes(pid, 'VmRSS')
        nodes = procfs.heap_nodes(pid, heap.starts)
        total = sum(nodes.values()) if nodes else 0
        self.result.update(
            rss=rss, heap_rss=heap.rss,
            rss_per_byte=rss / self.result['data_bytes'],
            huge_share=heap.huge_share(), device_share=heap.device_share(),
            faults=use['faults'], user_s=use['user_s'],
            kernel_s=use['kernel_s'],
            node_share=nodes.get(self.plan.node, 0) / total if total
            else None)
        if self.mode.name == 'dev':
            self.result['pool_bytes'] = self.module.pool_bytes()

    def snapshot(self):
        self.say('BGSAVE under load')
        before, counted = procfs.times(self.server.pid), self.counters()
        result = self.kvload('snapshot', '--count', '5000', '--until',
                             self.server.rdb)
        info = self.server.wait_for_save()
        use = procfs.times(self.server.pid).since(before)
        self.check('replies during the snapshot', result)
        if info['rdb_last_bgsave_status'] != 'ok':
            raise errors.Fault('BGSAVE failed:\n' + self.server.log_tail())
        self.fork_ops = result['ops_at_fork']
        during = result['during']
        fork_us = self.server.info('stats')['latest_fork_usec']
        self.result.update(
            snap_rps=rate(during), snap_requests=during['requests'],
            snap_s=during['seconds'], snap_p99_s=during['p99_us'] / 1e6,
            snap_max_s=during['max_us'] / 1e6, snap_faults=use['faults'],
            snap_kernel_s=use['kernel_s'], child_s=use['child_s'],
            fork_s=int(fork_us) / 1e6,
            rdb_bytes=os.stat(self.server.rdb).st_size,
            redis_cow_bytes=int(info['rdb_last_cow_size']))
        self.result['cow_bytes'] = self.result['redis_cow_bytes']
        if self.mode.name == 'dev':
            self.result['cow_bytes'] = self.module.copied_bytes(counted)
        self.look_after()

    def look_after(self):
        pid = self.server.pid
        self.result['huge_share_after'] = procfs.heap(pid).huge_share()
        time.sleep(SETTLE_S)
        heap = procfs.heap(pid)
        rss = procfs.status_bytes(pid, 'VmRSS')
        self.result.update(huge_share_later=heap.huge_share(), rss_later=rss,
                           held_later=rss)
        if self.mode.name == 'dev':
            self.result['held_later'] += (self.module.held_bytes()
                                          - heap.device_rss)

    def check_live(self):
        """The server that forked must be unharmed by having forked."""
        self.say('check the running server')
        result = self.kvload('verify')
        self.check('the running server at the end', result, result['keys'])

    def end(self):
        self.result['peak_rss'] = procfs.status_bytes(self.server.pid,
                                                      'VmHWM')
        status = self.server.stop()
        if status:
            raise errors.Fault(f'{self.mode.name}: redis-server ended with '
                               f'status {status}:\n'
                               + self.server.log_tail())

    def library_report(self):
        """What the library itself counted, kept as it is."""
        try:
            with open(os.path.join(self.directory, 'ashlar.json')) as report:
                self.result['library'] = json.load(report)
        except (OSError, ValueError):
            self.result['library'] = None

    def account(self, before):
        """Background work for this run, up to pools that are full again."""
        self.result['zero_s'] = 0.0
        if self.mode.name != 'dev':
            return
        self.module.settle()
        after = self.counters()
        used = {name: after[name] - before[name] for name in before}
        self.result['module'] = used
        self.result['zero_s'] = used['zero_ns'] / 1e9

    def check_snapshot(self):
        """Load the file into a fresh, unmodified server and compare."""
        self.say('load the snapshot into a fresh server and compare')
        self.ops = self.fork_ops
        with redis.Server(self.directory) as self.server:
            result = self.kvload('verify')
        self.check('the snapshot', result, result['keys'])


def rate(phase):
    return phase['requests'] / phase['seconds']
