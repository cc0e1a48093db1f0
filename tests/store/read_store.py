"""Opens stores with ArviZ and prints what it finds in each, as a list in JSON: for tests/store.rs."""

import json
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")

import arviz as az
import matplotlib
import xarray as xr

matplotlib.use("Agg")

def by_name(dataset):
    """Every element's number, under the name that warpnuts gives it: a[AITKIN], b[hours,School 3]."""
    found = {}
    for name, variable in dataset.data_vars.items():
        inner = [dim for dim in variable.dims if dim not in ("chain", "draw")]
        stacked = variable.stack(element=inner) if inner else variable.expand_dims("element")
        for i in range(stacked.sizes["element"]):
            element = stacked.isel(element=i)
            labels = [str(element.coords[dim].values) for dim in inner]
            found[f"{name}[{','.join(labels)}]" if labels else name] = float(element.values)
    return found


def read(path):
    """What ArviZ finds in the store there."""
    tree = xr.open_datatree(path, engine="zarr")
    data = az.InferenceData.from_datatree(tree) if hasattr(getattr(az, "InferenceData", None), "from_datatree") else tree
    posterior = tree["posterior"].to_dataset()
    exact = posterior.astype("float64")

    # ArviZ writes what it has opened: as netCDF, which knows no nested attributes.
    with tempfile.NamedTemporaryFile(suffix=".nc") as file:
        tree.to_netcdf(file.name)

    groups = [group.strip("/") for group in tree.groups if group != "/"]
    answer = {
        "groups": groups,
        "attributes": dict(tree["posterior"].attrs),
        "dims": {name: list(variable.dims) for name, variable in posterior.data_vars.items()},
        "dtypes": {name: str(variable.dtype) for name, variable in posterior.data_vars.items()},
        "chains": [int(chain) for chain in posterior["chain"].values],
        "statistics": sorted(tree["sample_stats"].data_vars),
        "divergences": int(tree["sample_stats"]["diverging"].values.sum()),
        "mean": by_name(exact.mean(("chain", "draw"))),
        "sd": by_name(exact.std(("chain", "draw"), ddof=1)),
        "rhat": by_name(az.rhat(exact)),
        "ess_bulk": by_name(az.ess(exact, method="bulk")),
        "ess_tail": by_name(az.ess(exact, method="tail")),
        "mcse_mean": by_name(az.mcse(exact, method="mean")),
        "bfmi": float(min(az.bfmi(data))),
        "observed": float(next(iter(tree["observed_data"].data_vars.values())).mean()),
    }
    if "log_likelihood" in groups:
        loo = az.loo(data)
        answer["elpd_loo"] = float(loo.elpd_loo if hasattr(loo, "elpd_loo") else loo.elpd)
        pointwise = next(iter(tree["log_likelihood"].data_vars.values()))
        answer["mean_log_likelihood"] = float(pointwise.sum("obs_id").mean())
        answer["plots"] = len([plot(data, var_names=["mu_a", "sigma_a", "eps"]) for plot in (az.plot_trace, az.plot_rank)])
    if "posterior_predictive" in groups:
        replicates = next(iter(tree["posterior_predictive"].data_vars.values()))
        answer["replicate_mean"], answer["replicate_sd"] = float(replicates.mean()), float(replicates.std())
    if "warmup_posterior" in groups:
        answer["warmup"] = list(data.warmup_posterior["a"].shape)
        answer["warmup_mean"] = float(data.warmup_posterior["mu_a"].mean())
        assert data.warmup_sample_stats["n_steps"].shape == data.warmup_posterior["mu_a"].shape
    return answer


print(json.dumps([read(path) for path in sys.argv[1:]]))
