# SPDX-License-Identifier: MIT
"""Builds a guest's initramfs: busybox, a kernel's few needed modules, and the
two stages of init. Written here in the `newc` format, as bare machines have
no cpio. It knows nothing of QEMU or of what the guest will run."""
import lzma
import os
import shutil
import stat
import subprocess

MODULES = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'virtio_blk']


class Cpio:
    """A `newc` archive in memory; entries in the order they are added."""

    def __init__(self):
        self.out = bytearray()
        self.ino = 0

    def _entry(self, name, mode, data):
        self.ino += 1
        fields = (self.ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0,
                  len(name) + 1, 0)
        self.out += b'070701' + b''.join(b'%08X' % f for f in fields)
        self._pad(name.encode() + b'\0')
        self._pad(data)

    def _pad(self, data):
        self.out += data
        self.out += b'\0' * (-len(self.out) % 4)

    def dir(self, name):
        self._entry(name, stat.S_IFDIR | 0o755, b'')

    def file(self, name, data, mode=0o755):
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def finish(self):
        self._entry('TRAILER!!!', 0, b'')
        return bytes(self.out)


def module_files(root, release, names):
    """Paths of the modules to insert, dependencies first, built-ins left
    out."""
    env = dict(os.environ, PATH=os.environ['PATH'] + ':/sbin:/usr/sbin')
    out = subprocess.run(['modprobe', '-d', root, '-S', release,
                          '--show-depends', '-a', *names],
                         env=env, text=True, check=True,
                         stdout=subprocess.PIPE).stdout
    files = []
    for line in out.splitlines():
        word, path = line.split(maxsplit=1)
        if word == 'insmod' and path.strip() not in files:
            files.append(path.strip())
    return files


def read_module(path):
    if path.endswith('.xz'):
        with lzma.open(path) as handle:
            return handle.read()
    with open(path, 'rb') as handle:
        return handle.read()


def build(here, busybox, modules, texts):
    """Returns the archive. `modules` are paths, inserted in their order;
    `texts` maps file names under /vm to their content."""
    cpio = Cpio()
    for name in ('bin', 'dev', 'proc', 'sys', 'newroot', 'vm', 'vm/ko'):
        cpio.dir(name)
    with open(busybox, 'rb') as handle:
        cpio.file('bin/busybox', handle.read())
    for name, target in (('init', 'init'), ('vm/init2', 'init2')):
        with open(os.path.join(here, target), 'rb') as handle:
            cpio.file(name, handle.read())
    order = []
    for path in modules:
        name = os.path.basename(path).removesuffix('.xz')
        order.append(name)
        cpio.file('vm/ko/' + name, read_module(path), 0o644)
    cpio.file('vm/modules', '\n'.join(order).encode() + b'\n', 0o644)
    for name, text in texts.items():
        cpio.file('vm/' + name, text.encode(), 0o644)
    return cpio.finish()


def find_busybox(arch, native, root):
    """The static busybox for the guest's architecture."""
    if arch == native:
        found = shutil.which('busybox')
    else:
        found = os.path.join(root, 'bin/busybox')
    return found if found and os.path.exists(found) else None
