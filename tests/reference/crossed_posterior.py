#!/usr/bin/env python3
"""The exact posterior of tests/cases/25-insteval.csv, `y ~ service + (1 | s) + (1 | d)` under the default priors, and the
maximum of its likelihood:

    python3 -m venv target/reference && target/reference/bin/pip install numpy scipy
    target/reference/bin/python tests/reference/crossed_posterior.py

Given the sds of both factors and sigma, outcomes are normal. Their precision is taken apart level by level: students are
eliminated one by one, lecturers by a dense Cholesky factor, population-level coefficients last. What is left is integrated
over the logarithms of the three sds by Gauss-Hermite quadrature around the mode, 7 points a dimension. Takes two minutes."""

import csv, itertools, os

import numpy as np
import scipy.linalg
import scipy.optimize

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cases", "25-insteval.csv")
POINTS = 7


def levels(labels):
    known = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    return np.array([known[label] for label in labels]), len(known)


with open(DATA) as file:
    rows = list(csv.DictReader(file))
y = np.array([float(row["y"]) for row in rows])
service = np.array([float(row["service"]) for row in rows])
students, n_students = levels([row["s"] for row in rows])
lecturers, n_lecturers = levels([row["d"] for row in rows])
n = len(y)
# The intercept is that at the means of the predictors.
columns = np.column_stack([np.ones(n), service - service.mean(), y])
of_students = np.stack([np.bincount(students, weights=column, minlength=n_students) for column in columns.T], 1)
of_lecturers = np.stack([np.bincount(lecturers, weights=column, minlength=n_lecturers) for column in columns.T], 1)
rows_of_students, rows_of_lecturers = np.bincount(students), np.bincount(lecturers)
together = np.zeros((n_students, n_lecturers))
np.add.at(together, (students, lecturers), 1.0)


def products(sd_s, sd_d):
    """The products of the columns under the inverse of the covariance of outcomes, where sigma is 1, and its log |V|."""
    precision = rows_of_students + sd_s**-2
    weighted = together / precision[:, None]
    left = np.diag(rows_of_lecturers + sd_d**-2) - together.T @ weighted
    factor = scipy.linalg.cholesky(left, lower=True)
    rest = scipy.linalg.solve_triangular(factor, of_lecturers - weighted.T @ of_students, lower=True)
    found = columns.T @ columns - of_students.T @ (of_students / precision[:, None]) - rest.T @ rest
    log_det = np.log(precision).sum() + 2.0 * np.log(np.diag(factor)).sum()
    return found, log_det + 2.0 * n_students * np.log(sd_s) + 2.0 * n_lecturers * np.log(sd_d)


def maximum_likelihood():
    def at(logs):
        found, log_det = products(*np.exp(logs))
        b = np.linalg.solve(found[:2, :2], found[:2, 2])
        sigma = np.sqrt((found[2, 2] - found[:2, 2] @ b) / n)
        return log_det + 2.0 * n * np.log(sigma), b, sigma

    options = {"xatol": 1e-6, "fatol": 1e-8}
    best = scipy.optimize.minimize(lambda logs: at(logs)[0], np.log([0.3, 0.4]), method="Nelder-Mead", options=options).x
    _, b, sigma = at(best)
    return [b[0] - b[1] * service.mean(), b[1], *(np.exp(best) * sigma), sigma]


sd_y, sd_service = y.std(ddof=1), service.std(ddof=1)
prior_mean = np.array([y.mean(), 0.0])
prior_precision = np.diag(np.array([2.5 * sd_y, 2.5 * sd_y / sd_service]) ** -2)


def given(logs):
    """The log density of the logarithms of the sds, and mean and covariance of the coefficients given them."""
    sd_s, sd_d, sigma = np.exp(logs)
    found, log_det = products(sd_s / sigma, sd_d / sigma)
    found = found / sigma**2
    precision = found[:2, :2] + prior_precision
    linear = found[:2, 2] + prior_precision @ prior_mean
    mean = np.linalg.solve(precision, linear)
    half_student_t = -2.0 * np.log1p((np.exp(logs) / sd_y) ** 2 / 3.0)
    log_density = -0.5 * (log_det + found[2, 2] - linear @ mean + np.linalg.slogdet(precision)[1]) - n * np.log(sigma)
    return log_density + half_student_t.sum() + logs.sum(), mean, np.linalg.inv(precision)


def posterior():
    options = {"xatol": 1e-6, "fatol": 1e-7}
    start = np.log([0.3, 0.5, 1.2])
    mode = scipy.optimize.minimize(lambda logs: -given(logs)[0], start, method="Nelder-Mead", options=options).x
    steps = np.diag([0.01, 0.01, 0.002])
    density = lambda logs: given(logs)[0]
    hessian = np.zeros((3, 3))
    for i, j in itertools.product(range(3), repeat=2):
        a, b = steps[i], steps[j]
        hessian[i, j] = density(mode + a + b) - density(mode + a - b) - density(mode - a + b) + density(mode - a - b)
        hessian[i, j] /= 4.0 * a[i] * b[j]
    scale = np.linalg.cholesky(np.linalg.inv(-hessian))
    nodes, weights = np.polynomial.hermite_e.hermegauss(POINTS)
    to_raw = np.array([[1.0, -service.mean()], [0.0, 1.0]])
    log_weights, means, variances = [], [], []
    for at in itertools.product(range(POINTS), repeat=3):
        z = nodes[list(at)]
        logs = mode + scale @ z
        log_density, b, covariance = given(logs)
        log_weights.append(log_density + 0.5 * z @ z + np.log(weights[list(at)]).sum())
        means.append([*(to_raw @ b), *np.exp(logs)])
        variances.append([*np.diag(to_raw @ covariance @ to_raw.T), 0.0, 0.0, 0.0])
    weights = np.exp(np.array(log_weights) - max(log_weights))
    weights /= weights.sum()
    mean = weights @ np.array(means)
    return mean, np.sqrt(weights @ (np.array(variances) + (np.array(means) - mean) ** 2))


names = ["b_Intercept", "b_service", "sd_s__Intercept", "sd_d__Intercept", "sigma"]
for name, likely, mean, sd in zip(names, maximum_likelihood(), *posterior()):
    print(f"{name:16} ML {likely:.6f}, posterior mean {mean:.6f}, sd {sd:.6f}")
