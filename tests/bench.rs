//! `warpnuts devices` and `warpnuts bench`: what they print, write and refuse, with adapters and without.

use serde_json::Value;

use crate::helpers::common::{Folder, Ran};
use crate::helpers::gpu;

/// A bench with the fewest repeats, whatever the clock says.
const TINY: &str = "bench --budget 0.1s --out out";

/// Runs `warpnuts` with the words of `line`, which mostly starts with [`TINY`].
fn run(folder: &Folder, line: &str) -> Ran {
    Ran::of(folder.command(line).env("WARPNUTS_FAULT", "bench-without-clock"))
}

/// Runs the program without any GPU driver.
fn without_drivers(folder: &Folder, line: &str) -> Ran {
    let mut command = folder.command(line);
    command.env("VK_DRIVER_FILES", "none.json").env("VK_ICD_FILENAMES", "none.json");
    command.env("WARPNUTS_FAULT", "bench-without-clock");
    Ran::of(&mut command)
}

fn json(folder: &Folder) -> Value {
    serde_json::from_slice(&folder.contents()["out/bench.json"]).unwrap()
}

/// `bench.csv`: its header, and its rows.
fn csv(folder: &Folder) -> (Vec<String>, Vec<Vec<String>>) {
    let text = folder.contents()["out/bench.csv"].clone();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&*text);
    let mut rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect());
    (rows.next().unwrap(), rows.collect())
}

/// The median of a timing; it lies between the smallest and the largest value.
fn rate(value: &Value) -> f64 {
    let [median, smallest, largest] = ["median", "smallest", "largest"].map(|name| value[name].as_f64().unwrap());
    assert!(0.0 < smallest && smallest <= median && median <= largest, "{value}");
    assert!(value["repeats"].as_u64().unwrap() >= 3, "{value}");
    median
}

/// The timing of an engine.
fn timing<'a>(bench: &'a Value, engine: &str) -> &'a Value {
    let timings = bench["timings"].as_array().unwrap();
    timings.iter().find(|timing| timing["engine"] == engine).unwrap_or_else(|| panic!("{engine}: {bench}"))
}

fn refuses(line: &str, option: &str) {
    let folder = Folder::new();
    let ran = folder.run(line);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{line}: {ran:?}");
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(option), "{line}: {ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{line}: {ran:?}");
    assert!(folder.contents().is_empty(), "{line} has written something");
}

// devices

#[test]
fn devices_tells_of_the_processor_and_every_adapter() {
    let Some(devices) = gpu::devices() else { return };
    let ran = Folder::new().run("devices");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("CPU: "), "{ran:?}");
    for words in [devices[0].adapter().name(), "storage binding", "over observations", "--engine auto takes"] {
        assert!(ran.stdout.contains(words), "`{words}` is missing: {ran:?}");
    }
    let row = |name: &str| ran.stdout.lines().find(|line| line.trim_start().starts_with(name)).unwrap().to_string();
    let chains = row("radon chains at once, over groups");
    let digits = chains.split_whitespace().last().unwrap().replace(',', "");
    assert!(digits.parse::<u64>().unwrap() >= 1000, "{chains}");
}

#[cfg(target_os = "linux")]
#[test]
fn devices_says_what_to_install_where_there_is_none() {
    let ran = without_drivers(&Folder::new(), "devices");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("CPU: ") && ran.stdout.contains("takes the CPU"), "{ran:?}");
    assert!(ran.stdout.contains("install a driver"), "{ran:?}");
}

// bench

#[test]
fn bench_times_the_cpu() {
    let folder = Folder::new();
    let ran = run(&folder, "bench --budget 1s --out out --engine cpu --chains 64,1 --likelihood both");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("over groups") && ran.stdout.contains("over observations"), "{ran:?}");
    assert!(ran.stderr.contains("4 of 4: 64 chains over observations"), "{ran:?}");
    let bench = json(&folder);
    assert_eq!(bench["timings"].as_array().unwrap().len(), 4, "{bench}");
    assert!(bench["left_out"].as_array().unwrap().is_empty(), "{bench}");
    for timing in bench["timings"].as_array().unwrap() {
        // The length of radon's trees, which does not depend on the machine; and the ratio of the CPU to itself.
        let [gradients, leapfrogs, draws] =
            ["gradients", "leapfrogs", "draws"].map(|of| rate(&timing[format!("{of}_per_second")]));
        assert!(gradients > 0.0 && (7.0..30.0).contains(&(leapfrogs / draws)), "{timing}");
        assert_eq!(rate(&timing["leapfrogs_ratio"]), 1.0);
        // A draw of radon's sigma_b is worth at most one independent draw, and more than nothing; with few draws the
        // value is unknown.
        if !timing["ess_per_second"].is_null() {
            let worth = rate(&timing["ess_per_second"]) / draws;
            assert!((0.02..1.5).contains(&worth), "{timing}");
        }
    }
    assert_eq!(bench["models"][0]["data"]["observations"], 919);
    assert!(bench["machine"]["threads"].as_u64().unwrap() >= 1);
    let commit = bench["commit"].as_str().unwrap();
    assert!(commit == "unknown" || commit.trim_end_matches('+').len() == 40, "{commit}");

    let (header, rows) = csv(&folder);
    let column = |name: &str| header.iter().position(|column| column == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(rows.len(), 4);
    for (row, timing) in rows.iter().zip(bench["timings"].as_array().unwrap()) {
        assert_eq!(row[column("chains")], timing["chains"].to_string());
        let median = timing["draws_per_second"]["median"].as_f64().unwrap();
        let written: f64 = row[column("draws_per_second")].parse().unwrap();
        // JSON's parser may be off by the last bit.
        assert!((written / median - 1.0).abs() < 1e-12, "{written} {median}");
        assert_eq!(row[column("sampling_kernel")], "");
    }
}

#[test]
fn bench_times_every_engine_on_a_device() {
    let Some(devices) = gpu::devices() else { return };
    let folder = Folder::new();
    let ran = run(&folder, &format!("{TINY} --chains 8 --likelihood groups --allow-software-adapter --quiet"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stderr.contains("warming up"), "{ran:?}");
    let bench = json(&folder);
    assert_eq!(bench["adapter"]["name"], devices[0].adapter().name());
    assert!(bench["no_gpu"].is_null(), "{bench}");
    let named = |engine: &str| {
        let of = |list: &str| bench[list].as_array().unwrap().iter().any(|row| row["engine"] == engine);
        of("timings") || of("left_out")
    };
    assert!(["cpu", "gpu-density", "gpu"].into_iter().all(named), "{bench}");
    let timing = timing(&bench, "gpu-density");
    rate(&timing["gradients_per_second"]);
    rate(&timing["gradients_ratio"]);
    let split = &timing["gradients_split"];
    let shares: f64 = ["host", "transfer", "kernel"].iter().filter_map(|share| split[share].as_f64()).sum();
    assert!((shares - 1.0).abs() < 1e-6, "{split}");
}

#[test]
fn bench_times_marginal_models_on_every_engine() {
    if gpu::devices().is_none() {
        return;
    }
    let folder = Folder::new();
    let line = format!("{TINY} --chains 8 --parameterization marginal --allow-software-adapter --quiet");
    let ran = run(&folder, &line);
    assert_eq!(ran.code, 0, "{ran:?}");
    let bench = json(&folder);
    assert_eq!((&bench["models"][0]["parameterization"], &bench["models"][0]["dim"]), (&"marginal".into(), &5.into()));
    let timings = bench["timings"].as_array().unwrap();
    let engines: Vec<&str> = timings.iter().map(|timing| timing["engine"].as_str().unwrap()).collect();
    assert_eq!(engines, ["cpu", "gpu-density", "gpu"], "{bench}");
    timings.iter().for_each(|timing| assert!(rate(&timing["leapfrogs_per_second"]) > 0.0));

    let ran = Folder::new().run("bench --parameterization marginal --likelihood observations");
    assert!(ran.code == 2 && ran.stderr.contains("write groups: --parameterization marginal"), "{ran:?}");
}

#[test]
fn bench_times_independent_draws_on_the_cpu_and_on_a_device() {
    if gpu::devices().is_none() {
        return;
    }
    let folder = Folder::new();
    let ran = run(&folder, &format!("{TINY} --sampler independent --allow-software-adapter --quiet"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("draws/s") && !ran.stdout.contains("Left out"), "{ran:?}");
    let bench = json(&folder);
    let timings = bench["independent"].as_array().unwrap();
    let rows: Vec<[&str; 2]> =
        timings.iter().map(|timing| ["engine", "keep"].map(|field| timing[field].as_str().unwrap())).collect();
    assert_eq!(rows, [["cpu", "hyper"], ["gpu", "hyper"], ["cpu", "all"], ["gpu", "all"]], "{bench}");
    for timing in timings {
        assert!(rate(&timing["draws_per_second"]) > 0.0 && rate(&timing["draws_ratio"]) > 0.0, "{timing}");
    }
    assert_eq!(rate(&timings[0]["draws_ratio"]), 1.0);
    let (header, rows) = csv(&folder);
    assert!(rows.len() == 4 && rows.iter().all(|row| row.len() == header.len()), "{rows:?}");
    assert!(!folder.path("out/report.html").exists());

    refuses("bench --sampler independent --engine gpu-density", "--engine gpu-density: write some of cpu,gpu");
    refuses("bench --sampler independent --chains 64", "--chains 64: independent draws have no chains");
    refuses("bench --sampler independent --parameterization non-centered --engine cpu", "leaves them in");

    // A device has no closed form for two predictors.
    let folder = Folder::new();
    let line = format!("{TINY} --sampler independent --simulate 300,30,3 --allow-software-adapter --quiet");
    let ran = run(&folder, &line);
    assert!(ran.code == 0 && ran.stdout.contains("Left out: gpu, all, of 30 groups and 2 predictors"), "{ran:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn bench_goes_on_without_a_gpu_and_says_why() {
    let folder = Folder::new();
    let ran = without_drivers(&folder, &format!("{TINY} --chains 4 --likelihood groups"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("no GPU: there is no GPU adapter"), "{ran:?}");
    let bench = json(&folder);
    assert!(bench["no_gpu"].as_str().unwrap().contains("install"), "{bench}");
    assert_eq!(bench["timings"].as_array().unwrap().len(), 1);
    // An engine asked for by name is an error if it cannot be used.
    let ran = without_drivers(&Folder::new(), "bench --engine gpu-density");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
}

#[test]
fn bench_simulates_data() {
    let folder = Folder::new();
    let line = format!("{TINY} --engine cpu --chains 2 --likelihood groups --simulate 2000,30,3");
    let ran = run(&folder, &line);
    assert_eq!(ran.code, 0, "{ran:?}");
    let bench = json(&folder);
    let model = &bench["models"][0];
    assert_eq!((&model["data"]["observations"], &model["data"]["groups"]), (&2000.into(), &30.into()));
    assert_eq!(model["dim"], 3 * (30 + 2) + 1);
}

/// That more of them take longer is for `warpnuts bench` to show, in its slopes: here slopes are those of the figures.
#[test]
fn bench_shows_cost_against_groups_and_predictors() {
    let folder = Folder::new();
    let line = format!("{TINY} --engine cpu --chains 8 --likelihood groups --groups 160,20 --predictors 0,2");
    let ran = run(&folder, &line);
    assert_eq!(ran.code, 0, "{ran:?}");
    let bench = json(&folder);
    let shape = |row: &Value| [&row["groups"], &row["predictors"]].map(|number| number.as_u64().unwrap());
    let timings = bench["timings"].as_array().unwrap();
    assert_eq!(timings.iter().map(shape).collect::<Vec<_>>(), [[20, 0], [20, 2], [160, 0], [160, 2]]);
    let dims: Vec<u64> =
        bench["models"].as_array().unwrap().iter().map(|model| model["dim"].as_u64().unwrap()).collect();
    assert_eq!(dims, [20 + 3, 3 * 22 + 1, 160 + 3, 3 * 162 + 1]);
    let nanoseconds: Vec<f64> = timings.iter().map(|row| row["leapfrog_nanoseconds"].as_f64().unwrap()).collect();
    for (row, nanoseconds) in timings.iter().zip(&nanoseconds) {
        assert!((rate(&row["leapfrogs_per_second"]) * nanoseconds / 1e9 - 1.0).abs() < 1e-9, "{row}");
    }
    // Slopes follow from these times.
    let bends = bench["bends"].as_array().unwrap();
    assert_eq!(bends.len(), 4, "{bends:?}");
    let over = |along: &str, fixed: &str| {
        bends
            .iter()
            .find(|bends| bends["along"] == along && bends["fixed"] == fixed)
            .unwrap_or_else(|| panic!("{bends:?}"))
    };
    let line = over("groups", "8 chains, 3 coefficients");
    let slope = (nanoseconds[3] / nanoseconds[1]).ln() / 8f64.ln();
    assert!((line["slopes"][0].as_f64().unwrap() - slope).abs() < 1e-9, "{line}");
    assert_eq!(line["sizes"], serde_json::json!([20, 160]));
    assert_eq!(line["bends_at"].as_u64(), (slope > 0.5).then_some(20));
    over("coefficients", "8 chains, 160 groups");
    assert!(ran.stdout.contains("with 8 chains, 3 coefficients, 20, 160 groups: slopes "), "{ran:?}");
    // The only engine is the fastest, and `auto` takes it.
    assert!(ran.stdout.contains("takes the fastest in 4 of 4."), "{ran:?}");
    assert_eq!(bench["choices"][3]["fastest"], "cpu");
    let (header, rows) = csv(&folder);
    let column = header.iter().position(|name| name == "groups").unwrap();
    assert_eq!(rows.iter().map(|row| row[column].as_str()).collect::<Vec<_>>(), ["20", "20", "160", "160"]);
}

#[test]
fn bench_leaves_out_sizes_behind_its_budget() {
    let folder = Folder::new();
    // Warming up with hundreds of groups takes longer than that on any machine.
    let line = "bench --budget 0.1s --out out --engine cpu --chains 64 --likelihood groups --groups 300,600,1200";
    let ran = folder.run(line);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("the budget was spent before"), "{ran:?}");
    let left_out = json(&folder)["left_out"].as_array().unwrap().clone();
    assert!(left_out.iter().any(|left| left["groups"] == 1200), "{left_out:?}");
}

#[test]
fn bench_takes_a_file() {
    let rows: String = (0..60).map(|i| format!("{},{},{}\n", i % 6, (i * 37) % 11, (i * 17) % 7)).collect();
    let folder = Folder::with("t.csv", format!("g,y,x\n{rows}"));
    let columns = "--data t.csv --group g --outcome y --predictor x";
    let ran = run(&folder, &format!("{TINY} --engine cpu --chains 2 --likelihood groups {columns}"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(json(&folder)["models"][0]["data"]["groups"], 6);
    let ran = folder.run(&format!("bench --simulate 60,6,2 {columns}"));
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
    assert!(ran.stderr.contains("--simulate"), "{ran:?}");
}

#[test]
fn bench_names_what_the_budget_does_not_allow() {
    let folder = Folder::new();
    let line = "bench --budget 0.1s --out out --engine cpu --chains 16384 --likelihood observations";
    let ran = folder.run(line);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("Left out: ") && ran.stdout.contains("16384 chains"), "{ran:?}");
    assert_eq!(json(&folder)["left_out"][0]["engine"], "cpu");
}

#[test]
fn bench_refuses_what_it_cannot_read() {
    for chains in ["0", "x", "4,", "-1", "99999999"] {
        refuses(&format!("bench --chains {chains}"), "--chains");
    }
    for budget in ["x", "0", "-5", "nan", "3h"] {
        refuses(&format!("bench --budget {budget}"), "--budget");
    }
    for shape in ["5", "5,5", "10,20,2", "100,10,0", "100,10,65", "a,b,c", "0,0,1"] {
        refuses(&format!("bench --simulate {shape}"), "--simulate");
    }
    for (option, sizes) in
        [("groups", ["0", "1", "x", "5,", "99999999999"]), ("predictors", ["-1", "64", "x", "1,", "1.5"])]
    {
        for sizes in sizes {
            refuses(&format!("bench --{option} {sizes}"), &format!("--{option}"));
        }
    }
    refuses("bench --likelihood all", "--likelihood");
    refuses("bench --engine cpu,tpu", "--engine");
    refuses("bench --engine auto", "--engine");
}
