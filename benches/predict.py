#!/usr/bin/env python3
"""Predicts rows of a run of sleepstudy with NumPy, as `warpnuts predict` does, and times both on the same rows.

    python3 predict.py WARPNUTS RUN ROWS DRAWS       (numpy, xarray, zarr; RUN is of Reaction ~ Days + (1 + Days | Subject))

NumPy has the draws in memory before its clock starts, predicts subjects that were there only, and writes nothing; warpnuts
is timed as a whole process, from the store to the table.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import xarray as xr


def main():
    warpnuts, run, rows, draws = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    tree = xr.open_datatree(run / "draws.zarr", engine="zarr")
    posterior = tree["posterior"].to_dataset()
    flat = {name: posterior[name].values.reshape(-1, *posterior[name].shape[2:]) for name in posterior.data_vars}
    step = len(flat["sigma"]) // draws
    flat = {name: values[step - 1 :: step][:draws] for name, values in flat.items()}
    generator = np.random.default_rng(1)
    subjects = [str(subject) for subject in posterior["Subject"].values]
    days, subject = generator.uniform(0, 9, rows).round(5), generator.integers(0, len(subjects), rows)
    effects = flat["r_Subject"]

    began = time.perf_counter()
    means = np.empty(rows)
    # A thousand rows at once stay in the cache's reach.
    for first in range(0, rows, 1000):
        some = slice(first, first + 1000)
        intercept = flat["b_Intercept"] + effects[:, 0, subject[some]].T
        slope = flat["b_Days"] + effects[:, 1, subject[some]].T
        eta = intercept + days[some, None] * slope
        outcome = eta + flat["sigma"] * generator.standard_normal(eta.shape)
        means[some] = eta.mean(1)
        eta.std(1)
        np.quantile(eta, [0.05, 0.5, 0.95], axis=1)
        outcome.std(1)
        np.quantile(outcome, [0.05, 0.5, 0.95], axis=1)
    of_numpy = time.perf_counter() - began

    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "rows.csv", Path(folder) / "out.csv"
        with open(file, "w", encoding="utf-8") as text:
            text.write("Days,Subject\n")
            text.writelines(f"{day},{subjects[level]}\n" for day, level in zip(days, subject))
        line = [warpnuts, "predict", run, "--data", file, "--out", out, "--draws", str(draws)]
        began = time.perf_counter()
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
        of_warpnuts = time.perf_counter() - began
        with open(out, encoding="utf-8") as text:
            place = next(text).rstrip("\n").split(",").index("mean")
            ours = np.array([float(line.split(",")[place]) for line in text])
    print(f"largest difference of a mean: {np.abs(ours - means).max():.2g}")
    print(f"{rows} rows x {draws} draws: numpy {of_numpy:.2f} s, warpnuts {of_warpnuts:.2f} s")


if __name__ == "__main__":
    main()
