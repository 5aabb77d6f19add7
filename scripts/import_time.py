# SPDX-License-Identifier: BSD-3-Clause
"""Measure what `import deltarule` adds to `import numpy`, each time in a fresh interpreter.

Usage: python scripts/import_time.py [LIMIT_MS] (fails when the fastest is above the limit).
"""

import statistics
import subprocess
import sys

PROGRAM = """
import time
import numpy
start = time.perf_counter()
import deltarule
print(1e3 * (time.perf_counter() - start))
"""


def main() -> None:
    """Print the fastest and the median of 21 runs, after one that fills the caches.

    The limit is the fastest's: what else runs on a machine only adds.
    """
    command = [sys.executable, "-c", PROGRAM]
    runs = [float(subprocess.check_output(command)) for _ in range(22)][1:]
    fastest, median = min(runs), statistics.median(runs)
    print(
        f"import deltarule adds {fastest:.1f} ms to import numpy "
        f"(median of {len(runs)}: {median:.1f})"
    )
    if len(sys.argv) > 1 and fastest > float(sys.argv[1]):
        raise SystemExit(f"import_time: above the limit of {sys.argv[1]} ms")


if __name__ == "__main__":
    main()
