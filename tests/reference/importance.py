#!/usr/bin/env python3
"""Importance sampling by ArviZ: smoothed weights, LOO, comparisons of models, and power-scaling sensitivity.

    python3 importance.py       (arviz==0.23.4, arviz-stats[xarray]==0.8.0)

Writes importance.json beside itself, for tests that hold warpnuts against it. Smoothing, LOO and comparisons are ArviZ
0.23.4's, sensitivities those of arviz-stats. Inputs are rounded before they are used: the file states them exactly.
"""

import json
import os
import warnings

import arviz as az
import arviz_base
import arviz_stats
import numpy as np
import pandas as pd
import xarray as xr
from arviz.stats.stats_utils import ELPDData

LAYOUT = (
    "log_ratios[draw]; log_likelihood[observation][chain][draw]; posterior and draws: {name: [chain][draw]}; log_prior "
    "and the summed log_likelihood of power scaling: [chain][draw]; elpd_i[model][observation]. null: minus infinity "
    "among log ratios and log weights, infinity for pareto_k, NaN for a sensitivity."
)


def main():
    warnings.simplefilter("ignore")
    reference = {
        "source": f"ArviZ {az.__version__}, arviz-stats {arviz_stats.__version__}",
        "layout": LAYOUT,
        "smoothing": {name: smoothing(*case) for name, case in ratios().items()},
        "loo": {name: loo(*case) for name, case in regressions().items()},
        "comparison": {name: comparison(elpd_i) for name, elpd_i in models().items()},
        "power_scaling": {name: power_scaling(*case) for name, case in posteriors().items()},
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "importance.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(reference, file, allow_nan=False)
        file.write("\n")


def generator(seed):
    return np.random.Generator(np.random.PCG64(seed))


def numbers(values):
    """Nested lists, with null for what is not finite."""
    if np.ndim(values) > 0:
        return [numbers(value) for value in values]
    value = float(values)
    return value if np.isfinite(value) else None


def autoregression(random, phi, chains, draws):
    """Stationary draws of unit variance."""
    values = random.standard_normal((chains, draws))
    for draw in range(1, draws):
        values[:, draw] = phi * values[:, draw - 1] + np.sqrt(1 - phi**2) * values[:, draw]
    return values


def ratios():
    """Log ratios and relative efficiencies."""
    random = generator(1)
    pareto = lambda k, draws: np.round(k * random.exponential(size=draws), 6)
    normal = np.round(0.4 * random.standard_normal(300), 6)
    few_values = np.round(random.standard_normal(200), 1)
    with_zeros = np.round(random.standard_normal(120), 6)
    with_zeros[::7] = -np.inf
    far_apart = np.round(500 * random.standard_normal(150), 6)
    return {
        "light tail": (normal, 1.0),
        "short tail": (np.round(np.log(random.uniform(0.1, 1, 250)), 6), 1.0),
        "k of a half": (pareto(0.5, 400), 0.6),
        "heavy tail": (pareto(0.9, 400), 0.3),
        "heavier tail": (pareto(1.5, 250), 1.0),
        "antithetic": (np.round(random.standard_normal(300), 6), 1.7),
        "far from zero": (np.round(1e4 + random.standard_normal(100), 6), 0.9),
        "few values": (few_values, 1.0),
        "weights of zero": (with_zeros, 0.8),
        "weights that underflow": (far_apart, 1.0),
        "tail of five": (np.round(random.standard_normal(25), 6), 1.0),
        "tail of four": (np.round(random.standard_normal(20), 6), 1.0),
        "equal ratios": (np.full(50, -1.25), 1.0),
        "two draws": (np.array([0.5, -0.25]), 1.0),
    }


def smoothing(log_ratios, reff):
    log_weights, pareto_k = az.psislw(log_ratios.copy(), reff)
    return {
        "log_ratios": numbers(log_ratios),
        "reff": reff,
        "log_weights": numbers(log_weights),
        "pareto_k": numbers(pareto_k),
    }


def regressions():
    """Posterior draws [chain][draw] of two parameters, and log likelihoods [observation][chain][draw]."""
    cases = {}
    for name, seed, chains, draws, phi in [
        ("four chains", 2, 4, 80, 0.5),
        ("one chain", 3, 1, 150, 0.3),
        ("antithetic chains", 4, 2, 120, -0.3),
        ("few draws", 5, 2, 8, 0.0),
    ]:
        random = generator(seed)
        observed = np.array([-0.8, 0.3, 0.1, 1.2, -0.4, 4.5])
        mean = np.round(0.2 + 0.4 * autoregression(random, phi, chains, draws), 6)
        log_sd = np.round(0.3 * autoregression(random, phi, chains, draws), 6)
        # The last two have effects of their own: their ratios have heavy tails.
        own = np.sqrt([0.6, 1.4])[:, None, None] * random.standard_normal((2, chains, draws))
        sd = np.exp(log_sd)
        at = np.concatenate([np.broadcast_to(mean, (4, chains, draws)), observed[4:, None, None] + own])
        spread = np.concatenate([np.broadcast_to(sd, (4, chains, draws)), np.ones((2, chains, draws))])
        apart = (observed[:, None, None] - at) / spread
        log_likelihood = np.round(-0.5 * apart**2 - np.log(spread) - 0.5 * np.log(2 * np.pi), 6)
        cases[name] = ({"mean": mean, "log_sd": log_sd}, log_likelihood)
    return cases


def loo(posterior, log_likelihood):
    data = az.from_dict(
        posterior=posterior,
        log_likelihood={"y": np.moveaxis(log_likelihood, 0, -1)},
    )
    result = az.loo(data, pointwise=True)
    chains, draws = next(iter(posterior.values())).shape
    ess = az.ess(data.posterior, method="mean")
    reff = 1.0 if chains == 1 else float(np.mean([ess[name].values for name in posterior])) / (chains * draws)
    return {
        "posterior": {name: numbers(values) for name, values in posterior.items()},
        "log_likelihood": numbers(log_likelihood),
        "reff": reff,
        "elpd_i": numbers(result.loo_i.values),
        "pareto_k": numbers(result.pareto_k.values),
        "elpd_loo": float(result.elpd_loo),
        "se": float(result.se),
        "p_loo": float(result.p_loo),
        "good_k": float(result.good_k),
    }


def models():
    """Pointwise elpds [model][observation] of made-up models."""
    random = generator(6)
    base = -1.4 + 0.6 * random.standard_normal(40)
    shifts = {
        "two alike": [(0.0, 0.3), (0.02, 0.3)],
        "one far better": [(0.0, 0.2), (-0.9, 0.2), (-2.0, 0.4)],
        "complements": [(0.0, 0.8), (-0.1, 0.9), (0.0, 0.9), (-0.6, 0.5), (-3.0, 2.5)],
    }
    return {
        name: np.round([base + mean + sd * random.standard_normal(40) for mean, sd in of], 6)
        for name, of in shifts.items()
    }


def comparison(elpd_i):
    def elpd(values):
        names = "elpd_loo se p_loo n_samples n_data_points warning loo_i pareto_k scale good_k".split()
        count = len(values)
        pointwise = xr.DataArray(values, dims="y")
        total, se = values.sum(), np.sqrt(count * np.var(values))
        return ELPDData([total, se, 2.0, 1000, count, False, pointwise, 0 * pointwise, "log", 0.7], index=names)

    table = az.compare({str(model): elpd(values) for model, values in enumerate(elpd_i)}, ic="loo", method="stacking")
    assert isinstance(table, pd.DataFrame)
    return {
        "elpd_i": numbers(elpd_i),
        "model": [int(model) for model in table.index],
        "elpd_loo": numbers(table["elpd_loo"].to_numpy()),
        "se": numbers(table["se"].to_numpy()),
        "elpd_diff": numbers(table["elpd_diff"].to_numpy()),
        "dse": numbers(table["dse"].to_numpy()),
        "weight": numbers(table["weight"].to_numpy()),
    }


def posteriors():
    """Posterior draws, log priors and log likelihoods [chain][draw] of a mean with a normal prior, and a nuisance."""
    cases = {}
    for name, seed, chains, draws, phi, prior_mean, prior_sd, data_mean, data_sd in [
        ("weak prior", 7, 4, 100, 0.2, 0.0, 10.0, 1.0, 0.5),
        ("conflict", 8, 4, 100, 0.2, 0.0, 0.7, 5.0, 0.7),
        ("strong prior", 9, 2, 150, 0.8, 0.0, 0.2, 2.5, 8.0),
        ("one chain of few draws", 10, 1, 20, 0.0, 0.0, 1.0, 1.0, 1.0),
        ("equal draws", 11, 2, 102, 0.0, 0.0, 1.0, 3.0, 1.0),
    ]:
        random = generator(seed)
        precision = prior_sd**-2 + data_sd**-2
        mean = (prior_mean * prior_sd**-2 + data_mean * data_sd**-2) / precision
        theta = np.round(mean + autoregression(random, phi, chains, draws) / np.sqrt(precision), 6)
        noise = np.round(autoregression(random, phi, chains, draws), 6)
        if name == "equal draws":
            theta, noise = np.repeat(theta[:, ::3], 3, axis=1), np.repeat(noise[:, ::3], 3, axis=1)
        log_prior = np.round(-0.5 * ((theta - prior_mean) / prior_sd) ** 2, 10)
        log_likelihood = np.round(-0.5 * ((data_mean - theta) / data_sd) ** 2 - 0.1 * noise**2, 10)
        cases[name] = ({"theta": theta, "noise": noise}, log_prior, log_likelihood)
    return cases


def power_scaling(draws, log_prior, log_likelihood):
    data = arviz_base.from_dict(
        {
            "posterior": draws,
            "log_prior": {"theta": log_prior},
            "log_likelihood": {"y": log_likelihood[:, :, None]},
        }
    )
    found = {group: arviz_stats.psense(data, group=group) for group in ["prior", "likelihood"]}
    diagnosis = arviz_stats.psense_summary(data, round_to=12)["diagnosis"]
    return {
        "draws": {name: numbers(values) for name, values in draws.items()},
        "log_prior": numbers(log_prior),
        "log_likelihood": numbers(log_likelihood),
        "prior": {name: numbers(found["prior"][name].values) for name in draws},
        "likelihood": {name: numbers(found["likelihood"][name].values) for name in draws},
        "diagnosis": {name: diagnosis[name] for name in draws},
    }


if __name__ == "__main__":
    main()
