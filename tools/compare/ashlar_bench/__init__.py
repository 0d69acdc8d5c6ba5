# SPDX-License-Identifier: MIT
"""ashlar-bench: one program, run under several allocators side by side.

    paths     where library, tools and helpers lie
    modes     what "glibc", "thp" and "dev" mean, and whether they can run here
    procfs    what the kernel says about a process's memory and time
    module    what the kernel module says about itself
    series    medians and spreads
    table     rows into text and JSON
    command   `compare`: any command
    redis, steps, demo, rows, guest
              `demo`: a Redis server, a snapshot, three modes

Later ones import earlier ones, never the reverse. Nothing outside Python's
standard library is used. The measured programs are never traced or slowed on
purpose: what is read is read from /proc, at moments that the text of each
module names.
"""
