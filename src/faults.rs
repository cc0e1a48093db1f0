//! Faults at named points of the program, for tests: a process has the one that `WARPNUTS_FAULT` names.
//!
//! - `kill POINT N`: the process dies as soon as it has come as far as `N` at this point.
//! - `hold POINT N`: the thread that comes there first says so on the standard error, and waits until an interruption is
//!   [answered](answer).
//! - `NAME`: the program errs in one respect, everywhere ([`is_planted`]).
//!
//! Built without debug assertions, as a release is, the program has none of them.

#[cfg(debug_assertions)]
mod chosen {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Condvar, LazyLock, Mutex, PoisonError};

    static CHOSEN: LazyLock<Vec<String>> = LazyLock::new(|| {
        let typed = std::env::var("WARPNUTS_FAULT").unwrap_or_default();
        typed.split_whitespace().map(str::to_string).collect()
    });

    /// How often the chosen point was passed, where its passings are counted.
    static PASSINGS: AtomicU64 = AtomicU64::new(0);

    static ANSWERED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

    /// Whether the process dies or waits at some point.
    pub fn has_point() -> bool {
        CHOSEN.len() == 3
    }

    /// A point whose passings are counted.
    pub fn point(name: &str) {
        if has_point() && CHOSEN[1] == name {
            point_at(name, PASSINGS.fetch_add(1, Ordering::Relaxed) + 1);
        }
    }

    /// A point that is passed when something has come so `far`.
    pub fn point_at(name: &str, far: u64) {
        let [how, point, at] = &CHOSEN[..] else { return };
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

    /// Lets the thread that is held go on: the interruption it waits for has been taken in.
    pub fn answer() {
        *ANSWERED.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        ANSWERED.1.notify_all();
    }

    /// Whether the program errs in this respect.
    pub fn is_planted(name: &str) -> bool {
        matches!(&CHOSEN[..], [chosen] if chosen == name)
    }
}

#[cfg(not(debug_assertions))]
mod chosen {
    /// Whether the process dies or waits at some point: never.
    #[inline]
    pub fn has_point() -> bool {
        false
    }

    /// A point whose passings are counted: nothing happens there.
    #[inline]
    pub fn point(_: &str) {}

    /// A point that is passed when something has come so far: nothing happens there.
    #[inline]
    pub fn point_at(_: &str, _: u64) {}

    /// Lets the thread that is held go on: there is none.
    #[inline]
    pub fn answer() {}

    /// Whether the program errs in this respect: it does not.
    #[inline]
    pub fn is_planted(_: &str) -> bool {
        false
    }
}

pub use chosen::{answer, has_point, is_planted, point, point_at};
