# SPDX-License-Identifier: MIT
"""A redis-server of one's own: on a unix socket, in a directory, for a while.

It listens on no port, writes only into the directory it is given, and dies
with this program, however that ends.
"""
import os
import shutil
import socket
import subprocess
import time

from . import errors

START_LIMIT_S = 120
STOP_LIMIT_S = 120


def need(program, package):
    """The path of a program, or an error that names its Debian package."""
    path = shutil.which(program)
    if not path:
        raise errors.Fault(f'{program} is not installed: apt-get install '
                           f'{package}')
    return path


class Server:
    """One redis-server process; a context manager that ends it."""

    def __init__(self, directory, prefix=(), environment=None, options=()):
        self.socket = os.path.join(directory, 'socket')
        self.rdb = os.path.join(directory, 'dump.rdb')
        self.log = os.path.join(directory, 'log')
        self.argv = [
            need('setpriv', 'util-linux'), '--pdeathsig', 'KILL', *prefix,
            *(f'{key}={value}' for key, value in (environment or {}).items()),
            need('redis-server', 'redis-server'), '--port', '0',
            '--unixsocket', self.socket, '--dir', directory, '--save', '',
            '--appendonly', 'no', '--logfile', self.log, *options]
        if environment:
            self.argv.insert(3 + len(prefix), 'env')
        self.process = None

    def __enter__(self):
        env = {key: value for key, value in os.environ.items()
               if key not in ('LD_PRELOAD', 'ASHLAR_CONF')}
        self.process = subprocess.Popen(
            self.argv, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.kill()
        elif self.process.poll() is None:
            self.stop()

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise errors.Fault('redis-server ended with status '
                                   f'{self.process.returncode}:\n'
                                   + self.log_tail())
            try:
                if self.call('PING') == '+PONG':
                    return
            except OSError:
                pass    # no socket yet, or still loading
            time.sleep(0.05)
        raise errors.Fault(f'redis-server took over {START_LIMIT_S} s to '
                           'start:\n' + self.log_tail())

    @property
    def pid(self):
        return self.process.pid

    def log_tail(self):
        try:
            with open(self.log) as log:
                return ''.join(log.readlines()[-15:])
        except OSError:
            return '(it wrote no log)'

    def call(self, line):
        """The first line of a reply, or all of a bulk reply."""
        with socket.socket(socket.AF_UNIX) as conn:
            conn.settimeout(60)
            conn.connect(self.socket)
            conn.sendall(line.encode() + b'\r\n')
            stream = conn.makefile('rb')
            head = stream.readline().decode().strip()
            if head.startswith('$') and head != '$-1':
                return stream.read(int(head[1:])).decode()
            return head

    def info(self, section):
        lines = self.call(f'INFO {section}').splitlines()
        return dict(line.split(':', 1) for line in lines if ':' in line)

    def wait_for_save(self, limit_s=600):
        """Until no child saves any more; whether the last save went well."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            info = self.info('persistence')
            if info['rdb_bgsave_in_progress'] == '0':
                return info
            time.sleep(0.05)
        raise errors.Fault(f'the snapshot was not done after {limit_s} s')

    def stop(self):
        """Ask it to end; its exit status."""
        try:
            self.call('SHUTDOWN NOSAVE')
        except OSError:
            pass    # it closes the connection instead of answering
        try:
            return self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise errors.Fault('redis-server did not end in '
                               f'{STOP_LIMIT_S} s after SHUTDOWN') from None

    def kill(self):
        """End it and its saving child, which share a session of their own."""
        if self.process.poll() is None:
            os.killpg(self.pid, 9)
            self.process.wait()
