#!/usr/bin/env python3
"""Log densities and gradients of models given by formulas, computed by NumPyro and JAX in float64.

    python3 formula_densities.py [the folder of warpnuts]      (numpyro==0.22.0, jax==0.10.2)

Writes formula_densities.json beside itself, for tests that hold warpnuts against it. The model, in the user's units:

    y[i]    ~ Normal(eta[i], sigma), or Normal(eta[i], sqrt(sigma^2 + se[i]^2)) with known standard errors beside sigma
    eta[i]  = b0 + sum over k of (x[i, k] - mean(x[k])) b[k] + sum over terms t of r_t[level of i] . z_t[i]
    r_t[j]  ~ MultivariateNormal(0, S_t),   S_t = diag(sd_t) L_t L_t' diag(sd_t),   L_t L_t' ~ LKJ, or the identity

b0 is the intercept at the means of the population-level columns x; the varying columns z_t are not centred.
Densities are over unconstrained coordinates, with all log Jacobians and all normalising constants.

The figures are believed only after three checks, which every run makes: gradients agree with finite differences,
centered effects have the density of non-centered ones times the Jacobian, and the integral over the effects is the
marginal density.
"""

import csv
import itertools
import json
import os
import sys
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.distributions.transforms import CorrCholeskyTransform, biject_to

jax.config.update("jax_enable_x64", True)

FAMILIES = {
    "normal": dist.Normal,
    "student_t": dist.StudentT,
    "half_normal": dist.HalfNormal,
    "half_cauchy": dist.HalfCauchy,
    "half_student_t": lambda df, scale: dist.FoldedDistribution(dist.StudentT(df, 0.0, scale)),
    "exponential": dist.Exponential,
    "uniform": dist.Uniform,
}

LAYOUT = (
    "b0, b[1..]; for each term the sds of its columns; for each correlated term the inverse hyperbolic tangents of the "
    "canonical partial correlations (1,0), (2,0), (2,1); sigma; for each term its effects as [column][level]. An sd "
    "and sigma stand as logarithms; under uniform(a, b) as logit((value - a) / (b - a)). Levels stand in order of first "
    "appearance. marginal: no effects. non-centered: z, with r[j] = diag(sd) L z[j]. centered: u = m + r, where m is "
    "what the population gives to a column in the first term that has it: its own coefficient for a slope; for the "
    "intercept, b0 - sum of mean(x[k]) b[k] over the columns k that vary in the term; 0 in all other cases."
)


@dataclass
class Term:
    """The effects of one grouping factor: `keys` are the columns of the file whose combinations are its levels."""

    keys: list
    columns: list
    correlated: bool

    factor = property(lambda self: ":".join(self.keys))


@dataclass
class Model:
    """A formula, written out. Columns are functions of the file's table, by the names they have in the formula."""

    name: str
    formula: str
    file: str
    used: list
    outcome: str
    population: dict
    terms: list
    varying: dict = field(default_factory=dict)
    priors: dict = field(default_factory=dict)
    rows: int = None
    points: int = 20
    errors: str = None


def number(name):
    return lambda table: np.array([float(cell) for cell in table[name]])


def is_level(name, level):
    return lambda table: np.array([float(cell == level) for cell in table[name]])


def product(*columns):
    return lambda table: np.prod([column(table) for column in columns], axis=0)


INTERCEPT = {"Intercept": lambda table: np.ones(len(next(iter(table.values()))))}
DAYS = {"Days": number("Days")}
SLEEP = dict(file="01-sleepstudy.csv", used=["Reaction", "Days", "Subject"], outcome="Reaction")
CATHOLIC = is_level("sector", "Catholic")
SQUARE = {"I(Days^2)": product(number("Days"), number("Days"))}

EFFECTS = dict(file="44-several-effects.csv", used=["effect", "dose", "study", "lab", "se"], outcome="effect", errors="se")

MODELS = [
    Model("sleepstudy", "Reaction ~ Days + (1 + Days | Subject)", population=DAYS, varying=DAYS,
          terms=[Term(["Subject"], ["Intercept", "Days"], True)], **SLEEP),
    Model("sleepstudy, independent", "Reaction ~ Days + (1 + Days || Subject)", population=DAYS, varying=DAYS,
          terms=[Term(["Subject"], ["Intercept", "Days"], False)], **SLEEP),
    Model("hsb82", "mAch ~ meanses*cses + sector*cses + (1 + cses | school)", "15b-hsb82.csv",
          ["mAch", "meanses", "cses", "sector", "school"], "mAch",
          {"meanses": number("meanses"), "cses": number("cses"), "sector[Catholic]": CATHOLIC,
           "meanses:cses": product(number("meanses"), number("cses")),
           "cses:sector[Catholic]": product(number("cses"), CATHOLIC)},
          [Term(["school"], ["Intercept", "cses"], True)], {"cses": number("cses")}),
    Model("pastes", "strength ~ 1 + (1 | batch/cask)", "27-pastes.csv", ["strength", "batch", "cask"], "strength", {},
          [Term(["batch"], ["Intercept"], False), Term(["batch", "cask"], ["Intercept"], False)]),
    Model("dyestuff", "Yield ~ 1 + (1 | Batch)", "02-dyestuff.csv", ["Yield", "Batch"], "Yield", {},
          [Term(["Batch"], ["Intercept"], False)]),
    Model("dietox", "Weight ~ Time + (1 + Time | Pig)", "28-dietox.csv", ["Weight", "Time", "Pig"], "Weight",
          {"Time": number("Time")}, [Term(["Pig"], ["Intercept", "Time"], True)], {"Time": number("Time")}),
    Model("insteval", "y ~ service + (1 | s) + (1 + service | d)", "25-insteval.csv", ["y", "service", "s", "d"], "y",
          {"service": number("service")},
          [Term(["s"], ["Intercept"], False), Term(["d"], ["Intercept", "service"], True)],
          {"service": number("service")}, rows=400, points=5),
    Model("sleepstudy, quadratic, other priors", "Reaction ~ Days + I(Days^2) + (1 + Days + I(Days^2) | Subject)",
          population=DAYS | SQUARE, varying=DAYS | SQUARE,
          terms=[Term(["Subject"], ["Intercept", "Days", "I(Days^2)"], True)],
          priors={"b_Intercept": ("student_t", 3, 200, 100), "b_Days": ("normal", 0, 10),
                  "b_I(Days^2)": ("normal", 0, 10), "sd_Subject__Intercept": ("half_cauchy", 25),
                  "sd_Subject__Days": ("exponential", 0.1), "sd_Subject__I(Days^2)": ("half_normal", 5),
                  "sigma": ("uniform", 0, 200), "cor_Subject": ("lkj", 1)}, **SLEEP),
    Model("radon, group-level predictor", "log_radon ~ floor + log(Uppm) + (1 + floor | county)", "radon.csv",
          ["log_radon", "floor", "Uppm", "county"], "log_radon",
          {"floor": number("floor"), "log(Uppm)": lambda table: np.log(number("Uppm")(table))},
          [Term(["county"], ["Intercept", "floor"], True)], {"floor": number("floor")}),
    Model("several effects a study, with their errors", "effect ~ dose + (1 | study)", population={"dose": number("dose")},
          terms=[Term(["study"], ["Intercept"], False)], **EFFECTS),
    Model("several effects, crossed, with their errors", "effect ~ dose + (1 + dose | study) + (1 | lab)",
          population={"dose": number("dose")}, varying={"dose": number("dose")},
          terms=[Term(["study"], ["Intercept", "dose"], True), Term(["lab"], ["Intercept"], False)],
          priors={"sigma": ("half_normal", 0.3)}, **EFFECTS),
]


class Posterior:
    """A model with its data and its priors: what a log density is computed from."""

    dispersions = ["sigma"]

    def __init__(self, model, folder):
        self.model = model
        self.path = os.path.join("data" if model.file == "radon.csv" else "tests/cases", model.file)
        with open(os.path.join(folder, self.path), newline="", encoding="utf-8") as file:
            read = list(itertools.islice(csv.DictReader(file), model.rows))
        kept = [row for row in read if all(row[name] not in ("", "NA") for name in model.used)]
        table = {name: [row[name] for row in kept] for name in model.used}
        self.n = len(kept)
        self.y = number(model.outcome)(table)
        self.errors = number(model.errors)(table) if model.errors else np.zeros(self.n)
        self.x = np.array([column(table) for column in model.population.values()]).reshape(-1, self.n)
        self.means = self.x.mean(axis=1)
        columns = INTERCEPT | model.varying
        self.z = [np.array([columns[name](table) for name in term.columns]) for term in model.terms]
        labels = [list(zip(*(table[key] for key in term.keys))) for term in model.terms]
        self.levels = [list(dict.fromkeys(of)) for of in labels]
        self.level = [np.array([levels.index(label) for label in of]) for levels, of in zip(self.levels, labels)]
        self.sizes = [z.shape[0] * len(levels) for z, levels in zip(self.z, self.levels)]
        self.priors = self.defaults() | model.priors
        self.names = [name for name in self.priors if not name.startswith("cor_")]
        self.n_hyper = len(self.names) + sum(self.n_partials(term) for term in model.terms)

    @staticmethod
    def n_partials(term):
        return len(term.columns) * (len(term.columns) - 1) // 2 if term.correlated else 0

    def defaults(self):
        """The priors of a model for which none is given, in the order of the coordinates, by family and parameters."""
        sd = float(np.std(self.y))
        priors = {"b_Intercept": ("normal", float(np.mean(self.y)), 2.5 * sd)}
        for name, x in zip(self.model.population, self.x):
            priors[f"b_{name}"] = ("normal", 0, 2.5 * sd / float(np.std(x)))
        for term, z in zip(self.model.terms, self.z):
            for name, column in zip(term.columns, z):
                scale = sd if name == "Intercept" else sd / float(np.std(column))
                priors[f"sd_{term.factor}__{name}"] = ("half_student_t", 3, scale)
        for term in self.model.terms:
            if term.correlated:
                priors[f"cor_{term.factor}"] = ("lkj", 2)
        return priors | {"sigma": ("half_student_t", 3, sd)}

    def prior(self, name):
        family, *parameters = self.priors[name]
        return FAMILIES[family](*(float(parameter) for parameter in parameters))

    def coordinate_names(self):
        """The names of all coordinates but the effects."""
        partials = [
            f"cor_{term.factor}__{other}__{name}"
            for term in self.model.terms
            for i, name in enumerate(term.columns)
            for other in term.columns[:i]
            if term.correlated
        ]
        return self.names[: len(self.names) - len(self.dispersions)] + partials + self.dispersions

    def parameters(self, theta):
        """Everything but the effects, from its coordinates: (b0, b, sds, Ls, sigma), and the log density of it all."""
        values, log_density, offset = {}, 0.0, len(self.names) - len(self.dispersions)
        last = theta[self.n_hyper - len(self.dispersions) : self.n_hyper]
        for name, coordinate in zip(self.names, [*theta[:offset], *last]):
            prior = self.prior(name)
            transform = biject_to(prior.support)
            values[name] = transform(coordinate)
            log_density += prior.log_prob(values[name]) + transform.log_abs_det_jacobian(coordinate, values[name])
        b = jnp.array([values[f"b_{name}"] for name in self.model.population])
        sds, factors = [], []
        for term in self.model.terms:
            sds.append(jnp.array([values[f"sd_{term.factor}__{name}"] for name in term.columns]))
            if not term.correlated:
                factors.append(jnp.eye(len(term.columns)))
                continue
            partials = theta[offset : offset + self.n_partials(term)]
            offset += self.n_partials(term)
            transform = CorrCholeskyTransform()
            factors.append(transform(partials))
            lkj = dist.LKJCholesky(len(term.columns), float(self.priors[f"cor_{term.factor}"][1]))
            log_density += lkj.log_prob(factors[-1])
            log_density += transform.log_abs_det_jacobian(partials, factors[-1])
        return (values["b_Intercept"], b, sds, factors, self.dispersion(values)), log_density

    def dispersion(self, values):
        """Sigma, from the values of all variables."""
        return values["sigma"]

    def log_likelihood(self, eta, sigma):
        """The log density of all outcomes."""
        return dist.Normal(eta, self.noise(sigma)).log_prob(self.y).sum()

    def means_of_effects(self, b0, b, t):
        """m: what the population gives to each column of term `t`, where it is the first term with that column."""
        population, term = list(self.model.population), self.model.terms[t]
        earlier = {name for before in self.model.terms[:t] for name in before.columns}
        means = []
        for name in term.columns:
            if name in earlier or name not in ["Intercept"] + population:
                means.append(jnp.zeros(()))
            elif name == "Intercept":
                moved = [k for k, other in enumerate(population) if other in term.columns]
                means.append(b0 - sum(self.means[k] * b[k] for k in moved))
            else:
                means.append(b[population.index(name)])
        return jnp.stack(means)

    def fixed(self, b0, b):
        return b0 + b @ (self.x - self.means[:, None])

    def noise(self, sigma):
        """The sd of each row."""
        return jnp.sqrt(sigma**2 + self.errors**2) if self.model.errors else sigma

    def effects(self, theta):
        """The effects of each term, as [column][level]."""
        parts = jnp.split(theta[self.n_hyper :], np.cumsum(self.sizes)[:-1])
        return [part.reshape(z.shape[0], -1) for part, z in zip(parts, self.z)]

    def joint(self, centered):
        """The log density of parameters and effects, as a function of all coordinates."""

        def log_density(theta):
            (b0, b, sds, factors, sigma), total = self.parameters(theta)
            eta = self.fixed(b0, b)
            for t, effects in enumerate(self.effects(theta)):
                scale = sds[t][:, None] * factors[t]
                if centered:
                    mean = self.means_of_effects(b0, b, t)
                    total += dist.MultivariateNormal(mean, scale_tril=scale).log_prob(effects.T).sum()
                    deviations = effects - mean[:, None]
                else:
                    total += dist.Normal(0.0, 1.0).log_prob(effects).sum()
                    deviations = scale @ effects
                eta += (self.z[t] * deviations[:, self.level[t]]).sum(axis=0)
            return total + self.log_likelihood(eta, sigma)

        return log_density

    def marginal(self):
        """The log density of the parameters alone, for one factor: the rows of a level have a dense covariance.

        Levels are made equally long by rows of zeros, which are independent Normal(0, sigma) and are divided out.
        """
        rows = [np.flatnonzero(self.level[0] == j) for j in range(len(self.levels[0]))]
        longest = max(map(len, rows))
        at = np.array([np.pad(of, (0, longest - len(of)), constant_values=self.n) for of in rows])
        n_padding = np.sum(at == self.n)
        y, z = np.append(self.y, 0.0)[at], np.moveaxis(np.pad(self.z[0], ((0, 0), (0, 1)))[:, at], 0, -1)

        def log_density(theta):
            (b0, b, sds, factors, sigma), total = self.parameters(theta)
            eta = jnp.append(self.fixed(b0, b), 0.0)[at]
            varying = z @ (sds[0][:, None] * factors[0])
            covariance = varying @ jnp.swapaxes(varying, -1, -2) + sigma**2 * jnp.eye(longest)
            if self.model.errors:
                covariance += jnp.append(self.errors**2, 0.0)[at][:, :, None] * jnp.eye(longest)
            total += dist.MultivariateNormal(eta, covariance).log_prob(y).sum()
            return total - n_padding * dist.Normal(0.0, sigma).log_prob(0.0)

        return log_density

    def systems(self):
        """The log densities of a model, by the names of their coordinates."""
        densities = {"non-centered": self.joint(False), "centered": self.joint(True)}
        return densities | ({"marginal": self.marginal()} if len(self.model.terms) == 1 else {})

    def point(self, random):
        """A sensible position, for each kind of coordinates, of four decimals."""
        sd = np.std(self.y)
        design = np.vstack([np.ones(self.n), self.x - self.means[:, None]])
        b = np.linalg.lstsq(design.T, self.y, rcond=None)[0]
        b += 0.3 * random.standard_normal(len(b)) * sd / np.append(1.0, self.x.std(axis=1))
        scales = []
        for z, term in zip(self.z, self.model.terms):
            spread = [1.0 if name == "Intercept" else np.std(c) for name, c in zip(term.columns, z)]
            scales.extend(sd / np.array(spread) / 2 * np.exp(0.5 * random.standard_normal(len(spread))))
        partials = 0.7 * random.standard_normal(self.n_hyper - len(self.names))
        scales.append(sd / 2 * np.exp(0.3 * random.standard_normal()))
        scales = [biject_to(self.prior(name).support).inv(v) for name, v in zip(self.names[len(b) :], scales)]
        hyper = np.round(np.concatenate([b, scales[:-1], partials, scales[-1:]]), 4)
        theta = np.append(hyper, np.round(random.standard_normal(sum(self.sizes)), 4))
        moved, _ = self.moved(theta)
        return {"non-centered": theta, "centered": np.round(moved, 4), "marginal": hyper}

    def moved(self, theta):
        """The same position with centered effects, and the log of the Jacobian determinant of this map."""
        (b0, b, sds, factors, _), _ = self.parameters(theta)
        parts, log_jacobian = [np.asarray(theta[: self.n_hyper])], 0.0
        for t, z in enumerate(self.effects(theta)):
            scale = sds[t][:, None] * factors[t]
            parts.append(np.ravel(self.means_of_effects(b0, b, t)[:, None] + scale @ z))
            log_jacobian += z.shape[1] * float(jnp.log(jnp.diag(scale)).sum())
        return np.concatenate(parts), log_jacobian


def integral(log_density, theta, n_hyper):
    """The log of the integral over the effects, of which the log density is a quadratic function."""
    of_effects = jax.jit(lambda effects: log_density(jnp.append(theta[:n_hyper], effects)))
    start = jnp.asarray(theta[n_hyper:])
    precision = -jax.jit(jax.hessian(of_effects))(start)
    mode = start + jnp.linalg.solve(precision, jax.grad(of_effects)(start))
    return of_effects(mode) + (len(start) * jnp.log(2 * jnp.pi) - jnp.linalg.slogdet(precision)[1]) / 2


def check(what, found, expected, tolerance):
    """Fails unless two figures, or arrays of them, agree relative to their size."""
    off = np.max(np.abs(np.asarray(found) - np.asarray(expected)) / np.maximum(1.0, np.abs(expected)))
    print(f"  {what}: {off:.1e}")
    if not off < tolerance:
        sys.exit(f"{what}: differs by {off:.1e}, more than {tolerance:.0e}")


def differences(log_density, theta):
    """The gradient by central differences, of fourth order."""

    def along(k):
        h = 1e-3 * max(1.0, abs(theta[k]))
        at = lambda steps: float(log_density(theta + steps * h * (np.arange(len(theta)) == k)))
        return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)

    return np.array([along(k) for k in range(len(theta))])


def reference(posterior, seed):
    """All figures of one model, checked."""
    model, random = posterior.model, np.random.default_rng(seed)
    print(model.name, flush=True)
    points = [posterior.point(random) for _ in range(model.points)]
    found, systems = {}, posterior.systems()
    for system, log_density in systems.items():
        evaluate = jax.jit(jax.value_and_grad(log_density))
        thetas = [point[system] for point in points]
        values, gradients = zip(*(map(np.asarray, evaluate(theta)) for theta in thetas))
        check(f"{system}, finite differences", differences(jax.jit(log_density), thetas[0]), gradients[0], 1e-7)
        found[system] = {
            "points": [theta.tolist() for theta in thetas],
            "log_density": [float(value) for value in values],
            "gradient": [gradient.tolist() for gradient in gradients],
        }
    theta, n_hyper = points[0]["non-centered"], posterior.n_hyper
    moved, log_jacobian = posterior.moved(theta)
    free = systems["non-centered"](theta)
    check("centered against non-centered", systems["centered"](moved) + log_jacobian, free, 1e-11)
    whole = integral(systems["non-centered"], theta, n_hyper)
    check("integrals of both", integral(systems["centered"], moved, n_hyper), whole, 1e-9)
    if "marginal" in found:
        check("integral against marginal", whole, found["marginal"]["log_density"][0], 1e-9)
    if model.errors:
        found.pop("marginal", None)  # warpnuts has no such coordinates there
    text = lambda prior: f"{prior[0]}({', '.join(map(str, prior[1:]))})"
    return {
        "name": model.name,
        "formula": model.formula,
        "file": posterior.path,
        "first_rows": model.rows,
        "n_rows": posterior.n,
        "prior_options": [f"{name} ~ {text(prior)}" for name, prior in model.priors.items()],
        "priors": {name: text(prior) for name, prior in posterior.priors.items()},
        "population": list(model.population),
        "terms": [
            {"factor": term.factor, "columns": term.columns, "correlated": term.correlated,
             "levels": ["_".join(level) for level in levels]}
            for term, levels in zip(model.terms, posterior.levels)
        ],
        "coordinates": posterior.coordinate_names(),
        "systems": found,
    } | ({"errors": model.errors} if model.errors else {})


def main(name, models, of_model):
    """Writes the figures of all models beside the script `name`."""
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..")
    found = [of_model(model, folder, seed) for seed, model in enumerate(models, 1)]
    source = f"NumPyro {numpyro.__version__}, JAX {jax.__version__}, float64: {name}.py"
    whole = {"source": source, "layout": LAYOUT, "models": found}
    with open(os.path.join(here, f"{name}.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(whole, separators=(",", ":")).replace("],", "],\n") + "\n")


if __name__ == "__main__":
    main("formula_densities", MODELS, lambda model, folder, seed: reference(Posterior(model, folder), seed))
