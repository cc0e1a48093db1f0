#!/usr/bin/env python3
"""All models of tests/cases under the defaults of one or two programs, side by side, as a Markdown table.

    benches/cases.py target/release/warpnuts [another/warpnuts]

Each model is run by each program in turn, three times, and the fastest counts. Written for benches/results/cases.md."""

import json, os, shutil, subprocess, sys, tempfile, time

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "cases")

# file, group, outcome, predictors, options that only the first program knows
MODELS = [
    ("01-sleepstudy.csv", "Subject", "Reaction", ["Days"], ""),
    ("02-dyestuff.csv", "Batch", "Yield", [], ""),
    ("03-dyestuff2.csv", "Batch", "Yield", [], ""),
    ("04-leadingzeros.csv", "site", "y", ["x"], ""),
    ("05c-semicolon-point.csv", "Ort", "y", ["x"], ""),
    ("06-tab.tsv", "site", "y", ["x"], ""),
    ("08-crlf-bom-quoted.csv", "site", "y", ["x"], ""),
    ("09-na.csv", "site", "y", ["x"], ""),
    ("14c-group-case.csv", "site", "y", ["x"], ""),
    ("15b-hsb82.csv", "school", "mAch", ["ses"], ""),
    ("15b-hsb82.csv", "school", "mAch", ["ses", "meanses"], ""),
    ("16-two-per-group.csv", "id", "y", ["T"], ""),
    ("17-singletons.csv", "g", "y", ["x"], ""),
    ("17b-half-singletons.csv", "g", "y", ["x"], ""),
    ("21-scale1.csv", "g", "y", ["x"], ""),
    ("21b-y-tiny.csv", "g", "y", ["x"], ""),
    ("21c-y-huge.csv", "g", "y", ["x"], ""),
    ("21d-x-huge.csv", "g", "y", ["x"], ""),
    ("21e-x-tiny.csv", "g", "y", ["x"], ""),
    ("21f-y-offset.csv", "g", "y", ["x"], ""),
    ("25-insteval.csv", "s", "y", ["service01"], ""),
    ("25-insteval.csv", "d", "y", ["service01"], ""),
    ("27-pastes.csv", "batch", "strength", [], ""),
    ("28-dietox.csv", "Pig", "Weight", ["Time"], ""),
    ("30-orange.csv", "Tree", "circumference", ["age"], ""),
    ("36-grunfeld.csv", "firm", "inv", ["year"], ""),
    ("36-grunfeld.csv", "firm", "inv", ["year"], "--center-predictors no"),
    ("36-grunfeld.csv", "firm", "inv", ["value", "capital"], ""),
    ("37-wages.csv", "id", "lnw", ["exper"], ""),
    ("42-weights.csv", "site", "ybar", ["x"], ""),
    ("43-10000-groups.csv", "customer_id", "y", ["x"], ""),
]
REPEATS = 3


def run(program, model, is_first, folder):
    file, group, outcome, predictors, more = model
    out = os.path.join(folder, "out")
    command = [os.path.abspath(program), "sample", "--data", os.path.join(CASES, file), "--group", group]
    command += ["--outcome", outcome, "--no-report", "--out", out]
    for predictor in predictors:
        command += ["--predictor", predictor]
    command += more.split() if is_first else []
    began = time.perf_counter()
    ran = subprocess.run(command, capture_output=True, cwd=folder)
    seconds = time.perf_counter() - began
    ess, warned = None, ""
    if os.path.exists(os.path.join(out, "summary.json")):
        summary = json.load(open(os.path.join(out, "summary.json")))
        ess = min(summary[kind]["value"] for kind in ("min_ess_bulk", "min_ess_tail"))
        warned = ", ".join(warning.get("kind", "") for warning in summary["warnings"])
    shutil.rmtree(out, ignore_errors=True)
    return ran.returncode, ess, seconds, warned


def main():
    programs = sys.argv[1:]
    titles = ["these defaults", "the ones before"][: len(programs)]
    columns = "".join(f" {title}: code | smallest ESS | seconds |" for title in titles)
    print(f"| model |{columns} warnings |")
    print("|---|" + "---|" * (3 * len(programs)) + "---|")
    for model in MODELS:
        best = {}
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(REPEATS):
                for i, program in enumerate(programs):
                    found = run(program, model, i == 0, folder)
                    if i not in best or found[2] < best[i][2]:
                        best[i] = found
        file, group, outcome, predictors, more = model
        name = f"{file}: {outcome} ~ {' + '.join(['1'] + predictors)}, by {group} {more}".strip()
        cells = "".join(
            f" {best[i][0]} | {'-' if best[i][1] is None else format(best[i][1], '.0f')} | {best[i][2]:.2f} |"
            for i in range(len(programs))
        )
        print(f"| {name} |{cells} {best[0][3]} |", flush=True)


main()
