# SPDX-License-Identifier: MIT
"""Writes the C file that the compiler rows compile: many small functions
over many small types, the same bytes every time."""

import random
import sys


def function(rng, index):
    lines = [f"struct s{index} {{ long a[{rng.randint(2, 9)}]; int n; "
             f"char name[{rng.randint(4, 40)}]; }};",
             f"long f{index}(struct s{index} *s, long x)", "{",
             "\tlong sum = x;", ""]
    for _ in range(rng.randint(3, 9)):
        kind = rng.randrange(4)
        if kind == 0:
            lines.append(f"\tfor (int i = 0; i < s->n; i++)\n"
                         f"\t\tsum += s->a[i & 1] * {rng.randint(2, 99)};")
        elif kind == 1:
            lines.append(f"\tif (sum % {rng.randint(3, 9)} == 0)\n"
                         f"\t\tsum ^= s->name[{rng.randint(0, 3)}];")
        elif kind == 2 and index:
            other = rng.randrange(index)
            lines.append(f"\tsum += f{other}((struct s{other} *)s, "
                         f"sum - {rng.randint(1, 9)});")
        else:
            lines.append(f"\tswitch (sum & 3) {{\n\tcase 0: sum += "
                         f"{rng.randint(1, 99)}; break;\n\tcase 1: "
                         f"sum <<= 1; break;\n\tdefault: sum--; }}")
    lines += ["\treturn sum;", "}", ""]
    return "\n".join(lines)


def main():
    rng = random.Random(11)
    sys.stdout.write("#include <stdio.h>\n#include <stdlib.h>\n"
                     "#include <string.h>\n#include <math.h>\n\n")
    for index in range(int(sys.argv[1])):
        sys.stdout.write(function(rng, index) + "\n")


main()
