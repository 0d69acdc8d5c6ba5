# SPDX-License-Identifier: MIT
"""Where the library and the helpers lie: in a build tree or installed."""
import os

from . import errors


class Paths:
    """Finds files from where the program itself was started.

    In a build tree the program is build/tools/ashlar-bench and the library
    build/lib/libashlar.so; installed they are bin/ and lib/ of one prefix,
    with the helpers in lib/ashlar/.
    """

    def __init__(self, program, library=None):
        self.here = os.path.dirname(os.path.realpath(program))
        self.library_given = library

    def _first(self, *candidates):
        for path in candidates:
            path = os.path.normpath(os.path.join(self.here, path))
            if os.path.exists(path):
                return path
        return None

    def library(self):
        """The preloadable library, or an error that names the mend."""
        if self.library_given:
            if not os.path.isfile(self.library_given):
                raise errors.Fault(f"--lib '{self.library_given}': no such "
                                   'file')
            return os.path.abspath(self.library_given)
        path = self._first('../lib/libashlar.so')
        if not path:
            raise errors.Fault('libashlar.so is in neither '
                               f'{os.path.normpath(self.here + "/../lib")} '
                               'nor given by --lib; build it with `make`')
        return path

    def helper(self, name):
        """A C helper of ours: kvload, measure or ashlarctl."""
        path = self._first(name, f'../lib/ashlar/{name}')
        if not path:
            raise errors.Fault(f'{name} is not beside {self.here}; build it '
                               'with `make`')
        return path
