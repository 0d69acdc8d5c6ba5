# SPDX-License-Identifier: MIT
"""The demo inside a guest: started from the host, results brought back.

The guest sees the host's files read-only, so results come back the only other
way there is: on its console, between two marks. Everything else it prints is
passed on as it comes.
"""
import json
import os
import shlex
import subprocess
import sys

from . import errors

# Emulated, and on a busy machine: a guest that hangs ends some time.
TIMEOUT_S = 3 * 3600
BEGIN, END = '@@ashlar-json-begin', '@@ashlar-json-end'


def send(result):
    """In the guest: the result, in lines that a console can carry."""
    text = json.dumps(result)
    print(BEGIN)
    for start in range(0, len(text), 1000):
        print(text[start:start + 1000])
    print(END, flush=True)


class Receiver:
    """On the host: splits console output into text and the result."""

    def __init__(self, show):
        self.show = show
        self.parts = None
        self.result = None

    def feed(self, line):
        word = line.strip()
        if word == BEGIN:
            self.parts = []
        elif word == END and self.parts is not None:
            self.result = json.loads(''.join(self.parts))
            self.parts = None
        elif self.parts is not None:
            self.parts.append(line.rstrip('\r\n'))
        else:
            self.show(line)


def show(line):
    sys.stdout.write(line)
    sys.stdout.flush()


def run(kver, program, arguments):
    """Run ourselves in a guest; (result or None, exit status)."""
    inner = shlex.join([os.path.realpath(program), *arguments])
    make = [os.environ.get('MAKE', 'make'), '--no-print-directory', 'vm']
    env = {key: value for key, value in os.environ.items()
           if key not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL')}
    env.update(KVER=kver, CMD=inner)
    env.setdefault('VMTIMEOUT', str(TIMEOUT_S))
    receiver = Receiver(show)
    try:
        child = subprocess.Popen(make, stdin=subprocess.DEVNULL, env=env,
                                 stdout=subprocess.PIPE, text=True,
                                 errors='replace')
    except OSError as err:
        raise errors.Fault(f'{make[0]}: {err.strerror}') from err
    try:
        for line in child.stdout:
            receiver.feed(line)
        return receiver.result, child.wait()
    except BaseException:
        # `make vm` ends its guest when it is told to end.
        child.terminate()
        child.wait()
        raise
