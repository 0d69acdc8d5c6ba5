# SPDX-License-Identifier: MIT
"""A mixed load for the Python interpreter, printing digests of its results.

The output depends on nothing but this file, so that two runs can be compared.
"""
import collections
import concurrent.futures
import decimal
import hashlib
import json
import multiprocessing
import random
import re
import subprocess
import sys
import threading
import zlib


def digest(value):
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def records(seed, count):
    rng = random.Random(seed)
    words = ['word%d' % rng.randrange(5000) for _ in range(count)]
    return [{'id': i, 'name': w, 'tags': [w[::-1], w * (i % 7)],
             'nested': {'x': rng.random(), 'y': [i] * (i % 5)}}
            for i, w in enumerate(words)]


def use_json(seed):
    text = json.dumps(records(seed, 4000), sort_keys=True)
    return digest(json.loads(text)), len(text)


def use_re(seed):
    text = ' '.join(r['name'] for r in records(seed, 20000))
    found = collections.Counter(re.findall(r'\b\w*?(\d)(\d*)\b', text))
    return digest(sorted(found.items())), len(re.sub(r'[aeiou]', '', text))


def use_big_numbers(seed):
    decimal.getcontext().prec = 400
    x = decimal.Decimal(seed + 2).sqrt()
    return digest([3 ** (1000 + seed), x, sum(range(10 ** 5))])


def use_buffers(seed):
    rng = random.Random(seed)
    blob = bytearray()
    for _ in range(300):
        blob += rng.randbytes(rng.randrange(1, 20000))
        if len(blob) > 1 << 20:
            del blob[:len(blob) // 2]
    packed = zlib.compress(bytes(blob), 6)
    return digest(bytes(blob)), zlib.decompress(packed) == bytes(blob)


def use_objects(seed):
    rng = random.Random(seed)
    live = {}
    for i in range(60000):
        key = rng.randrange(3000)
        if key in live and rng.random() < 0.5:
            del live[key]
        else:
            live[key] = [str(i)] * rng.randrange(40)
    return digest(sorted((k, len(v)) for k, v in live.items()))


JOBS = (use_json, use_re, use_big_numbers, use_buffers, use_objects)


def all_jobs(seed):
    return [job(seed) for job in JOBS]


def in_threads():
    results = [None] * 4

    def one(i):
        results[i] = all_jobs(i % 3)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return digest(results)


def in_processes():
    with multiprocessing.get_context('fork').Pool(2) as pool:
        forked = pool.map(all_jobs, range(3))
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        lines = list(pool.map(lambda i: subprocess.check_output(
            [sys.executable, '-c', f'print("x" * {i} * 1000)']), range(4)))
    return digest(forked), digest(lines)


def main():
    for seed in range(1):
        print(all_jobs(seed))
    print(in_threads())
    print(in_processes())


if __name__ == '__main__':
    main()
