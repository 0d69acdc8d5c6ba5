# SPDX-License-Identifier: MIT
"""Load for the python3 rows: records made, indexed, serialised, parsed,
sorted and dropped. Needs nothing but the standard library."""

import json
import random
import re
import sys


def make_records(rng, count):
    words = ["".join(rng.choices("abcdefghij", k=rng.randint(3, 12)))
             for _ in range(2000)]
    return [{"id": i, "name": rng.choice(words), "tags": rng.choices(words, k=4),
             "score": rng.random(), "text": " ".join(rng.choices(words, k=9))}
            for i in range(count)]


def main(scale):
    rng = random.Random(7)
    for _ in range(scale):
        records = make_records(rng, 12000)
        by_name = {}
        for record in records:
            by_name.setdefault(record["name"], []).append(record)
        text = json.dumps(records)
        again = json.loads(text)
        again.sort(key=lambda record: record["score"])
        found = re.findall(r'"name": "(\w+)"', text)
        assert len(found) == len(again)
        tree = {}
        for word in found:
            node = tree
            for letter in word:
                node = node.setdefault(letter, {})


main(int(sys.argv[1]))
