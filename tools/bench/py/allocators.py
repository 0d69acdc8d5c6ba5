# SPDX-License-Identifier: MIT
"""The allocators under comparison: where each one lives and how a program
is made to use it. Knows nothing about what is measured."""

import os
import subprocess


class Unavailable(Exception):
    """An allocator that was asked for is not on this machine."""


# name: (file that ldconfig knows, Debian package)
PEERS = {
    "jemalloc": ("libjemalloc.so.2", "libjemalloc2"),
    "mimalloc": ("libmimalloc.so.2", "libmimalloc2.0"),
    "gperftools": ("libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
}
ORDER = ["glibc", "jemalloc", "mimalloc", "gperftools", "ashlar"]


def _library_dirs():
    """Where the loader of this machine looks: beside its own libc."""
    out = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True,
                         check=False, env={"PATH": "/usr/sbin:/sbin:/usr/bin"})
    found = {}
    for line in out.stdout.splitlines():
        name, _, path = line.strip().partition(" => ")
        if path:
            found.setdefault(name.split()[0], path)
    return found


class Allocator:
    """One allocator: its name, the library to preload, extra environment."""

    def __init__(self, name, library=None, env=None, note=""):
        self.name = name
        self.library = library
        self.extra = dict(env or {})
        self.note = note

    def env(self, base=None):
        """The environment for a program that shall run on this allocator."""
        env = dict(os.environ if base is None else base)
        env.pop("LD_PRELOAD", None)
        if self.library:
            env["LD_PRELOAD"] = self.library
        env.update(self.extra)
        return env

    def version(self):
        """Package version, or what identifies a library built here."""
        if self.name == "ashlar":
            return "built here"
        package = PEERS.get(self.name, (None, "libc6"))[1]
        out = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package],
                             capture_output=True, text=True, check=False)
        return out.stdout.strip() or "unknown"


def find(name, build):
    """The allocator called name; raises Unavailable with the mend."""
    if name == "glibc":
        return Allocator("glibc")
    if name == "ashlar":
        path = os.path.abspath(os.path.join(build, "lib", "libashlar.so"))
        if not os.path.exists(path):
            raise Unavailable(f"ashlar: {path} does not exist: run make first")
        return Allocator("ashlar", path)
    if name not in PEERS:
        raise Unavailable(f"{name}: no such allocator; there are "
                          + ", ".join(ORDER))
    soname, package = PEERS[name]
    libs = _library_dirs()
    path = libs.get(soname)
    if path is None:
        raise Unavailable(f"{name}: {soname} is not installed: "
                          f"apt-get install {package}")
    return Allocator(name, path)


def find_all(names, build):
    """[Allocator] for names, in the order given. Any missing one raises."""
    return [find(name, build) for name in names]
