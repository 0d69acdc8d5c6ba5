# SPDX-License-Identifier: MIT
"""One run of one row under one allocator, through the static launcher
measure. Returns plain numbers; knows nothing about tables."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time

LIMIT_S = 300
WARM_MIB = 512  # more than the rows of bench need
REDIS_COMMANDS = "set,get,incr,lpush,rpush,sadd,hset,zadd,mset"


class Failed(Exception):
    """The program crashed, hung or said something unexpected."""


def _pairs(text):
    return {key: float(value) for key, value
            in re.findall(r"^(\w+)=(-?[\d.]+)$", text, re.M)}


def _describe(status):
    if status > 128:
        try:
            return f"died by {signal.Signals(status - 128).name}"
        except ValueError:
            pass
    return f"exit status {status}"


def _preloads(alloc, relinked):
    env = dict(alloc.extra)
    if alloc.library:
        env["LD_PRELOAD"] = alloc.library
    elif relinked:
        env["LD_PRELOAD"] = "libc.so.6"
    return env


def launch(launcher, argv, env, cpus, times=1, warm_mib=0, limit=LIMIT_S):
    """Figures of argv, and what it printed, under extra environment env."""
    read_fd, write_fd = os.pipe()
    cmd = [launcher, "-c", cpus, "-n", str(times), "-w", str(warm_mib)]
    for key, value in env.items():
        cmd += ["-e", f"{key}={value}"]
    cmd += ["--"] + argv
    # The launcher is given descriptor 3 by a shell-less dup: pass_fds keeps
    # numbers, so a redirection through sh is the simplest exact way.
    cmd = ["sh", "-c", f'exec "$@" 3>&{write_fd}', "sh"] + cmd
    base = {k: v for k, v in os.environ.items()
            if k not in ("LD_PRELOAD", "ASHLAR_CONF", "MALLOC_CONF",
                         "GLIBC_TUNABLES")}
    proc = subprocess.Popen(cmd, env=base, pass_fds=[write_fd],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            stdin=subprocess.DEVNULL, text=True,
                            errors="replace", start_new_session=True)
    os.close(write_fd)
    try:
        out, err = proc.communicate(timeout=limit)
    except subprocess.TimeoutExpired as late:
        os.killpg(proc.pid, signal.SIGKILL)
        proc.communicate()
        os.close(read_fd)
        raise Failed(f"no end after {limit} s") from late
    except BaseException:
        os.killpg(proc.pid, signal.SIGKILL)
        raise
    with os.fdopen(read_fd) as pipe:
        figures = _pairs(pipe.read())
    if proc.returncode != 0:
        raise Failed(f"{_describe(proc.returncode)}: {err[-300:].strip()}")
    return figures, out


def command(launcher, row, alloc, cpus):
    """Run a row that is one command."""
    env = {**row.env, **_preloads(alloc, row.relinked)}
    try:
        figures, out = launch(launcher, row.argv, env, cpus, row.times,
                              warm_mib=WARM_MIB)
    finally:
        if row.scratch:
            shutil.rmtree(row.scratch, ignore_errors=True)
    own = _pairs(out) if row.kind == "synthetic" else {}
    after = own.get("rss_idle_kib", own.get("rss_end_kib"))
    return {"time": own.get("seconds", figures["wall"]),
            "cpu": figures["user"] + figures["sys"],
            "peak_kib": figures["peak_kib"],
            "after_kib": after, "faults": figures["faults"]}


def _status_kib(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return float(re.search(rf"^{key}:\s+(\d+)", file.read(),
                               re.M).group(1))


def _cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def _redis_cli(port, *words):
    return subprocess.run(["redis-cli", "-p", str(port), *words],
                          capture_output=True, text=True, timeout=60,
                          check=False).stdout.strip()


def _redis_await(port, proc):
    for _ in range(200):
        if proc.poll() is not None:
            raise Failed("redis-server " + _describe(
                proc.returncode if proc.returncode >= 0
                else 128 - proc.returncode))
        if _redis_cli(port, "ping") == "PONG":
            return
        time.sleep(0.05)
    raise Failed("redis-server does not answer after 10 s")


def _redis_load(port, cpus, proc):
    client = ["taskset", "-c", cpus, "redis-benchmark", "-p", str(port), "-q",
              "-n", "40000", "-r", "100000", "-d", "180", "-P", "16",
              "-c", "20", "-t", REDIS_COMMANDS]
    start = time.monotonic()
    try:
        done = subprocess.run(client, capture_output=True, timeout=LIMIT_S,
                              text=True, check=False)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"redis-benchmark: no end after {LIMIT_S} s") from late
    if done.returncode != 0 or proc.poll() is not None:
        raise Failed(f"redis-benchmark {_describe(done.returncode)}: "
                     + done.stderr[-200:])
    return time.monotonic() - start


def redis(_launcher, row, alloc, cpus):
    """A server on the first CPU under the allocator, a client beside it."""
    first, last = cpus.split(",")[0], cpus.split(",")[-1]
    port = _free_port()
    env = {**os.environ, **_preloads(alloc, row.relinked)}
    proc = subprocess.Popen(["taskset", "-c", first, "redis-server", "--port",
                             str(port), "--save", "", "--appendonly", "no"],
                            env=env, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, cwd="/tmp")
    try:
        _redis_await(port, proc)
        seconds = _redis_load(port, last, proc)
        peak, cpu = _status_kib(proc.pid, "VmHWM"), _cpu_seconds(proc.pid)
        _redis_cli(port, "flushall")
        time.sleep(1)
        after = _status_kib(proc.pid, "VmRSS")
        _redis_cli(port, "shutdown", "nosave")
        proc.wait(timeout=20)
    finally:
        if proc.poll() is None:
            proc.kill()
            proc.wait()
    return {"time": seconds, "cpu": cpu, "peak_kib": peak,
            "after_kib": after, "faults": None}


RUNNERS = {"command": command, "redis": redis}


def run(launcher, row, alloc, cpus):
    """One measured run: {time, cpu, peak_kib, after_kib, faults}."""
    return RUNNERS[row.runner](launcher, row, alloc, cpus)
