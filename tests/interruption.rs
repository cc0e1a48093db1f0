//! Interrupted runs, by a signal, a kill or a full disk, end with the bytes of an uninterrupted run when resumed; and
//! peak memory.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::helpers::common::Folder;
use crate::helpers::gpu;
use crate::helpers::running::{Held, kill};
use crate::helpers::stored::{self, done, same_bytes, summary};

const LONG: &str = "--chains 4 --warmup 200 --draws 6000 --keep hyper --quiet";

/// Numbers of warm-up transitions and of draws of each chain in a run's store.
fn written(folder: &Folder, run: &str) -> [u64; 2] {
    let root: Value =
        serde_json::from_slice(&std::fs::read(folder.path(run).join("draws.zarr/zarr.json")).unwrap()).unwrap();
    let about: Value = serde_json::from_str(root["attributes"]["warpnuts"].as_str().unwrap()).unwrap();
    [about["warmup_draws"].as_u64().unwrap_or(0), about["draws"].as_u64().unwrap()]
}

/// Runs of `line` that are killed at a point, with checkpoints at intervals in seconds (every few draws for 0), and
/// resumed: they end with the bytes of the run `whole`.
fn killed(folder: &Folder, line: &str, draws: u64, points: &[(&str, &str)]) {
    for (at, seconds) in points {
        let run = &at.replace(' ', "-");
        kill(folder, &format!("{line} --checkpoint-every {seconds} --no-report --out {run}"), at);
        let [_, drawn] = written(folder, run);
        let told = folder.run(&format!("summary {run}"));
        let says = match drawn {
            0 => told.stderr.contains("has no draws yet"),
            some if some < draws => told.stdout.contains(&format!(
                "The run has {some} of {draws} draws of each chain; `warpnuts sample --resume {run}`"
            )),
            _ => told.stdout.contains(&format!("chains x {draws} draws")),
        };
        assert!(says, "{at}, {drawn} draws: {told:?}");
        let resumed = folder.run(&format!("sample --resume {run} --allow-software-adapter --quiet"));
        assert!([0, 3].contains(&resumed.code), "{at}: {resumed:?}");
        same_bytes(folder, "whole", run);
        assert!(!folder.path(run).join("checkpoint").exists());
    }
}

#[test]
fn a_run_that_was_killed_ends_with_the_bytes_of_one_that_was_not() {
    let folder = Folder::new();
    let line = format!("sample {LONG}");
    done(&folder, &format!("{line} --no-report --out whole"));
    let points = [
        ("after-checkpoint 1", "0"),
        ("before-checkpoint 9", "0"),
        // Between the first and the last file of a checkpoint, and in the middle of another checkpoint.
        ("before-rename 301", "0"),
        ("before-rename 306", "0"),
        ("draws 1", "0.02"),
        ("draws 2000", "0.02"),
        ("draws 3300", "0.02"),
        ("before-end 1", "0.02"),
    ];
    killed(&folder, &line, 6000, &points);
}

#[test]
fn a_run_that_was_killed_in_warm_up_keeps_what_it_has_recorded_of_it() {
    let rows = (0..60).map(|i| format!("S{},{}\n", i % 12, (f64::from(i) * 0.7).sin() + f64::from(i % 12)));
    let folder = Folder::with("schools.csv", "school,score\n".to_string() + &rows.collect::<String>());
    let line = "sample --data schools.csv --group school --outcome score --chains 4 --warmup 28000 --draws 600 --thin 2 \
                --save-warmup --quiet";
    done(&folder, &format!("{line} --no-report --out whole"));
    let points =
        [("after-checkpoint 1", "0"), ("after-checkpoint 4", "0"), ("warm-up 1", "0.02"), ("warm-up 8000", "0.02")];
    killed(&folder, line, 600, &points);
    assert!(written(&folder, "whole")[0] == 14_000);
}

#[test]
fn a_run_on_a_device_that_was_killed_ends_with_the_bytes_of_one_that_was_not() {
    if gpu::devices().is_none() {
        return;
    }
    // Draws as the device returns them, packed in 16 bits, and completed on the host.
    let settings = [
        (200, 400, "--keep hyper", [("warm-up 1", "0"), ("after-checkpoint 4", "0"), ("draws 24", "0")].as_slice()),
        (100, 250, "--keep hyper --thin 2 --draw-precision f16", &[("after-checkpoint 1", "0"), ("draws 1", "0")]),
        (200, 300, "--parameterization marginal", &[("warm-up 1", "0"), ("draws 20", "0")]),
    ];
    for (warmup, draws, kept, points) in settings {
        let folder = Folder::new();
        let line = format!(
            "sample --engine gpu --allow-software-adapter --chains 32 --warmup {warmup} --draws {draws} {kept} --save-warmup \
             --quiet"
        );
        done(&folder, &format!("{line} --no-report --out whole"));
        killed(&folder, &line, draws, points);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_warm_up_keeps_what_can_be_gone_on_with() {
    let folder = Folder::new();
    let line = "sample --chains 4 --warmup 2000 --draws 100 --keep hyper --checkpoint-every 0 --quiet";
    done(&folder, &format!("{line} --no-report --out whole"));
    let ended = Held::start(&folder, &format!("{line} --out stopped"), "after-phase 0").signal("-INT");
    assert_eq!(ended.code, 130, "{ended:?}");
    assert!(
        ended.stderr.contains("interrupted in warm-up") && ended.stderr.contains("`warpnuts sample --resume stopped`"),
        "{ended:?}"
    );
    // With another number of cores.
    done(&folder, "sample --resume stopped --threads 3 --quiet");
    assert_eq!(summary(&folder, "stopped")["settings"]["threads"], 3);
    same_bytes(&folder, "whole", "stopped");
}

/// Peak memory of a run of `line` in bytes, read from /proc until it ends, with one thread that summarizes.
#[cfg(target_os = "linux")]
fn peak_memory(folder: &Folder, line: &str) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_warpnuts"));
    command.env("RAYON_NUM_THREADS", "1");
    command.current_dir(folder.path(".")).args(line.split_whitespace()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let told = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = told.map_or(peak, |kib: u64| kib << 10).max(peak);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!([Some(0), Some(3)].contains(&child.wait().unwrap().code()));
    peak
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_number_of_draws() {
    let folder = Folder::new();
    let line = "sample --chains 1024 --warmup 30 --max-tree-depth 1 --keep hyper --quiet --no-report";
    let few = peak_memory(&folder, &format!("{line} --draws 1000 --out few"));
    let many = peak_memory(&folder, &format!("{line} --draws 3000 --out many"));
    // 2,000 more draws of 1,024 chains with their statistics would take 200 MB more in memory. The summary of one
    // variable, which the thread makes of all draws, takes 100 MB more.
    eprintln!("{few} and {many} bytes");
    assert!(few > 20 << 20 && many < (300 << 20) && many < few + (160 << 20), "{few} and {many} bytes");
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_was_drawn_and_the_run_goes_on() {
    let folder = Folder::new();
    done(&folder, &format!("sample {LONG} --draw-precision f16 --thin 3 --out whole"));
    // Phases of a few draws, so that one ends soon after the 400th.
    let line = format!("sample {LONG} --draw-precision f16 --thin 3 --checkpoint-every 0 --out stopped");
    let held = Held::start(&folder, &line, "after-phase 400");
    // Nobody else goes on with it meanwhile. A checkpoint that is on its way to the disk comes there, though no more
    // draws are made.
    let mut others = std::iter::repeat_with(|| folder.run("sample --resume stopped --quiet")).take(100);
    let other = others.find(|ran| !ran.stderr.contains("is not of the run")).unwrap();
    assert!(other.code == 2 && other.stderr.contains("another process is writing into stopped"), "{other:?}");
    let ended = held.signal("-INT");
    assert_eq!(ended.code, 130, "{ended:?}");
    let text = ended.stdout;
    assert!(text.contains("`warpnuts sample --resume stopped` goes on from there."), "{text}");
    let before = summary(&folder, "stopped")["draws"].as_u64().unwrap();
    assert!((1..6000).contains(&before));
    // What reads it says that it is not all.
    let goes_on =
        format!("The run has {before} of 6000 draws of each chain; `warpnuts sample --resume stopped` goes on.");
    for line in ["summary stopped", "verify stopped", "export stopped --format csv"] {
        let ran = done(&folder, line);
        assert!(ran.stdout.contains(&goes_on), "{line}: {}", ran.stdout);
    }
    // A checkpoint of another run is refused.
    done(&folder, &format!("sample {LONG} --draw-precision f16 --thin 3 --seed 2 --out another"));
    std::fs::copy(folder.path("stopped/checkpoint"), folder.path("another/checkpoint")).unwrap();
    let drawn = stored::store(&folder, "another");
    let refused = folder.run("sample --resume another --quiet");
    let words = "another/checkpoint is not of the run in another; put back its own, or remove the file";
    assert!(refused.code == 2 && refused.stderr.contains(words), "{refused:?}");
    assert!(stored::store(&folder, "another") == drawn, "draws of two runs stand in one store");
    // A damaged store is not resumed.
    let metric = folder.path("stopped/draws.zarr/adaptation/metric_sd/c/0");
    let bytes = std::fs::read(&metric).unwrap();
    std::fs::write(&metric, b"no chunk").unwrap();
    let refused = folder.run("sample --resume stopped --quiet");
    let words = "metric_sd/c/0: the chunk is damaged (";
    assert!(
        refused.code == 2 && refused.stderr.contains(words) && refused.stderr.contains("put back a copy"),
        "{refused:?}"
    );
    std::fs::write(&metric, bytes).unwrap();
    // The run can be named by its store.
    done(&folder, "sample --resume stopped/draws.zarr --quiet");
    same_bytes(&folder, "whole", "stopped");
    assert_eq!(summary(&folder, "stopped")["draws"], 6000);
}

#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing_that_was_drawn() {
    let folder = Folder::new();
    let line = "sample --chains 64 --warmup 60 --draws 3000 --keep hyper --checkpoint-every 0.02 --quiet";
    done(&folder, &format!("{line} --out whole"));
    // A small disk in a mount namespace, for which no privileges are needed; another process fills it during the run.
    // It is enlarged before the run is resumed, and copied before the namespace ends.
    let program = env!("CARGO_BIN_EXE_warpnuts");
    let script = format!(
        "mkdir small && mount -t tmpfs -o size=60m none small && cd small && {{ {program} {line} --out full & \
         until grep -qs adaptation full/draws.zarr/zarr.json; do sleep 0.01; done; cat /dev/zero > filled 2> /dev/null; wait $!; echo code $?; \
         {program} summary full; mount -o remount,size=1g none . && {program} sample --resume full --quiet; cp -r full ..; }}"
    );
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]).current_dir(folder.path("."));
    let told = unshare.output().map(|ran| [ran.stdout, ran.stderr].map(|text| String::from_utf8(text).unwrap()));
    match told {
        Ok([stdout, stderr]) if folder.path("full").exists() => {
            assert!(stdout.contains("code 1\n"), "{stdout}\n{stderr}");
            assert!(stderr.contains("error: the draws could not be kept: No space left on device"), "{stderr}");
            assert!(stderr.contains("`warpnuts sample --resume full` goes on from there"), "{stderr}");
            assert!(stdout.contains("of 3000 draws of each chain"), "{stdout}");
            same_bytes(&folder, "whole", "full");
        }
        other => println!(
            "skipped: no file system can be mounted here ({other:?}); a file's largest size does for a full disk"
        ),
    }

    // No file may be larger than this many blocks of 512 or 1024 bytes: chunks soon are, as those of a full disk would
    // be. The first checkpoint comes before that.
    let often = line.replace("0.02", "0");
    let limited = format!("ulimit -f 400; trap '' XFSZ; exec {program} {often} --out limited");
    let ran = Command::new("sh").args(["-c", &limited]).current_dir(folder.path(".")).output().unwrap();
    let stderr = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error: the draws could not be kept: "), "{stderr}");
    assert!(stderr.contains("`warpnuts sample --resume limited` goes on from there"), "{stderr}");
    let told = folder.run("summary limited");
    assert!(told.stdout.contains("of 3000 draws of each chain"), "{told:?}");
    done(&folder, "sample --resume limited --quiet");
    same_bytes(&folder, "whole", "limited");
}
