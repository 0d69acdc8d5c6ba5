# SPDX-License-Identifier: MIT
"""What the kernel module says about itself, by way of ashlarctl."""
import json
import subprocess
import time

from . import errors


class Module:
    """Reads the module's counters; only ashlarctl knows the ABI."""

    def __init__(self, paths):
        self.ashlarctl = paths.helper('ashlarctl')

    def status(self):
        done = subprocess.run([self.ashlarctl, 'status', '--json'],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise errors.Fault(done.stderr.strip())
        return json.loads(done.stdout)

    def counters(self):
        return self.status()['counters']

    def pool_bytes(self):
        status = self.status()
        return status['hunk_size'] * sum(node['pool']
                                         for node in status['nodes'])

    def held_bytes(self):
        """Memory in regions, mapped at this moment or not."""
        status = self.status()
        return (status['counters']['mapped'] * status['hunk_size']
                + status['counters']['small'] * status['page_size'])

    def copied_bytes(self, before):
        """Bytes copied because of fork since `before` was read."""
        status = self.status()
        used = {name: value - before[name]
                for name, value in status['counters'].items()}
        return (used['cow_base'] * status['page_size']
                + (used['cow_huge'] + used['fork_copied'])
                * status['hunk_size'])

    def settle(self, limit_s=60):
        """Wait until the pools are full again or stopped growing."""
        deadline = time.monotonic() + limit_s
        last = None
        while time.monotonic() < deadline:
            status = self.status()
            if all(node['pool'] >= node['target']
                   for node in status['nodes']):
                return
            if status['counters'] == last:
                return
            last = status['counters']
            time.sleep(0.5)
