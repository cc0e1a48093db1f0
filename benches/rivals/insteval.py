#!/usr/bin/env python3
"""Ratings of lecturers by students, `y ~ 1 + (1 | s) + (1 | d)` of tests/cases/25-insteval.csv, sampled by NumPyro, Stan
or warpnuts under warpnuts' default priors, four chains:

    python3 -m venv target/rivals && target/rivals/bin/pip install -r benches/rivals/requirements.txt
    target/rivals/bin/python benches/rivals/insteval.py numpyro
    target/rivals/bin/python benches/rivals/insteval.py stan
    target/rivals/bin/python benches/rivals/insteval.py warpnuts --program target/release/warpnuts

Prints a line of JSON: smallest bulk ESS, of the four hyperparameters and of all variables, wall time of warm-up and draws,
and their ratio. NumPyro computes in 32 bits, as it does unless told otherwise (`--x64`), with a device for each chain; it and
Stan are non-centered, and compile before the clock starts. NumPyro ends after `--limit` seconds with the draws that it has;
the others are ended, and have none. `--rows` is for a rehearsal."""

import argparse, csv, json, os, subprocess, sys, tempfile, time

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "cases", "25-insteval.csv")
FORMULA = "y ~ 1 + (1 | s) + (1 | d)"
# Transitions of all chains between two looks at the clock.
TOGETHER = 20

STAN = """
data {
  int<lower=1> N; int<lower=1> S; int<lower=1> D;
  array[N] int<lower=1, upper=S> s; array[N] int<lower=1, upper=D> d; vector[N] y;
  real mean_y; real<lower=0> sd_y;
}
parameters {
  real b_Intercept; real<lower=0> sd_s; real<lower=0> sd_d; real<lower=0> sigma; vector[S] z_s; vector[D] z_d;
}
transformed parameters { vector[S] r_s = sd_s * z_s; vector[D] r_d = sd_d * z_d; }
model {
  b_Intercept ~ normal(mean_y, 2.5 * sd_y);
  sd_s ~ student_t(3, 0, sd_y);
  sd_d ~ student_t(3, 0, sd_y);
  sigma ~ student_t(3, 0, sd_y);
  z_s ~ std_normal();
  z_d ~ std_normal();
  y ~ normal(b_Intercept + r_s[s] + r_d[d], sigma);
}
"""


def read(rows):
    """The first rows of the file: levels of both factors counted from 0, outcomes, and the numbers of levels."""
    import numpy as np

    with open(DATA) as file:
        kept = [(row["s"], row["d"], float(row["y"])) for row in csv.DictReader(file)][:rows]
    students, lecturers, y = zip(*kept)
    sizes, levels = [], []
    for labels in (students, lecturers):
        known = {label: i for i, label in enumerate(dict.fromkeys(labels))}
        sizes.append(len(known))
        levels.append(np.array([known[label] for label in labels]))
    return levels[0], levels[1], np.array(y), sizes


def judged(draws, seconds):
    """What is told of draws, `[chain][draw][...]` by name, that took so many seconds."""
    import arviz
    import numpy as np

    ess, rhat = [], []
    for name, values in draws.items():
        values = np.asarray(values, np.float64)
        values = values.reshape(values.shape[0], values.shape[1], -1)
        for k in range(values.shape[2]):
            at = name if values.shape[2] == 1 else f"{name}[{k}]"
            ess.append((float(arviz.ess(values[:, :, k], method="bulk")), at))
            rhat.append((float(arviz.rhat(values[:, :, k])), at))
    hyper = {name: values for name, values in draws.items() if not name.startswith("r_")}
    of_hyper = min(one for one in ess if one[1] in hyper)
    return {
        "min_bulk_ess_hyper": of_hyper,
        "min_bulk_ess": min(ess),
        "ess_per_s_hyper": of_hyper[0] / seconds,
        "ess_per_s": min(ess)[0] / seconds,
        "max_rhat": max(rhat),
        "means": {name: float(np.mean(values)) for name, values in hyper.items()},
    }


def numpyro(typed):
    import numpy as np
    import numpyro
    import numpyro.distributions as dist

    numpyro.set_host_device_count(typed.chains)
    numpyro.enable_x64(typed.x64)
    import jax

    s, d, y, (n_s, n_d) = read(typed.rows)
    mean_y, sd_y = float(y.mean()), float(y.std())

    def model(s, d, y):
        half_student_t = dist.FoldedDistribution(dist.StudentT(3.0, 0.0, sd_y))
        intercept = numpyro.sample("b_Intercept", dist.Normal(mean_y, 2.5 * sd_y))
        sd_s = numpyro.sample("sd_s", half_student_t)
        sd_d = numpyro.sample("sd_d", half_student_t)
        sigma = numpyro.sample("sigma", half_student_t)
        with numpyro.plate("students", n_s):
            z_s = numpyro.sample("z_s", dist.Normal(0.0, 1.0))
        with numpyro.plate("lecturers", n_d):
            z_d = numpyro.sample("z_d", dist.Normal(0.0, 1.0))
        with numpyro.plate("rows", len(s)):
            numpyro.sample("y", dist.Normal(intercept + sd_s * z_s[s] + sd_d * z_d[d], sigma), obs=y)

    data = tuple(jax.numpy.asarray(column) for column in (s, d, y))
    kernel = numpyro.infer.NUTS(model)

    # The transitions of `MCMC(kernel, chain_method="parallel")`, a few at a time.
    def first(key, *data):
        return kernel.init(key, typed.warmup, None, data, {})

    def some(state, *data):
        def one(state, _):
            state = kernel.sample(state, data, {})
            return state, (state.z, state.num_steps, state.diverging)

        return jax.lax.scan(one, state, length=TOGETHER)

    began = time.perf_counter()
    keys = jax.random.split(jax.random.PRNGKey(typed.seed), typed.chains)
    state = jax.pmap(first, in_axes=(0, None, None, None))(keys, *data)
    some = jax.pmap(some, in_axes=(0, None, None, None)).lower(state, *data).compile()
    compiling = time.perf_counter() - began
    began, told, made = time.perf_counter(), [], 0
    while made < typed.warmup + typed.draws and time.perf_counter() - began < typed.limit:
        state, more = some(state, *data)
        told.append(jax.tree.map(np.asarray, more))
        made += TOGETHER
        print(f"{made} transitions, {time.perf_counter() - began:.0f} s", file=sys.stderr)
        warmup_seconds = time.perf_counter() - began if made <= typed.warmup else warmup_seconds
    seconds = time.perf_counter() - began
    z, steps, diverging = jax.tree.map(lambda *parts: np.concatenate(parts, 1), *told)
    found = {
        "program": f"numpyro {numpyro.__version__}, jax {jax.__version__}, {'f64' if typed.x64 else 'f32'}",
        "draws": max(0, made - typed.warmup),
        "compile_s": compiling,
        "warmup_s": warmup_seconds,
        "wall_s": seconds,
        "leapfrogs": int(steps.sum()),
        "leapfrogs_per_draw": float(steps[:, typed.warmup :].mean()) if made > typed.warmup else None,
        "divergences": int(diverging[:, typed.warmup :].sum()),
    }
    if found["draws"] < 4:
        return found
    z = {name: values[:, typed.warmup :] for name, values in z.items()}
    draws = jax.vmap(jax.vmap(kernel.postprocess_fn(data, {})))(z)
    draws = {name: np.asarray(values, np.float64) for name, values in draws.items()}
    for factor in "sd":
        draws[f"r_{factor}"] = draws[f"sd_{factor}"][..., None] * draws.pop(f"z_{factor}")
    return {**found, **judged(draws, seconds)}


def stan(typed):
    import numpy as np
    import stan

    s, d, y, (n_s, n_d) = read(typed.rows)
    columns = {"s": (s + 1).tolist(), "d": (d + 1).tolist(), "y": y.tolist()}
    sizes = {"N": len(y), "S": n_s, "D": n_d, "mean_y": float(y.mean()), "sd_y": float(y.std())}
    began = time.perf_counter()
    # PyStan compiles in the folder in which it is called, and leaves its objects there.
    os.chdir(tempfile.gettempdir())
    posterior = stan.build(STAN, data={**columns, **sizes}, random_seed=typed.seed)
    compiling, began = time.perf_counter() - began, time.perf_counter()
    fit = posterior.sample(num_chains=typed.chains, num_warmup=typed.warmup, num_samples=typed.draws)
    seconds = time.perf_counter() - began

    # PyStan has the chains last, and draws before them.
    def chains(name):
        values = np.asarray(fit[name])
        return np.moveaxis(values.reshape(values.shape[0], typed.draws, typed.chains), 0, -1).swapaxes(0, 1)

    names = ["b_Intercept", "sd_s", "sd_d", "sigma", "r_s", "r_d"]
    found = {
        "program": "Stan, by pystan " + __import__("importlib.metadata").metadata.version("pystan"),
        "draws": typed.draws,
        "compile_s": compiling,
        "wall_s": seconds,
        "leapfrogs_per_draw": float(np.mean(fit["n_leapfrog__"])),
        "divergences": int(np.sum(fit["divergent__"])),
    }
    return {**found, **judged({name: chains(name) for name in names}, seconds)}


def warpnuts(typed):
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        data, out = os.path.join(folder, "data.csv"), os.path.join(folder, "run")
        with open(DATA) as file, open(data, "w") as to:
            to.writelines(file.readlines()[: None if typed.rows is None else typed.rows + 1])
        command = [typed.program, "sample", "--no-report", "--quiet", "--data", data, "--formula", FORMULA, "--out", out]
        command += ["--chains", str(typed.chains), "--warmup", str(typed.warmup), "--draws", str(typed.draws)]
        ran = subprocess.run(command + ["--seed", str(typed.seed)], stdout=subprocess.DEVNULL)
        if ran.returncode not in (0, 3):
            sys.exit(f"{typed.program} ended with {ran.returncode}")
        with open(os.path.join(out, "summary.json")) as file:
            summary = json.load(file)
        import zarr

        posterior = zarr.open_group(os.path.join(out, "draws.zarr"), mode="r")["posterior"]
        # Coordinates beside the draws have fewer dimensions.
        draws = {name: np.asarray(array) for name, array in posterior.arrays() if array.ndim > 1}
    times = summary["wall_seconds"]
    found = {
        "program": f"warpnuts {summary['version']}, {summary['parameterization']}",
        "draws": typed.draws,
        "warmup_s": times["warmup"],
        "wall_s": times["total"],
    }
    return {**found, **judged(draws, times["total"])}


PROGRAMS = {"numpyro": numpyro, "stan": stan, "warpnuts": warpnuts}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=PROGRAMS)
    parser.add_argument("--program", default="target/release/warpnuts", help="where warpnuts is")
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--warmup", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=3300, help="seconds of warm-up and draws")
    parser.add_argument("--rows", type=int, help="only the first rows")
    parser.add_argument("--x64", action="store_true")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    typed = parser.parse_args()
    if typed.here:
        about = {"rows": typed.rows, "chains": typed.chains, "warmup": typed.warmup, "seed": typed.seed}
        return print(json.dumps({**about, **PROGRAMS[typed.name](typed), "load": os.getloadavg()[0]}), flush=True)
    # A process of its own, which can be ended with all that it has started; NumPyro ends by itself.
    grace = 300
    child = subprocess.Popen([sys.executable, *sys.argv, "--here"], start_new_session=True)
    try:
        sys.exit(child.wait(typed.limit + grace))
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)
        sys.exit(f"{typed.name} has not ended in {typed.limit + grace:.0f} s")


main()
