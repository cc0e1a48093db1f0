//! Live progress: a line for each run, and Ctrl-C, which ends the run after the current block.

use std::io::IsTerminal;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use warpnuts::engine::{Counters, Progress};
use warpnuts::experiment::{Sampler, Settings};
use warpnuts::faults;
use warpnuts::model::Model;
use warpnuts::summary::significant;

use super::{Failure, complain};

/// The interval between updates of the line.
const INTERVAL: Duration = Duration::from_millis(100);

/// The waiting time after which a line is shown.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Set by the first Ctrl-C.
static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The message if Ctrl-C ends the program at once: while nothing is being written, and no run is to be ended.
static WORDS: Mutex<Option<String>> = Mutex::new(None);

/// From now on the first Ctrl-C, or SIGTERM, ends the run after the current block; the second ends the program, as does
/// the first during [`wait`].
pub fn obey_interruptions() -> Result<(), Failure> {
    let flag = INTERRUPTED.get_or_init(Arc::default).clone();
    ctrlc::set_handler(move || {
        // Locked until the program has ended, so that a waiting thread does not go on to write.
        let words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(words) = &*words {
            complain(words);
        }
        if flag.swap(true, Relaxed) || words.is_some() {
            process::exit(130);
        }
    })
    .context("Ctrl-C cannot be caught")
    .map_err(Failure::Run)
}

/// Like [`obey_interruptions`], before a [`wait`]: Ctrl-C ends the program with these `words` from now on.
pub fn obey_interruptions_at_once(words: String) -> Result<(), Failure> {
    say(Some(words));
    obey_interruptions()
}

/// Sets the message with which the first Ctrl-C ends the program; without one, the program goes on.
fn say(words: Option<String>) {
    *WORDS.lock().unwrap_or_else(PoisonError::into_inner) = words;
}

/// Whether the user has asked to stop.
pub fn is_interrupted() -> bool {
    INTERRUPTED.get().is_some_and(|flag| flag.load(Relaxed))
}

/// How to wait for work that writes nothing.
#[derive(Debug)]
pub struct Waiting {
    /// Whether no line of progress is shown.
    pub quiet: bool,
    /// The time after which a line is shown on a terminal.
    pub patience: Duration,
    /// The message if Ctrl-C ends the program meanwhile.
    pub words: String,
}

/// Does `work` that writes nothing; the first Ctrl-C ends the program with code 130. A line shows how `far` the work
/// has come.
pub fn wait<T>(waiting: Waiting, far: &(dyn Fn() -> String + Sync), work: impl FnOnce() -> T) -> T {
    let Waiting { quiet, patience, words } = waiting;
    say(Some(words));
    faults::point("before-work");
    let done = if quiet { work() } else { show_far(patience, far, work) };
    say(None);
    done
}

/// Does `work`; a line on a terminal says how `far` it has come, appears after `patience` and disappears at the end.
pub fn show_far<T>(patience: Duration, far: &(dyn Fn() -> String + Sync), work: impl FnOnce() -> T) -> T {
    if !std::io::stderr().is_terminal() {
        return work();
    }
    let style =
        ProgressStyle::with_template("{spinner} {msg}, {elapsed}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style);
    let look = || {
        if bar.elapsed() > patience {
            bar.set_message(far());
            bar.tick();
        }
    };
    let done = watched(look, work);
    bar.finish_and_clear();
    done
}

/// Samples `model` with `run`; shows a line of progress, unless `quiet` or not on a terminal.
pub fn watch<T>(model: &Model, settings: &Settings, quiet: bool, run: impl FnOnce(Arc<Progress>) -> T) -> T {
    let (label, total) =
        (settings.sampler.run_name(&model.parameterization()).to_string(), settings.transitions() as u64);
    let shown = !quiet && std::io::stderr().is_terminal();
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(total), target).with_prefix(label).with_style(style());
    let progress = Arc::new(Progress::default());
    let look = || {
        if is_interrupted() {
            progress.stop();
            faults::answer();
        }
        show(&bar, &progress.snapshot(), settings);
    };
    let ran = watched(look, || run(progress.clone()));
    show(&bar, &progress.snapshot(), settings);
    bar.abandon();
    ran
}

/// Does `work`, while another thread calls `look` now and then. The work stays in this thread, so that later work can
/// use the memory that it frees.
fn watched<T>(look: impl Fn() + Sync, work: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !is_over.load(Relaxed) {
                look();
                thread::park_timeout(INTERVAL);
            }
        });
        let over = Over { is_over: &is_over, watcher: watcher.thread().clone() };
        let done = work();
        drop(over);
        done
    })
}

/// Stops the watcher when dropped, however the run ended.
struct Over<'a> {
    is_over: &'a AtomicBool,
    watcher: Thread,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
        self.watcher.unpark();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:>12} {wide_bar} {percent}% {msg}, {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn show(bar: &ProgressBar, now: &Counters, settings: &Settings) {
    let transitions = now.transitions.max(1) as f64;
    let goal = settings.until.map_or(String::new(), |goal| {
        let place = settings.next_place(now.transitions);
        bar.set_length(Settings { draws: place, ..*settings }.transitions() as u64);
        format!(", until {goal}: judged at {place} of at most {} draws", settings.draws)
    });
    bar.set_position(now.transitions);
    let speed = rate(now.transitions as f64 / bar.elapsed().as_secs_f64().max(1e-3));
    let each = now.gradients as f64 / transitions;
    if settings.sampler == Sampler::Independent {
        bar.set_message(format!("{speed}/s, {each:.2} proposals a draw{goal}"));
        return;
    }
    bar.set_message(format!(
        "{speed}/s, {each:.0} leapfrogs, step {}, acc {:.2}, {} diverged{goal}",
        significant(now.step_size),
        now.acceptance / transitions,
        now.divergences,
    ));
}

/// Transitions a second, as short text.
fn rate(rate: f64) -> String {
    if rate < 10_000.0 { format!("{rate:.0}") } else { format!("{:.0}k", rate / 1000.0) }
}
