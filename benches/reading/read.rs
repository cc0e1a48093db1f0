//! Reads a file with the columns `site`, `y` and `x`, and prints in JSON how long that took: for
//! benches/reading/read.py.

use std::path::Path;
use std::time::{Duration, Instant};

use warpnuts::data::{Columns, Dataset};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name a file")?;
    let columns = Columns { group: "site".into(), outcome: "y".into(), predictors: vec!["x".into()] };
    let (start, spent_before) = (Instant::now(), spent());
    let data = Dataset::from_path(Path::new(&path), &columns)?;
    let (wall, cpu) = (start.elapsed(), spent() - spent_before);
    let start = Instant::now();
    let checksum = data.checksum();
    let checksum_seconds = start.elapsed().as_secs_f64();
    println!(
        "{}",
        serde_json::json!({
            "rows": data.n_observations(),
            "wall": wall.as_secs_f64(),
            "cpu": cpu.as_secs_f64(),
            "peak_mb": peak_mb(),
            "checksum": checksum,
            "checksum_seconds": checksum_seconds,
        })
    );
    Ok(())
}

/// Processor time of all threads so far.
fn spent() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(") ").next().into_iter().flat_map(|rest| rest.split(' ').skip(11).take(2));
    Duration::from_millis(10 * ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>())
}

/// The most memory that was resident.
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
}
