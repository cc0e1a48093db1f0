//! Draws after the run: ArviZ reads them and computes the same numbers, shards merge into the experiment, and text
//! agrees with the store.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use warpnuts::draws::store::Store;
use warpnuts::nuts::Statistic;
use warpnuts::summary::{Imported, text_size};

use crate::helpers::common::{Folder, Ran};
use crate::helpers::gpu;
use crate::helpers::python::python;
use crate::helpers::stored::{self, done, same_bytes, summary};

/// What ArviZ says of each store.
fn arviz<const N: usize>(folder: &Folder, runs: [&str; N]) -> Option<[Value; N]> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/read_store.py");
    let stores = runs.map(|run| folder.path(run).join("draws.zarr"));
    let told = Command::new(python()?).arg(script).args(stores).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Vec<Value> = serde_json::from_slice(&told.stdout).unwrap();
    Some(told.try_into().unwrap())
}

/// ArviZ's numbers agree with `summary.json`.
fn arviz_agrees(folder: &Folder, run: &str, told: &Value, tolerance: f64) {
    let ours = summary(folder, run);
    let parameters = ours["parameters"].as_object().unwrap();
    for statistic in ["mean", "sd", "rhat", "ess_bulk", "ess_tail", "mcse_mean"] {
        let theirs = told[statistic].as_object().unwrap();
        assert_eq!(theirs.len(), parameters.len(), "{statistic}");
        for (name, row) in parameters {
            let (ours, theirs) = (row[statistic].as_f64().unwrap(), theirs[name].as_f64().unwrap());
            let near = (ours - theirs).abs() <= tolerance * ours.abs().max(1e-3);
            assert!(near, "{statistic} of {name}: {ours}, and ArviZ says {theirs}");
        }
    }
}

#[test]
fn arviz_opens_a_store_and_finds_our_numbers() {
    let folder = Folder::new();
    done(&folder, "sample --chains 4 --warmup 300 --draws 300 --out run --log-likelihood --posterior-predictive");
    let Some([told]) = arviz(&folder, ["run"]) else { return };
    arviz_agrees(&folder, "run", &told, 1e-6);
    assert_eq!(told["dims"]["a"], serde_json::json!(["chain", "draw", "county"]));
    assert_eq!(told["dims"]["sigma_b"], serde_json::json!(["chain", "draw"]));
    let statistics = ["acceptance_rate", "diverging", "energy", "lp", "n_steps", "reached_max_treedepth", "step_size"];
    let named = told["statistics"].as_array().unwrap();
    assert!(statistics.iter().all(|name| named.contains(&Value::from(*name))), "{named:?}");
    let ours = summary(&folder, "run");
    assert_eq!(told["divergences"], ours["divergences"]);
    assert!((told["bfmi"].as_f64().unwrap() / ours["e_bfmi"]["min"].as_f64().unwrap() - 1.0).abs() < 1e-6);
    assert_eq!(told["attributes"]["inference_library"], "warpnuts");
    assert_eq!(told["attributes"]["creation_library_language"], "Rust");
    assert_eq!(told["attributes"]["creation_library_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["attributes"]["tuning_steps"], 300);
    assert_eq!(told["plots"], 2);
    // For radon -1038.6 +- 0.3 in long runs; a wrong sign or county is off by tens.
    let elpd = told["elpd_loo"].as_f64().unwrap();
    assert!((elpd + 1038.6).abs() < 2.0, "elpd_loo {elpd}");
    // Replicates have the mean of the data, and an sd of 0.85.
    let [mean, sd] = ["replicate_mean", "replicate_sd"].map(|name| told[name].as_f64().unwrap());
    assert!((mean - told["observed"].as_f64().unwrap()).abs() < 0.02, "{mean}");
    assert!((sd - 0.85).abs() < 0.03, "{sd}");
}

#[test]
fn arviz_finds_predictors_by_name_and_numbers_of_16_and_32_bits() {
    let folder = Folder::new();
    let line = "sample --predictor floor --predictor Uppm --chains 4 --warmup 200 --draws 100 --first-chain 8";
    done(&folder, &format!("{line} --draw-precision f32 --out two"));
    done(&folder, "sample --chains 4 --warmup 200 --draws 200 --draw-precision f16 --keep hyper --out half");
    done(&folder, "sample --chains 4 --warmup 200 --draws 200 --keep hyper --out whole");
    let Some([told, half]) = arviz(&folder, ["two", "half"]) else { return };
    arviz_agrees(&folder, "two", &told, 1e-6);
    assert_eq!(told["dims"]["b"], serde_json::json!(["chain", "draw", "predictor", "county"]));
    assert_eq!(told["dims"]["mu_b"], serde_json::json!(["chain", "draw", "predictor"]));
    assert_eq!(told["chains"], serde_json::json!([8, 9, 10, 11]));
    assert_eq!(told["dtypes"]["b"], "float32");
    let (kept, whole) = (summary(&folder, "half"), summary(&folder, "whole"));
    for name in ["mu_a", "sigma_a", "mu_b", "sigma_b", "eps"] {
        // ArviZ unpacks into 32 bits; 16 bits change a mean of 800 draws by far less than a hundredth of an sd.
        let [ours, exact, sd] = [(&kept, "mean"), (&whole, "mean"), (&whole, "sd")]
            .map(|(run, of)| run["parameters"][name][of].as_f64().unwrap());
        let theirs = half["mean"][name].as_f64().unwrap();
        assert!((ours - theirs).abs() < 1e-4 * sd, "{name}: {ours}, and ArviZ says {theirs}");
        assert!(ours != exact && (ours - exact).abs() < 1e-3 * sd, "{name}: {ours}, and {exact} unrounded");
    }
    let chunks = |run: &str| std::fs::read(folder.path(run).join("draws.zarr/posterior/mu_a/c/0/0")).unwrap().len();
    assert!(2 * chunks("half") < chunks("whole"), "{} and {} bytes", chunks("half"), chunks("whole"));
}

#[test]
fn warm_up_is_recorded_on_request() {
    let folder = Folder::new();
    let line = "sample --chains 6 --warmup 60 --draws 20 --quiet";
    done(&folder, &format!("{line} --out without"));
    done(&folder, &format!("{line} --save-warmup --out with"));
    // Draws do not change.
    let (without, with) = (stored::store(&folder, "without"), stored::store(&folder, "with"));
    let chunks = |file: &str| file.starts_with("posterior/") || file.starts_with("sample_stats/");
    let drawn = without.iter().filter(|(file, _)| chunks(file)).filter(|(file, bytes)| with.get(*file) == Some(*bytes));
    assert_eq!(drawn.count(), without.keys().filter(|file| chunks(file)).count());
    assert!(!without.keys().any(|file| file.contains("warmup_")));

    // Every warm-up transition is stored: gradients and divergences add up to the run's counts.
    let width = 175 + Statistic::all(false).len();
    let place = |statistic| 175 + Statistic::ALL.iter().position(|other| *other == statistic).unwrap();
    let read = |run: &str| Store::open(&folder.path(run)).unwrap().warmup_part(0..6, 0..60);
    let counted = |run: &str| {
        let numbers = read(run);
        assert_eq!(numbers.len(), 6 * 60 * width, "{run}");
        let sum = |statistic| numbers.chunks_exact(width).map(|draw| draw[place(statistic)]).sum::<f64>() as u64;
        let ours = summary(&folder, run);
        assert_eq!(ours["gradient_evaluations"]["warmup"], sum(Statistic::NSteps), "{run}");
        assert_eq!(ours["warmup_divergences"], sum(Statistic::Diverging), "{run}");
        assert!(sum(Statistic::Diverging) > 0 && numbers.iter().all(|number| number.is_finite()), "{run}");
        // Step sizes adapt, for each chain.
        let sizes: Vec<f64> = numbers.chunks_exact(width).map(|draw| draw[place(Statistic::StepSize)]).collect();
        assert!(sizes.windows(2).filter(|pair| pair[0] != pair[1]).count() > 300, "{run}");
        numbers
    };
    let numbers = counted("with");

    // Thinned: every third transition.
    done(&folder, &format!("{line} --save-warmup --thin 3 --out thinned"));
    let thinned = Store::open(&folder.path("thinned")).unwrap();
    assert_eq!((thinned.warmup_draws(), thinned.draws()), (20, 20));
    let every_third: Vec<f64> = numbers.chunks_exact(width).skip(2).step_by(3).flatten().copied().collect();
    assert!(thinned.warmup_part(0..6, 0..20) == every_third);

    // A collapsed model stores effects too, and they are from the posterior.
    done(&folder, &format!("{line} --parameterization marginal --save-warmup --out marginal"));
    let marginal = counted("marginal");
    let late = marginal.chunks_exact(width).enumerate().filter(|(row, _)| row % 60 >= 30).map(|(_, draw)| draw[5 + 75]);
    let late: Vec<f64> = late.collect();
    let mean = late.iter().sum::<f64>() / late.len() as f64;
    assert!((mean - 1.55).abs() < 0.3, "a[ST LOUIS] about {mean}");

    // Merged shards have the same warm-up.
    for shard in 1..=2 {
        done(&folder, &format!("{line} --metric-from with --save-warmup --shard {shard}/2 --out part{shard}"));
    }
    done(&folder, &format!("{line} --metric-from with --save-warmup --out together"));
    done(&folder, "merge merged part2 part1");
    same_bytes(&folder, "together", "merged");

    // A device's transitions equal the CPU's until rounding separates them.
    if gpu::devices().is_some() {
        // With effects, because five numbers alone would stay equal for long.
        let line = "sample --chains 6 --warmup 60 --quiet --parameterization non-centered --save-warmup";
        let device = "--engine gpu --allow-software-adapter";
        done(&folder, &format!("{line} --draws 20 --out host"));
        done(&folder, &format!("{line} --draws 20 {device} --out device"));
        let (numbers, there) = (counted("host"), counted("device"));
        done(&folder, &format!("{line} --draws 5 --thin 3 {device} --out thin-device"));
        let every_third: Vec<f64> = there.chunks_exact(width).skip(2).step_by(3).flatten().copied().collect();
        assert!(Store::open(&folder.path("thin-device")).unwrap().warmup_part(0..6, 0..20) == every_third);
        let near = |transition: usize| {
            let starts = (0..6).map(|chain| (chain * 60 + transition) * width);
            let same = |at: &usize| (0..175).all(|i| (numbers[at + i] - there[at + i]).abs() < 1e-2);
            starts.filter(same).count()
        };
        assert!(near(0) >= 5 && near(1) >= 4 && near(40) <= 1, "{} {} {}", near(0), near(1), near(40));
        let mean = there.chunks_exact(width).enumerate().filter(|(row, _)| row % 60 >= 30).map(|(_, draw)| draw[0]);
        let mean = mean.sum::<f64>() / 180.0;
        assert!((mean - 1.49).abs() < 0.1, "mu_a about {mean}");
    }

    let Some([told]) = arviz(&folder, ["with"]) else { return };
    assert_eq!(told["warmup"], serde_json::json!([6, 60, 85]));
    let mean = numbers.chunks_exact(width).map(|draw| draw[0]).sum::<f64>() / 360.0;
    assert!((told["warmup_mean"].as_f64().unwrap() - mean).abs() < 1e-9);
}

#[test]
fn a_run_goes_on_with_its_own_settings_only() {
    let folder = Folder::new();
    let tiny = "sample --chains 2 --warmup 20 --draws 10";
    done(&folder, &format!("{tiny} --out done"));
    let refused = |line: &str, words: &[&str]| {
        let ran = folder.run(line);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{words:?}: {}", ran.stderr);
    };
    let before = folder.contents();
    let ran = folder.run("sample --resume done");
    let words = ["done is complete", "all 10 draws", "warpnuts summary done"];
    assert!(ran.code == 0 && words.iter().all(|word| ran.stderr.contains(word)), "{ran:?}");
    assert!(folder.contents() == before);
    let words =
        ["these differ:", "--chains 3, there 2", "--seed 9, there 1", "--keep hyper, there all", "leave them out"];
    refused("sample --resume done --chains 3 --seed 9 --keep hyper --draws 10", &words);
    refused("sample --resume done --prior-eps-scale 2", &["--prior-eps-scale 2, there 5"]);
    refused("sample --resume done --parameterization centered", &["--parameterization centered, there marginal"]);
    refused("sample --resume nowhere", &["nowhere does not exist"]);
    refused("sample --resume done --out other", &["--out"]);
}

#[test]
fn shards_make_the_experiment() {
    let folder = Folder::new();
    done(&folder, "sample --warmup 400 --draws 10 --out learnt");
    // Superchains of 8 stay together, although 72 chains do not make four equal shards. Machines differ in cores.
    let line = "sample --chains 72 --warmup 100 --draws 40 --metric-from learnt --quiet";
    done(&folder, &format!("{line} --out whole"));
    let shards: Vec<_> = (1..=4)
        .map(|i| {
            Command::new(env!("CARGO_BIN_EXE_warpnuts"))
                .current_dir(folder.path("."))
                .args(format!("{line} --shard {i}/4 --threads {i} --out shard{i}").split_whitespace())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut shard in shards {
        assert!([0, 3].contains(&shard.wait().unwrap().code().unwrap()));
    }
    let ran = done(&folder, "merge merged shard3 shard1 shard4 shard2");
    assert!(ran.stdout.contains("72 chains x 40 draws"), "{}", ran.stdout);
    same_bytes(&folder, "whole", "merged");
    let root = std::fs::read_to_string(folder.path("merged/draws.zarr/zarr.json")).unwrap();
    let cores = format!("{} core", std::thread::available_parallelism().unwrap());
    assert!(root.contains("device") && !root.contains(&cores) && !root.contains("threads"), "{root}");
    let rows = |run: &str| summary(&folder, run)["parameters"].clone();
    assert_eq!(rows("whole"), rows("merged"));

    // Draws in 16 bits have the units of the run that the metric is from, in all shards.
    let packed = format!("{line} --draw-precision f16");
    done(&folder, &format!("{packed} --out whole16"));
    (1..=2).for_each(|i| drop(done(&folder, &format!("{packed} --shard {i}/2 --out half{i}"))));
    done(&folder, "merge merged16 half1 half2");
    same_bytes(&folder, "whole16", "merged16");
    let root = std::fs::read_to_string(folder.path("merged16/draws.zarr/posterior/b/zarr.json")).unwrap();
    assert!(root.contains("\"float16\"") && root.contains("add_offset"), "{root}");

    let refused = |line: &str, words: &[&str]| {
        let ran = folder.run(line);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{words:?}: {}", ran.stderr);
        assert!(!folder.path("no").exists());
    };
    refused("merge shard1 shard2 shard3", &["shard1 exists", "`warpnuts merge OUT SHARD...`"]);
    refused("merge no shard1 shard3", &["chains 16 to 31 are missing, between shard1 and shard3"]);
    refused("merge no shard1 shard2 shard1", &["shard1 and shard1 both have chain 0"]);
    refused("merge no shard1 learnt", &["do not belong together", "the numbers of draws differ (40 and 10)"]);
    done(&folder, &format!("{line} --seed 7 --shard 2/4 --out other"));
    refused("merge no shard1 other", &["do not belong together", "the seeds differ (1 and 7)"]);
    refused("merge merged shard1", &["merged exists, and nothing is overwritten; name a new one before the shards"]);
    refused(&format!("{line} --shard 5/4 --out no"), &["--shard", "1/4"]);
    refused(&format!("{line} --shard 1/40 --out no"), &["would have no chains", "superchains of 8"]);
    let other = "sample --parameterization centered --metric-from learnt --out no";
    refused(other, &["--metric-from learnt", "another (marginal", "name a run of this one"]);
}

#[test]
fn text_says_what_the_store_says() {
    let folder = Folder::new();
    done(&folder, "sample --predictor floor --predictor Uppm --chains 3 --warmup 200 --draws 50 --out run");
    done(&folder, "export run --format csv");
    done(&folder, "export run --format cmdstan-csv");
    let table = |path: &str| {
        let ran = done(&folder, &format!("summary {path} --all"));
        let rows = ran.stdout.lines().filter(|line| line.starts_with(" mu_a ") || line.starts_with(" eps "));
        let rows: Vec<String> = rows.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(rows.len(), 2, "{}", ran.stdout);
        rows
    };
    let ours = table("run");
    assert_eq!(ours, table("run/draws.csv"));
    assert_eq!(ours, table("run/cmdstan"));
    let again = folder.run("export run --format csv");
    assert!(again.code == 2 && again.stderr.contains("--force"), "{again:?}");
    done(&folder, "export run --format csv --force");
    for format in ["csv", "cmdstan-csv"] {
        let nowhere = folder.run(&format!("export run --format {format} --out run/draws.csv/below"));
        let words = ["run/draws.csv/below could not be written: ", "name another place with --out"];
        assert!(nowhere.code == 2 && words.iter().all(|word| nowhere.stderr.contains(word)), "{nowhere:?}");
    }

    let Some(python) = python() else { return };
    let script = "import glob, sys, json, logging; logging.disable(); import cmdstanpy; \
        f = cmdstanpy.from_csv(sorted(glob.glob(sys.argv[1] + '/*.csv'))); b = f.stan_variable('b'); \
        print(json.dumps([f.chains, f.num_draws_sampling, list(b.shape), b[:, 1, 2].mean(), b[:, 0, 2].mean(), \
        f.stan_variable('eps').mean()]))";
    let told = Command::new(python).args(["-c", script]).arg(folder.path("run/cmdstan")).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Vec<Value> = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told[..3], [3.into(), 50.into(), serde_json::json!([150, 2, 85])]);
    let ours = summary(&folder, "run");
    let third =
        ours["parameters"].as_object().unwrap().keys().filter(|name| name.starts_with("b[")).nth(2).unwrap().clone();
    let group = third.split_once(',').unwrap().1.to_string();
    for (told, name) in told[3..].iter().zip([format!("b[Uppm,{group}"), format!("b[floor,{group}"), "eps".to_string()])
    {
        let (mean, told) = (ours["parameters"][&name]["mean"].as_f64().unwrap(), told.as_f64().unwrap());
        assert!((told / mean - 1.0).abs() < 1e-9, "{name}: {mean}, and CmdStanPy says {told}");
    }
}

#[test]
fn an_export_is_all_of_a_run_and_nothing_else() {
    let folder = Folder::new();
    done(&folder, "sample --chains 3 --warmup 20 --draws 10 --out three");
    done(&folder, "sample --chains 2 --warmup 20 --draws 10 --seed 2 --out two");
    done(&folder, "export three --format cmdstan-csv --out new/text");
    std::fs::write(folder.path("new/text/draws-of-mine.csv"), "mine").unwrap();
    done(&folder, "export two --format cmdstan-csv --out new/text --force");
    std::fs::remove_file(folder.path("new/text/draws-of-mine.csv")).unwrap();
    let ran = done(&folder, "summary new/text");
    assert!(ran.stdout.starts_with("2 chains x 10 draws from new/text"), "{}", ran.stdout);
    done(&folder, "export two --format csv --out other/draws.csv");
    let before = folder.contents();
    for (line, words) in [
        ("csv --out other", "other is a folder, and csv is a single file; name a file with --out"),
        (
            "cmdstan-csv --out other/draws.csv",
            "draws.csv is a file, and cmdstan-csv is a file a chain; name a folder with",
        ),
    ] {
        let ran = folder.run(&format!("export two --force --format {line}"));
        assert!(ran.code == 2 && ran.stderr.contains(words), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    assert!(folder.contents() == before);
}

#[cfg(target_os = "linux")]
#[test]
fn an_export_that_finds_no_room_leaves_no_half() {
    let folder = Folder::new();
    done(&folder, "sample --chains 2 --warmup 20 --draws 10 --out run");
    // A path that is not a regular file is written into, and not replaced.
    std::os::unix::fs::symlink("/dev/full", folder.path("full.csv")).unwrap();
    let ran = folder.run("export run --format csv --out full.csv --force");
    assert!(ran.code == 2 && ran.stderr.contains("full.csv could not be written: No space left on device"), "{ran:?}");
    assert!(folder.path("full.csv").is_symlink() && !folder.path("full.unfinished").exists());
    std::fs::remove_file(folder.path("full.csv")).unwrap();
    let before = folder.contents();
    for (format, out) in [("csv", "draws.csv"), ("cmdstan-csv", "text")] {
        // The limit of 4 kB for a file simulates a full disk.
        let line = format!("trap '' XFSZ; ulimit -f 8; exec \"$0\" export run --format {format} --out {out}");
        let ran = Command::new("sh")
            .args(["-c", &line, env!("CARGO_BIN_EXE_warpnuts")])
            .current_dir(folder.path("."))
            .output();
        let ran = ran.unwrap();
        let stderr = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.code() == Some(2) && stderr.contains(&format!("{out} could not be written: ")), "{stderr}");
        assert!(folder.contents() == before, "{format} has left something");
    }
}

#[test]
fn it_is_known_beforehand_what_an_export_takes() {
    let folder = Folder::new();
    done(&folder, "sample --chains 5 --warmup 200 --draws 300 --out run");
    let size = text_size(&Store::open(&folder.path("run")).unwrap()) as f64;
    done(&folder, "export run --format csv");
    done(&folder, "export run --format cmdstan-csv");
    let contents = folder.contents();
    for files in ["run/draws.csv", "run/cmdstan/"] {
        let files = contents.iter().filter(|(name, _)| name.starts_with(files));
        let written: usize = files.map(|(_, bytes)| bytes.len()).sum();
        assert!((size / written as f64 - 1.0).abs() < 0.02, "{size} bytes were foretold, and {written} written");
    }
}

#[cfg(unix)]
#[test]
fn an_export_that_would_find_no_room_is_refused() {
    let folder = Folder::new();
    done(&folder, "sample --chains 4 --warmup 50 --draws 400 --out run");
    // A small disk in a mount namespace; a store's text takes 6 MB.
    let program = env!("CARGO_BIN_EXE_warpnuts");
    let script = format!(
        "mkdir small && mount -t tmpfs -o size=4m none small && for export in 'csv --out small/new/draws.csv' \
         'cmdstan-csv --out small/text'; do {program} export run --format $export; echo code $?; done; ls small; \
         {program} export run --format csv --out /dev/stdout --force | wc -l; mount -o remount,size=10m none small && \
         {program} export run --format csv --out small/draws.csv && {program} sample --chains 4 --warmup 50 --draws 400 --save-draws \
         --out small/run; ls small"
    );
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]).current_dir(folder.path("."));
    let told = unshare.output().map(|ran| [ran.stdout, ran.stderr].map(|text| String::from_utf8(text).unwrap()));
    let [stdout, stderr] = match told {
        Ok(told) if told[0].contains("code ") => told,
        other => return println!("skipped: no file system can be mounted here ({other:?})"),
    };
    // No file is left, and a path that is not a regular file needs no space.
    assert_eq!(stdout, "code 2\ncode 2\n1602\nWritten: small/draws.csv\ndraws.csv\n", "{stderr}");
    let words = ["error: the draws would take about ", "where small is; make room, or name another place with --out"];
    let [exports @ .., run] = &stderr.lines().collect::<Vec<_>>()[..] else { panic!("nothing was refused") };
    assert_eq!(exports.len(), 2, "{stderr}");
    assert!(exports.iter().all(|line| words.iter().all(|word| line.contains(word))), "{stderr}");
    // The store would fit, but not with its text.
    assert!(run.contains("the draws would take up to ") && run.contains("leave out --save-draws"), "{stderr}");
}

#[test]
fn where_data_are_damaged_draws_can_still_be_read() {
    let folder = Folder::new();
    done(&folder, "sample --chains 2 --warmup 50 --draws 20 --out run");
    let mean = summary(&folder, "run")["parameters"]["mu_a"]["mean"].as_f64().unwrap();
    let damage = |array: &str| {
        std::fs::write(folder.path("run/draws.zarr").join(array).join("c/0"), b"no chunk").unwrap();
    };
    let table = done(&folder, "summary run").stdout;
    // Coordinates follow from the model; its data may still be damaged.
    let coordinates = ["posterior/county", "posterior/chain", "posterior/draw", "constant_data/obs_id"];
    let kept = coordinates.map(|array| std::fs::read(folder.path("run/draws.zarr").join(array).join("c/0")).unwrap());
    coordinates.into_iter().for_each(damage);
    assert_eq!(done(&folder, "summary run").stdout, table);
    for (array, bytes) in coordinates.iter().zip(kept) {
        std::fs::write(folder.path("run/draws.zarr").join(array).join("c/0"), bytes).unwrap();
    }
    ["constant_data/county", "constant_data/obs_id", "observed_data/log_radon"].into_iter().for_each(damage);
    let told = folder.run("summary run --skip-damaged").stderr;
    let Some(python) = python() else { return };
    let advice = told.split('`').nth(1).unwrap();
    let script = format!("import xarray as xr; print({advice}['mu_a'].mean().item())");
    let read = Command::new(python).args(["-c", &script]).current_dir(folder.path(".")).output().unwrap();
    let read = [read.stdout, read.stderr].map(|text| String::from_utf8(text).unwrap());
    let theirs: f64 = read[0].trim().parse().unwrap_or_else(|_| panic!("{advice}: {read:?}"));
    assert!((theirs / mean - 1.0).abs() < 1e-9, "{mean}, and xarray says {theirs}");
}

#[test]
fn labels_are_kept_as_they_are() {
    let long = "x".repeat(10_000);
    let labels = ["a, \"b\"", "c/d\\e", "two\nlines\n#three", "\u{1F600} é", &long, "]", "b.1", "..", "__"];
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["the/group, 1", "y", "x"]).unwrap();
    for (i, label) in labels.iter().cycle().take(3 * labels.len()).enumerate() {
        csv.write_record([*label, &format!("{}", (7 * i) % 11), &format!("{}", (5 * i) % 13)]).unwrap();
    }
    let folder = Folder::with("t.csv", csv.into_inner().unwrap());
    let arguments = ["--group", "the/group, 1", "--out", "ein Lauf für später"];
    let line = "sample --data t.csv --outcome y --predictor x --chains 2 --warmup 20 --draws 10 --quiet";
    let ran = Ran::of(folder.command(line).args(arguments));
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    let run = folder.path(arguments[3]);
    assert_eq!(Store::open(&run).unwrap().model().dataset().groups(), labels);
    for format in ["csv", "cmdstan-csv"] {
        assert_eq!(Ran::of(folder.command(&format!("export --format {format}")).arg(&run)).code, 0);
    }
    let imported = Imported::read(&run.join("draws.csv")).unwrap();
    let ours = summary(&folder, arguments[3]);
    assert!(imported.names.iter().eq(ours["parameters"].as_object().unwrap().keys()), "{:?}", imported.names);
    assert_eq!((imported.chains, imported.draws), (2, 10));
    assert_eq!(imported.names[5..8], ["a[a, \"b\"]", "a[c/d\\e]", "a[two\nlines\n#three]"]);
    assert_eq!(Imported::read(&run.join("cmdstan")).unwrap().names.len(), imported.names.len());
}
