"""Reading 5 million rows: `warpnuts` (benches/reading/read.rs) beside `polars.read_csv`, turn by turn.

    cargo build --release --example read
    pip install polars
    python benches/reading/read.py target/release/examples/read [FILE]

The file (about 150 MB, made by a fixed seed, kept if FILE is named) has a group of 1,000 labels and two floats, printed with 6
to 17 digits. Each program reads it in a process of its own and says how long that took, start-up and imports left out; shown are
minima and medians of the rounds, processor time, and the peak of resident memory.
"""

import json
import os
import random
import subprocess
import sys
import tempfile

ROUNDS = 7
ROWS = 5_000_000

POLARS = """
import json, resource, sys, time
import polars
def spent():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime
wall, cpu = time.perf_counter(), spent()
rows = polars.read_csv(sys.argv[1]).height
wall, cpu = time.perf_counter() - wall, spent() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"rows": rows, "wall": wall, "cpu": cpu, "peak_mb": peak}))
"""


def make(path):
    numbers = random.Random(1)
    labels = [f"site{numbers.randrange(10**6):06d}" for _ in range(1000)]
    with open(path, "w") as file:
        file.write("site,y,x\n")
        for _ in range(ROWS // 10_000):
            lines = []
            for _ in range(10_000):
                digits = numbers.randrange(6, 18)
                y, x = numbers.gauss(50, 10), numbers.random()
                lines.append(f"{labels[numbers.randrange(1000)]},{y:.{digits}g},{x:.{digits}g}\n")
            file.write("".join(lines))


def run(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    program = sys.argv[1]
    path = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkstemp(suffix=".csv")[1]
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        make(path)
    print(f"{path}: {os.path.getsize(path) / 1e6:.0f} MB")
    rivals = {"warpnuts": [program, path], "polars": [sys.executable, "-c", POLARS, path]}
    results = {name: [] for name in rivals}
    for _ in range(ROUNDS + 1):
        for name, command in rivals.items():
            results[name].append(run(command))
    if len(sys.argv) <= 2:
        os.remove(path)
    print("| | wall s, least | median | CPU s, least | peak MB |")
    print("|---|---|---|---|---|")
    for name, rounds in results.items():
        # The first round warms the cache.
        rounds = rounds[1:]
        assert all(one["rows"] == ROWS for one in rounds)
        wall = sorted(one["wall"] for one in rounds)
        cpu = min(one["cpu"] for one in rounds)
        peak = max(one["peak_mb"] for one in rounds)
        print(f"| {name} | {wall[0]:.3f} | {wall[ROUNDS // 2]:.3f} | {cpu:.3f} | {peak:.0f} |")


main()
