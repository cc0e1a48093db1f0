//! Faults at named points of the program, for tests: `WARPNUTS_FAULT` lists those of a process, separated by commas.
//!
//! - `kill POINT N`: the process dies as soon as its progress at this point reaches `N`.
//! - `hold POINT N`: a thread whose progress reaches `N` prints `held: POINT` on the standard error, and waits until an
//!   interruption is [answered](answer).
//! - `NAME`: the program has this error, everywhere ([`is_planted`]).
//!
//! A build without debug assertions, such as a release, has no faults.

#[cfg(debug_assertions)]
mod chosen {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Condvar, LazyLock, Mutex, PoisonError};

    /// The words of each fault.
    static CHOSEN: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
        let typed = std::env::var("WARPNUTS_FAULT").unwrap_or_default();
        typed.split(',').map(|one| one.split_whitespace().map(str::to_string).collect()).collect()
    });

    /// The number of passings of the chosen point, if its passings are counted.
    static PASSINGS: AtomicU64 = AtomicU64::new(0);

    static ANSWERED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

    /// Whether to die (`kill`) or to wait (`hold`), the point, and the progress.
    fn chosen() -> Option<[&'static str; 3]> {
        CHOSEN.iter().find_map(|words| match &words[..] {
            [how, point, at] => Some([how.as_str(), point, at]),
            _ => None,
        })
    }

    /// Whether the process dies or waits at some point.
    pub fn has_point() -> bool {
        chosen().is_some()
    }

    /// A point whose passings are counted.
    pub fn point(name: &str) {
        if chosen().is_some_and(|[_, point, _]| point == name) {
            point_at(name, PASSINGS.fetch_add(1, Ordering::Relaxed) + 1);
        }
    }

    /// A point that is passed with progress `far`.
    pub fn point_at(name: &str, far: u64) {
        let Some([how, point, at]) = chosen() else { return };
        if point != name || at.parse().is_ok_and(|at: u64| far < at) {
            return;
        }
        if how == "kill" {
            std::process::abort();
        }
        let mut answered = ANSWERED.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !*answered {
            eprintln!("held: {name}");
        }
        while !*answered {
            answered = ANSWERED.1.wait(answered).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Releases a held thread: the interruption that it waits for has been received.
    pub fn answer() {
        *ANSWERED.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        ANSWERED.1.notify_all();
    }

    /// Whether the program has this planted error.
    pub fn is_planted(name: &str) -> bool {
        CHOSEN.iter().any(|words| matches!(&words[..], [word] if word == name))
    }
}

#[cfg(not(debug_assertions))]
mod chosen {
    /// Whether the process dies or waits at some point: never.
    #[inline]
    pub fn has_point() -> bool {
        false
    }

    /// A point whose passings are counted: no effect.
    #[inline]
    pub fn point(_: &str) {}

    /// A point that is passed with some progress: no effect.
    #[inline]
    pub fn point_at(_: &str, _: u64) {}

    /// Releases a held thread: no effect.
    #[inline]
    pub fn answer() {}

    /// Whether the program has this planted error: never.
    #[inline]
    pub fn is_planted(_: &str) -> bool {
        false
    }
}

pub use chosen::{answer, has_point, is_planted, point, point_at};
