#!/usr/bin/env python3
"""Multilevel models of yes and no, of trials and of counts, sampled by NumPyro, Stan and warpnuts in turn, on one core:

    python3 -m venv target/rivals && target/rivals/bin/pip install -r benches/rivals/requirements.txt
    taskset -c 0 target/rivals/bin/python benches/rivals/families.py --program target/release/warpnuts

Prints a row of a Markdown table for each model and program: smallest bulk ESS of all variables, seconds of warm-up and
draws without those of compiling, and their ratio; NumPyro runs twice, and its seconds are those of the second run. All
have weak normal priors of coefficients and half Student-t priors of sds; NumPyro (64 bits) and Stan sample offsets."""

import argparse, csv, gzip, json, os, subprocess, sys, tempfile, time

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "families")

# file, family, formula, outcome, trials, numeric columns, columns of labels, factors
MODELS = {
    "cbpp": ("cbpp.csv", "binomial", "incidence|trials(size)~factor(period)+(1|herd)", "incidence", "size", [], ["period"], ["herd"]),
    "epil": ("epil.csv", "negbinomial", "y~lbase+trt+lage+V4+(1|subject)", "y", None, ["lbase", "lage", "V4"], ["trt"], ["subject"]),
    "contraception": ("contraception.csv.gz", "binomial", "use~age+urban+factor(livch)+(1|district)", "use", None, ["age"], ["urban", "livch"], ["district"]),
    "verbagg": ("verbagg.csv.gz", "binomial", "r2~Anger+Gender+btype+situ+mode+(1|id)+(1|item)", "r2", None, ["Anger"], ["Gender", "btype", "situ", "mode"], ["id", "item"]),
}

STAN = """
data {
  int N; int P; int J; int K; int is_binomial;
  matrix[N, P] x; array[N] int y; array[N] int n;
  array[N] int<lower=1> first; array[N] int<lower=1> second;
}
parameters { real a; vector[P] b; array[2] real<lower=0> sd; vector[J] z; vector[K] u; real<lower=0> shape; }
transformed parameters { vector[J] r = sd[1] * z; vector[K] s = sd[2] * u; }
model {
  vector[N] eta = a + x * b + r[first];
  if (K > 1) eta += s[second];
  a ~ normal(0, 2.5); b ~ normal(0, 2.5); sd ~ student_t(3, 0, 2.5); z ~ std_normal(); u ~ std_normal();
  shape ~ gamma(2, 0.1);
  if (is_binomial) y ~ binomial_logit(n, eta); else y ~ neg_binomial_2_log(eta, shape);
}
"""


def read(model):
    """Columns about their means, outcomes, trials, and the levels of each factor."""
    import numpy as np

    name, _, _, outcome, trials, numeric, labels, factors = MODELS[model]
    path = os.path.join(DATA, name)
    with (gzip.open if name.endswith(".gz") else open)(path, "rt") as file:
        rows = list(csv.DictReader(file))
    columns = [[float(row[k]) for row in rows] for k in numeric]
    for k in labels:
        for level in sorted({row[k] for row in rows})[1:]:
            columns.append([float(row[k] == level) for row in rows])
    x = np.array(columns).T
    words = sorted({row[outcome] for row in rows})
    y = [words.index(row[outcome]) if len(words) == 2 else int(float(row[outcome])) for row in rows]
    n = [int(float(row[trials])) if trials else 1 for row in rows]
    levels = []
    for k in factors:
        known = {label: i for i, label in enumerate(dict.fromkeys(row[k] for row in rows))}
        levels.append(np.array([known[row[k]] for row in rows]))
    return x - x.mean(0), np.array(y), np.array(n), levels


def judged(draws, seconds):
    import arviz
    import numpy as np

    ess = []
    for name, values in draws.items():
        values = np.asarray(values, np.float64)
        values = values.reshape(values.shape[0], values.shape[1], -1)
        ess += [(float(arviz.ess(values[:, :, k], method="bulk")), f"{name}[{k}]") for k in range(values.shape[2])]
    least, at = min(ess)
    return {"ess": least, "at": at, "seconds": seconds}


def numpyro(model, typed):
    import jax
    import numpy as np
    import numpyro
    import numpyro.distributions as dist

    numpyro.enable_x64()
    x, y, n, levels = read(model)
    is_binomial = MODELS[model][1] == "binomial"

    def program(x, y, n, levels):
        eta = numpyro.sample("a", dist.Normal(0.0, 2.5)) + x @ numpyro.sample("b", dist.Normal(0.0, 2.5).expand([x.shape[1]]))
        for k, level in enumerate(levels):
            sd = numpyro.sample(f"sd{k}", dist.FoldedDistribution(dist.StudentT(3.0, 0.0, 2.5)))
            z = numpyro.sample(f"z{k}", dist.Normal(0.0, 1.0).expand([sizes[k]]))
            eta = eta + numpyro.deterministic(f"r{k}", sd * z)[level]
        if is_binomial:
            numpyro.sample("y", dist.Binomial(total_count=n, logits=eta), obs=y)
        else:
            shape = numpyro.sample("shape", dist.Gamma(2.0, 0.1))
            numpyro.sample("y", dist.NegativeBinomial2(jax.numpy.exp(eta), shape), obs=y)

    sizes = [int(level.max()) + 1 for level in levels]
    kernel = numpyro.infer.NUTS(program)

    mcmc = numpyro.infer.MCMC(
        kernel, num_warmup=typed.warmup, num_samples=typed.draws, num_chains=4, chain_method="sequential",
        progress_bar=False, jit_model_args=True,
    )
    # The first run compiles, the second has the same arrays, and what was compiled.
    for seed in [typed.seed + 1, typed.seed]:
        began = time.perf_counter()
        mcmc.run(jax.random.PRNGKey(seed), x, y, n, levels)
        draws = {name: np.asarray(value) for name, value in mcmc.get_samples(group_by_chain=True).items()}
        seconds = time.perf_counter() - began
        print(f"{model}, numpyro: {seconds:.2f} s", file=sys.stderr, flush=True)
    return judged({name: values for name, values in draws.items() if not name.startswith("z")}, seconds)


def stan(model, typed):
    import numpy as np
    import stan as program

    x, y, n, levels = read(model)
    second = levels[1] if len(levels) > 1 else np.zeros(len(y), int)
    data = {
        "N": len(y), "P": x.shape[1], "J": int(levels[0].max()) + 1, "K": int(second.max()) + 1,
        "is_binomial": int(MODELS[model][1] == "binomial"), "x": x.tolist(), "y": y.tolist(), "n": n.tolist(),
        "first": (levels[0] + 1).tolist(), "second": (second + 1).tolist(),
    }
    # PyStan compiles in the folder in which it is called, and leaves its objects there.
    os.chdir(tempfile.gettempdir())
    posterior = program.build(STAN, data=data, random_seed=typed.seed)
    began = time.perf_counter()
    fit = posterior.sample(num_chains=4, num_warmup=typed.warmup, num_samples=typed.draws)
    seconds = time.perf_counter() - began

    # PyStan has the chains last, and draws before them.
    def chains(name):
        values = np.asarray(fit[name])
        return np.moveaxis(values.reshape(values.shape[0], typed.draws, 4), 0, -1).swapaxes(0, 1)

    names = ["a", "b", "r"] + ([] if data["is_binomial"] else ["shape"]) + (["s"] if data["K"] > 1 else [])
    draws = {name: chains(name) for name in names}
    sds = chains("sd")
    draws["sd"] = sds if data["K"] > 1 else sds[..., :1]
    return judged(draws, seconds)


def warpnuts(model, typed):
    name, family, formula = MODELS[model][:3]
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "run")
        command = [typed.program, "sample", "--no-report", "--quiet", "--engine", "cpu", "--threads", "1", "--seed", str(typed.seed)]
        command += ["--data", os.path.join(DATA, name), "--family", family, "--formula", formula, "--out", out]
        command += ["--chains", "4", "--warmup", str(typed.warmup), "--draws", str(typed.draws)]
        ran = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if ran.returncode not in (0, 3):
            sys.exit(f"{typed.program} ended with {ran.returncode}")
        with open(os.path.join(out, "summary.json")) as file:
            summary = json.load(file)
    least = summary["min_ess_bulk"]
    return {"ess": least["value"], "at": least["parameter"], "seconds": summary["wall_seconds"]["total"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/warpnuts", help="where warpnuts is")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--programs", default="warpnuts,numpyro,stan")
    parser.add_argument("--warmup", type=int, default=500)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    typed = parser.parse_args()
    typed.program = os.path.abspath(typed.program)
    print("| model | program | smallest bulk ESS | of | s | ESS/s |\n|---|---|---|---|---|---|", flush=True)
    programs = {"warpnuts": warpnuts, "numpyro": numpyro, "stan": stan}
    for model in typed.models.split(","):
        for name in typed.programs.split(","):
            found = programs[name](model, typed)
            ess, at, seconds = found["ess"], found["at"], found["seconds"]
            print(f"| {model} | {name} | {ess:.0f} | {at} | {seconds:.2f} | {ess / seconds:.0f} |", flush=True)


main()
