# SPDX-License-Identifier: MIT
"""What each mode is: an environment, and whether it can be had here."""
import os
import shlex

from . import errors

DEVICE = '/dev/ashlar'
TITLES = {
    'glibc': 'glibc malloc',
    'thp': 'Ashlar, no module',
    'dev': 'Ashlar, module',
}


class Mode:
    """One column of the comparison.

    `variables` are set on top of the caller's environment; a command's own
    allocator yields to the preloaded one.
    """

    def __init__(self, name, variables):
        self.name = name
        self.title = TITLES.get(name, name)
        self.variables = variables

    def wants_library(self):
        return self.name in ('thp', 'dev')

    def environment(self):
        env = {k: v for k, v in os.environ.items()
               if k not in ('LD_PRELOAD', 'ASHLAR_CONF')}
        env.update(self.variables)
        return env


def device_fault(device=DEVICE):
    """Why the device can't be used, with the mend; None if it can."""
    if not os.path.exists(device):
        return (f'{device} is not there: the module is not loaded '
                '(modprobe ashlar, or insmod '
                'build/kmod/$(uname -r)/ashlar.ko)')
    try:
        os.close(os.open(device, os.O_RDWR | os.O_CLOEXEC))
    except OSError as err:
        return (f'{device}: {err.strerror}; run as root, or as a member of '
                'the group that owns it')
    return None


def build(name, paths, conf=''):
    """The built-in mode of that name."""
    if name == 'glibc':
        return Mode(name, {'LD_PRELOAD': 'libc.so.6'})
    if name not in ('thp', 'dev'):
        raise errors.Fault(f"mode '{name}': expected glibc, thp, dev, or one "
                           'given by --define')
    options = f'backend:{name},abort_conf:true'
    if conf:
        options += f',{conf}'
    return Mode(name, {'LD_PRELOAD': paths.library(), 'ASHLAR_CONF': options})


def define(text):
    """A mode from the command line: NAME='VAR=VALUE VAR=VALUE'."""
    name, equals, rest = text.partition('=')
    pairs = [word.partition('=') for word in shlex.split(rest)]
    if not name or not equals or not all(p[0] and p[1] for p in pairs):
        raise errors.Fault(f"--define '{text}': expected "
                           "NAME='VARIABLE=VALUE ...'")
    return Mode(name, {var: value for var, _, value in pairs})


def choose(names, defined, paths, conf, say):
    """The modes asked for, without those that can't be had here.

    Asked for by name, a mode that can't be had is an error; of the default
    three it is left out, and `say` gets the reason.
    """
    extra = {mode.name: mode for mode in map(define, defined)}
    chosen = []
    for name in names or ['glibc', 'thp', 'dev', *extra]:
        if name in extra:
            chosen.append(extra[name])
            continue
        fault = device_fault() if name == 'dev' else None
        if fault and names:
            raise errors.Fault(f'mode dev: {fault}')
        if fault:
            say(f'mode dev is left out: {fault}')
            continue
        chosen.append(build(name, paths, conf))
    return chosen
