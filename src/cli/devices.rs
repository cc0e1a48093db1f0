//! `warpnuts devices`: the processor, the GPU adapters, what they allow, and which one `--engine auto` would take.

use warpnuts::density::DensityError;
use warpnuts::density::gpu::DeviceModel;
use warpnuts::gpu::{self, Adapter, Gpu, GpuError, Switches};
use warpnuts::machine;
use warpnuts::model::{Likelihood, Model, PriorScales};

use super::arguments::DataArguments;
use super::{Failure, Outcome, print, resolve, table};

/// The rows of the table.
const ROWS: [&str; 12] = [
    "type",
    "backend",
    "driver",
    "subgroup sizes",
    "64-bit integers",
    "times kernels",
    "storage binding",
    "buffer",
    "workgroup memory",
    "workgroup invocations",
    "radon chains at once, over groups",
    "radon chains at once, over observations",
];

/// Lists the processor and the adapters.
pub fn run() -> Result<Outcome, Failure> {
    let switches = switches()?;
    print(format_args!("CPU: {}, {} vectors\n", machine::processor_and_cores(), machine::vectors()));
    let adapters = Adapter::all();
    if !adapters.is_empty() {
        let radon = resolve::dataset(&DataArguments::radon())?;
        let model = resolve::model(&radon, &PriorScales::for_data(&radon), "non-centered")?;
        let by_rows = model.over(Likelihood::Observations).map_err(Failure::input)?;
        let column = |adapter| column(adapter, &model, &by_rows);
        let columns: Vec<[String; ROWS.len()]> = adapters.iter().map(column).collect();
        let row = |(i, name): (usize, &&str)| {
            std::iter::once(name.to_string()).chain(columns.iter().map(|column| column[i].clone())).collect()
        };
        let header: Vec<&str> = std::iter::once("").chain(adapters.iter().map(Adapter::name)).collect();
        print(format_args!("{}\n", table::of(&header, ROWS.iter().enumerate().map(row))));
    }
    print(format_args!("{switches}\n"));
    print(match Adapter::choose(None, false) {
        Ok(adapter) => format!(
            "--engine auto takes {} for runs of two seconds and more, where that measures as faster than the CPU.",
            adapter.name()
        ),
        Err(error @ GpuError::Software { .. }) => format!("--engine auto takes the CPU: {error}."),
        Err(error) => {
            format!("--engine auto takes the CPU: {error}. `vulkaninfo --summary` shows what a driver offers.")
        }
    });
    Ok(Outcome::Done)
}

/// The environment's settings for devices, in sentences.
fn switches() -> Result<String, Failure> {
    let set = Switches::from_env().map_err(Failure::input)?;
    let kernels = match set.spirv {
        None => "compiled by wgpu".to_string(),
        Some((major, minor)) => format!("passed to drivers as SPIR-V {major}.{minor}"),
    };
    let checks = if set.checked { "checked" } else { "not checked" };
    let workgroup = set.workgroup.map_or_else(String::new, |lanes| format!(", workgroups of {lanes} lanes"));
    let votes = set.votes || !set.subgroups;
    let without = [(set.subgroups, "subgroups"), (votes, "votes in subgroups"), (set.int64, "64-bit integers")];
    let without: String = without.iter().filter(|(used, _)| !used).map(|(_, what)| format!(", no {what}")).collect();
    let flags = gpu::flags();
    let flags = if flags.is_empty() { "none".to_string() } else { format!("{flags:?}") };
    let variables = Switches::names().map(|(name, values)| format!("\n  {name}={}", values.join("|")));
    Ok(format!(
        "Kernels are {kernels}, indices and loops {checks}{workgroup}{without}; wgpu's flags: {flags}.\n\
         These variables change that, and so do wgpu's own, such as WGPU_VALIDATION; first the value where one is not set:{}",
        variables.collect::<String>()
    ))
}

/// The column of an adapter.
fn column(adapter: &Adapter, model: &Model, by_rows: &Model) -> [String; ROWS.len()] {
    let limits = adapter.limits();
    let yes = |has: bool| if has { "yes" } else { "no" }.to_string();
    let subgroups = match adapter.subgroups() {
        None => "none".to_string(),
        Some((smallest, largest)) if smallest == largest => smallest.to_string(),
        Some((smallest, largest)) => format!("{smallest} to {largest}"),
    };
    let gpu = Gpu::open(adapter.clone());
    let fits = |model: &Model| {
        let most =
            gpu.clone().map_err(DensityError::from).and_then(|gpu| Ok(DeviceModel::new(gpu, model)?.largest_width()));
        most.map_or_else(|error| error.to_string(), |most| table::thousands(most as f64))
    };
    [
        adapter.kind().to_string(),
        adapter.backend(),
        adapter.driver(),
        subgroups,
        yes(adapter.has_int64()),
        yes(adapter.has_timestamps()),
        binary(limits.max_storage_buffer_binding_size),
        binary(limits.max_buffer_size),
        binary(u64::from(limits.max_compute_workgroup_storage_size)),
        limits.max_compute_invocations_per_workgroup.to_string(),
        fits(model),
        fits(by_rows),
    ]
}

/// Bytes, in the largest unit that makes at least one.
fn binary(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let power = ((63 - bytes.max(1).leading_zeros()) / 10).min(units.len() as u32 - 1);
    let value = bytes as f64 / 1024f64.powi(power as i32);
    let digits = format!("{value:.1}");
    format!("{} {}", digits.strip_suffix(".0").unwrap_or(&digits), units[power as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        assert_eq!(binary(0), "0 bytes");
        assert_eq!(binary(512), "512 bytes");
        assert_eq!(binary(32 << 10), "32 KiB");
        assert_eq!(binary((1 << 31) - 1), "2 GiB");
        assert_eq!(binary(3 << 29), "1.5 GiB");
        assert_eq!(binary(1 << 41), "2 TiB");
        assert_eq!(binary(u64::MAX), "16777216 TiB");
    }
}
