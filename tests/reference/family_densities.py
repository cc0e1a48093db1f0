#!/usr/bin/env python3
"""Log densities and gradients of models of all families, computed by NumPyro and JAX in float64.

    python3 family_densities.py [the folder of warpnuts]      (numpyro==0.22.0, jax==0.10.2)

Writes family_densities.json beside itself, as formula_densities.py does for Gaussian outcomes, with that script's
model, coordinates and checks: eta is the linear predictor, with a known part beside it where an offset is named. Where
sigma has a formula, its coefficients c stand in its place,

    log sigma[i] = c0 + sum over k of (w[i, k] - mean(w[k])) c[k]

where c0 is the intercept at the means of the columns w; without an intercept nothing is subtracted.
"""

import csv
import itertools
import os
import sys
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.scipy.special import gammaln, log_ndtr, ndtri
from numpyro.distributions.transforms import biject_to

import formula_densities as formulas
from formula_densities import Model, Posterior, Term, check, differences, is_level, number, product

formulas.FAMILIES["gamma"] = dist.Gamma
formulas.FAMILIES["inv_gamma"] = dist.InverseGamma

DISPERSIONS = {
    "gaussian": ["sigma"],
    "student": ["sigma", "nu"],
    "lognormal": ["sigma"],
    "gamma": ["shape"],
    "negbinomial": ["shape"],
    "binomial": [],
    "probit": [],
    "poisson": [],
}


@dataclass
class FamilyModel(Model):
    """A model of a family; trials and offset are columns, and `nu` is known if it is given. A formula of sigma has the
    columns `of_sigma`, and an intercept or not."""

    family: str = None
    trials: str = None
    offset: str = None
    nu: float = None
    one: str = None
    sigma_formula: str = None
    of_sigma: dict = field(default_factory=dict)
    sigma_intercept: bool = True


EPIL = dict(file="epil.csv", used=["y", "trt", "lbase", "lage", "V4", "subject"], outcome="y")
PROGABIDE = is_level("trt", "progabide")
CBPP = dict(file="cbpp.csv", used=["incidence", "size", "period", "herd"], outcome="incidence", trials="size",
            population={f"factor(period)[{k}]": is_level("period", str(k)) for k in (2, 3, 4)},
            terms=[Term(["herd"], ["Intercept"], False)])
SLEEP = dict(formulas.SLEEP, file="../cases/01-sleepstudy.csv", population=formulas.DAYS, varying=formulas.DAYS,
             terms=[Term(["Subject"], ["Intercept", "Days"], True)])
SALAMANDERS = dict(file="salamanders.csv", used=["count", "mined", "cover", "site", "spp"], outcome="count")
NOT_MINED = is_level("mined", "no")

HSB = dict(file="../cases/15b-hsb82.csv", used=["mAch", "cses", "sector", "school"], outcome="mAch", rows=700,
           population={"cses": number("cses")}, terms=[Term(["school"], ["Intercept"], False)])
PUBLIC, CATHOLIC = is_level("sector", "Public"), is_level("sector", "Catholic")

MODELS = [
    FamilyModel("cbpp", "incidence | trials(size) ~ factor(period) + (1 | herd)", family="binomial", **CBPP),
    FamilyModel("cbpp, probit", "incidence | trials(size) ~ factor(period) + (1 | herd)", family="probit", **CBPP),
    FamilyModel("sleepstudy, yes or no", "Reaction ~ Days + (1 | Subject)", "../cases/01-sleepstudy.csv",
                ["Reaction", "Days", "Subject"], "Reaction", {"Days": number("Days")},
                [Term(["Subject"], ["Intercept"], False)], family="binomial", one="> 300"),
    FamilyModel("epil", "y ~ lbase * trt + lage + V4 + (1 | subject)", family="poisson",
                population={"lbase": number("lbase"), "trt[progabide]": PROGABIDE, "lage": number("lage"),
                            "V4": number("V4"), "lbase:trt[progabide]": product(number("lbase"), PROGABIDE)},
                terms=[Term(["subject"], ["Intercept"], False)], **EPIL),
    FamilyModel("epil, with an offset", "y ~ V4 + (1 + V4 | subject)", family="poisson", offset="lbase",
                population={"V4": number("V4")}, varying={"V4": number("V4")},
                terms=[Term(["subject"], ["Intercept", "V4"], True)], **EPIL),
    FamilyModel("salamanders, rows that merge", "count ~ mined + (1 | site) + (1 | spp)", family="poisson",
                population={"mined[no]": NOT_MINED},
                terms=[Term(["site"], ["Intercept"], False), Term(["spp"], ["Intercept"], False)], **SALAMANDERS),
    FamilyModel("salamanders", "count ~ mined + cover + (1 | site)", family="negbinomial",
                population={"mined[no]": NOT_MINED, "cover": number("cover")},
                terms=[Term(["site"], ["Intercept"], False)], **SALAMANDERS),
    FamilyModel("epil, overdispersed, with an offset", "y ~ V4 + (1 | subject)", family="negbinomial", offset="lbase",
                population={"V4": number("V4")}, terms=[Term(["subject"], ["Intercept"], False)],
                priors={"shape": ("gamma", 2, 0.5)}, **EPIL),
    FamilyModel("sleepstudy, Student's t", "Reaction ~ Days + (1 + Days | Subject)", family="student", **SLEEP),
    FamilyModel("sleepstudy, 4 degrees of freedom", "Reaction ~ Days + (1 + Days | Subject)", family="student", nu=4.0,
                **SLEEP),
    FamilyModel("sleepstudy, lognormal", "Reaction ~ Days + (1 + Days | Subject)", family="lognormal", **SLEEP),
    FamilyModel("sleepstudy, gamma", "Reaction ~ Days + (1 + Days | Subject)", family="gamma", **SLEEP),
    FamilyModel("sleepstudy, noise that grows", "Reaction ~ Days + (1 + Days | Subject)", family="gaussian",
                sigma_formula="sigma ~ Days", of_sigma=formulas.DAYS, **SLEEP),
    FamilyModel("hsb82, noise by sector and slope", "mAch ~ cses + (1 | school)", family="gaussian",
                sigma_formula="sigma ~ sector * cses",
                of_sigma={"sector[Catholic]": CATHOLIC, "cses": number("cses"),
                          "sector[Catholic]:cses": product(CATHOLIC, number("cses"))},
                priors={"b_sigma_Intercept": ("normal", 1, 2), "b_sigma_cses": ("uniform", -3, 3)}, **HSB),
    FamilyModel("hsb82, a scale of each sector", "mAch ~ cses + (1 | school)", family="student", nu=4.0,
                sigma_formula="sigma ~ 0 + sector", sigma_intercept=False,
                of_sigma={"sector[Public]": PUBLIC, "sector[Catholic]": CATHOLIC}, **HSB),
    FamilyModel("hsb82, a scale of each sector and degrees of freedom", "mAch ~ cses + (1 | school)", family="student",
                sigma_formula="sigma ~ sector", of_sigma={"sector[Catholic]": CATHOLIC}, **HSB),
    FamilyModel("sleepstudy, logarithms, noise of 1 at first", "Reaction ~ Days + (1 + Days | Subject)",
                family="lognormal", sigma_formula="sigma ~ 0 + Days", sigma_intercept=False, of_sigma=formulas.DAYS,
                priors={"b_sigma_Days": ("normal", -0.5, 0.5)}, **SLEEP),
]


def is_near(one, other):
    """Fails unless two log densities agree to 1e-6."""
    if not abs(one - other) < 1e-6 * abs(other):
        sys.exit(f"NumPyro has {one}, not {other}")


class FamilyPosterior(Posterior):
    """A model of a family with its data and its priors."""

    def __init__(self, model, folder):
        self.model = model
        self.path = os.path.normpath(os.path.join("tests/families", model.file))
        with open(os.path.join(folder, self.path), newline="", encoding="utf-8") as file:
            read = list(itertools.islice(csv.DictReader(file), model.rows))
        kept = [row for row in read if all(row[name] not in ("", "NA") for name in model.used)]
        table = {name: [row[name] for row in kept] for name in model.used}
        self.n = len(kept)
        self.y = number(model.outcome)(table)
        if model.one:
            self.y = (self.y > float(model.one.removeprefix("> "))).astype(float)
        self.trials = number(model.trials)(table) if model.trials else np.ones(self.n)
        self.offset = number(model.offset)(table) if model.offset else np.zeros(self.n)
        self.x = np.array([column(table) for column in model.population.values()]).reshape(-1, self.n)
        self.w = np.array([column(table) for column in model.of_sigma.values()]).reshape(-1, self.n)
        self.means = self.x.mean(axis=1)
        columns = formulas.INTERCEPT | model.varying
        self.z = [np.array([columns[name](table) for name in term.columns]) for term in model.terms]
        labels = [list(zip(*(table[key] for key in term.keys))) for term in model.terms]
        self.levels = [list(dict.fromkeys(of)) for of in labels]
        self.level = [np.array([levels.index(label) for label in of]) for levels, of in zip(self.levels, labels)]
        self.sizes = [z.shape[0] * len(levels) for z, levels in zip(self.z, self.levels)]
        self.dispersions = [d for d in DISPERSIONS[model.family] if not (d == "nu" and model.nu)]
        if model.sigma_formula:
            intercept = ["Intercept"] if model.sigma_intercept else []
            self.of_sigma = [f"b_sigma_{name}" for name in intercept + list(model.of_sigma)]
            self.dispersions[:1] = self.of_sigma
            # Without an intercept, a column for each level: one of them is 1 in every row.
            self.by_level = not model.sigma_intercept and set(self.w.flat) == {0, 1} and np.all(self.w.sum(axis=0) == 1)
        self.priors = self.defaults() | model.priors
        self.names = [name for name in self.priors if not name.startswith("cor_")]
        self.n_hyper = len(self.names) + sum(self.n_partials(term) for term in model.terms)

    def typical(self):
        """The mean of eta, and its sd where it is that of outcomes."""
        family, y = self.model.family, self.y - self.offset
        if family in ("gaussian", "student"):
            return float(np.mean(y)), float(np.std(y))
        if family in ("lognormal", "gamma"):
            logs = np.log(self.y) - self.offset
            return float(np.mean(logs)), float(np.std(logs)) if family == "lognormal" else None
        if family in ("poisson", "negbinomial"):
            return float(np.log(self.y.sum() / np.exp(self.offset).sum())), None
        share = (self.y.sum() + 0.5) / (self.trials.sum() + 1)
        link = np.log(share / (1 - share)) if family == "binomial" else float(ndtri(share))
        return float(link - self.offset.mean()), None

    def defaults(self):
        mean, sd = self.typical()
        unit, width = (sd, 1.0) if sd else (1.0, 2.5)
        priors = {"b_Intercept": ("normal", mean, 2.5 * unit)}
        for name, x in zip(self.model.population, self.x):
            priors[f"b_{name}"] = ("normal", 0, 2.5 * unit / float(np.std(x)))
        for term, z in zip(self.model.terms, self.z):
            for name, column in zip(term.columns, z):
                scale = unit if name == "Intercept" else unit / float(np.std(column))
                priors[f"sd_{term.factor}__{name}"] = ("half_student_t", 3, width * scale)
        for term in self.model.terms:
            if term.correlated:
                priors[f"cor_{term.factor}"] = ("lkj", 2)
        of = {
            "sigma": ("half_student_t", 3, unit),
            "nu": ("gamma", 2, 0.1),
            "shape": ("gamma", 0.01, 0.01) if self.model.family == "gamma" else ("inv_gamma", 0.4, 0.3),
        }
        if self.model.sigma_formula:
            of_one = ("student_t", 3, float(np.log(unit)), 2.5)
            for name, w in zip(self.of_sigma[::-1], self.w[::-1]):
                of[name] = of_one if self.by_level else ("normal", 0, 1 / float(np.std(w)))
            of.setdefault("b_sigma_Intercept", of_one)
        return priors | {name: of[name] for name in self.dispersions}

    def dispersion(self, values):
        all = [values.get(name, self.model.nu) for name in DISPERSIONS[self.model.family]]
        if self.model.sigma_formula:
            w = self.w
            if self.model.sigma_intercept:
                w = np.vstack([np.ones(self.n), w - w.mean(axis=1)[:, None]])
            all[0] = jnp.exp(jnp.stack([values[name] for name in self.of_sigma]) @ w)
        return all

    def log_likelihood(self, eta, dispersions):
        eta, y, family = eta + self.offset, self.y, self.model.family
        if family == "probit":
            # The binomial's constant, and logarithms of the probabilities, which no subtraction spoils.
            ways = dist.Binomial(self.trials.astype(int), logits=0.0).log_prob(y) + self.trials * np.log(2)
            return (ways + y * log_ndtr(eta) + (self.trials - y) * log_ndtr(-eta)).sum()
        if family == "negbinomial":
            # NumPyro's density has JAX's betaln in it, which is wrong by 1e-6 for arguments near 8.
            a, log = dispersions[0], jnp.logaddexp(eta, jnp.log(dispersions[0]))
            ways = gammaln(y + a) - gammaln(a) - gammaln(y + 1.0)
            near = dist.NegativeBinomial2(jnp.exp(eta), a).log_prob(y).sum()
            jax.debug.callback(is_near, near, (ways + a * (jnp.log(a) - log) + y * (eta - log)).sum())
            return (ways + a * (jnp.log(a) - log) + y * (eta - log)).sum()
        law = {
            "gaussian": lambda: dist.Normal(eta, dispersions[0]),
            "binomial": lambda: dist.Binomial(self.trials.astype(int), logits=eta),
            "poisson": lambda: dist.Poisson(jnp.exp(eta)),
            "student": lambda: dist.StudentT(dispersions[1], eta, dispersions[0]),
            "lognormal": lambda: dist.LogNormal(eta, dispersions[0]),
            "gamma": lambda: dist.Gamma(dispersions[0], dispersions[0] / jnp.exp(eta)),
        }[family]()
        return law.log_prob(y).sum()

    def point(self, random):
        mean, sd = self.typical()
        unit = sd or 1.0
        b = np.append(mean, np.zeros(len(self.x)))
        b += 0.3 * random.standard_normal(len(b)) * unit / np.append(1.0, self.x.std(axis=1))
        scales = []
        for z, term in zip(self.z, self.model.terms):
            spread = [1.0 if name == "Intercept" else np.std(c) for name, c in zip(term.columns, z)]
            scales.extend(unit / np.array(spread) / 2 * np.exp(0.5 * random.standard_normal(len(spread))))
        centre = {"sigma": unit / 2, "nu": 6.0, "shape": 3.0}
        partials = 0.7 * random.standard_normal(self.n_hyper - len(self.names))
        last = [self.centre_of(centre, unit, name, random.standard_normal()) for name in self.dispersions]
        of_scales = [biject_to(self.prior(n).support).inv(v) for n, v in zip(self.names[len(b) :], scales + last)]
        k = len(scales)
        hyper = np.round(np.concatenate([b, of_scales[:k], partials, of_scales[k:]]), 4)
        theta = np.append(hyper, np.round(random.standard_normal(sum(self.sizes)), 4))
        moved, _ = self.moved(theta)
        return {"non-centered": theta, "centered": np.round(moved, 4)}

    def centre_of(self, centre, unit, name, normal):
        """A sensible value of a dispersion, or of a coefficient of log sigma."""
        if name in centre:
            return centre[name] * np.exp(0.5 * normal)
        if name == "b_sigma_Intercept" or self.by_level:
            return np.log(unit / 2) + 0.3 * normal
        return 0.3 * normal / np.std(self.w[list(self.model.of_sigma).index(name.removeprefix("b_sigma_"))])

    def systems(self):
        return {"non-centered": self.joint(False), "centered": self.joint(True)}


def reference(posterior, seed):
    """All figures of one model, checked."""
    model, random = posterior.model, np.random.default_rng(seed)
    print(model.name, flush=True)
    points = [posterior.point(random) for _ in range(5)]
    found, systems = {}, posterior.systems()
    for system, log_density in systems.items():
        evaluate = jax.jit(jax.value_and_grad(log_density))
        thetas = [point[system] for point in points]
        values, gradients = zip(*(map(np.asarray, evaluate(theta)) for theta in thetas))
        check(f"{system}, finite differences", differences(jax.jit(log_density), thetas[0]), gradients[0], 1e-6)
        found[system] = {
            "points": [theta.tolist() for theta in thetas],
            "log_density": [float(value) for value in values],
            "gradient": [gradient.tolist() for gradient in gradients],
        }
    theta = points[0]["non-centered"]
    moved, log_jacobian = posterior.moved(theta)
    free = systems["non-centered"](theta)
    check("centered against non-centered", systems["centered"](moved) + log_jacobian, free, 1e-11)
    text = lambda prior: f"{prior[0]}({', '.join(map(str, prior[1:]))})"
    options = [f"{name} ~ {text(prior)}" for name, prior in model.priors.items()]
    return {
        "name": model.name,
        "formula": model.formula,
        "family": model.family,
        "offset": model.offset,
        "one": model.one,
        "sigma_formula": model.sigma_formula,
        "file": posterior.path,
        "first_rows": model.rows,
        "prior_options": options + ([f"nu ~ constant({model.nu})"] if model.nu else []),
        "priors": {name: text(prior) for name, prior in posterior.priors.items()},
        "systems": found,
    }


if __name__ == "__main__":
    formulas.main("family_densities", MODELS, lambda model, folder, seed: reference(FamilyPosterior(model, folder), seed))
