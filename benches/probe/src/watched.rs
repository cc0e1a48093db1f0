//! A command that may crash or hang: how it is run with a time limit, and how it ended.

use std::io::{self, Read, Seek};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The interval between checks of a running command.
const PAUSE: Duration = Duration::from_millis(5);

/// The beginning of a line that names the next call.
const AT: &str = "@at ";

/// The beginning of a line with the result.
const RESULT: &str = "@result ";

/// Prints the next call, in the command.
pub fn at(call: &str) {
    println!("{AT}{call}");
}

/// Prints the result, in the command.
pub fn result(result: &Value) {
    println!("{RESULT}{result}");
}

/// A command that has ended.
#[derive(Debug)]
pub struct Watched {
    /// The result, if there is one.
    pub result: Option<Value>,
    /// Why there is no result: a signal, an exit code or the limit, and the current call.
    pub failure: Option<String>,
    /// All other output of the command and its driver.
    pub said: Vec<String>,
    /// Wall time from beginning to end.
    pub seconds: f64,
}

/// Runs `command` for no longer than `limit`.
///
/// # Errors
/// If the command cannot be started, or its output cannot be stored.
pub fn watch(command: &mut Command, limit: Duration) -> io::Result<Watched> {
    // A file, not a pipe: it never fills up, and it keeps the output of a command that crashes.
    let mut written = tempfile::tempfile()?;
    command.stdin(Stdio::null()).stdout(written.try_clone()?).stderr(written.try_clone()?);
    let start = Instant::now();
    let mut child = command.spawn()?;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if start.elapsed() >= limit => {
                child.kill()?;
                child.wait()?;
                break None;
            }
            None => sleep(PAUSE),
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    let mut bytes = Vec::new();
    written.rewind()?;
    written.read_to_end(&mut bytes)?;

    let (mut result, mut call, mut said) = (None, String::new(), Vec::new());
    for line in String::from_utf8_lossy(&bytes).lines() {
        if let Some(name) = line.strip_prefix(AT) {
            call = format!(" in {name}");
        } else if let Some(text) = line.strip_prefix(RESULT) {
            result = serde_json::from_str(text).ok();
        } else if !line.trim().is_empty() {
            said.push(line.trim_end().to_string());
        }
    }
    let failure = match status {
        None => Some(format!("timed out after {} s{call}", limit.as_secs_f64())),
        Some(status) if status.success() && result.is_some() => None,
        Some(status) => Some(format!("{}{call}", ending(status))),
    };
    Ok(Watched { result: result.filter(|_| failure.is_none()), failure, said, seconds })
}

/// The name of the signal that ended a command, or its exit code.
fn ending(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        // Signals with the same number on all systems, and bus errors with Linux's number.
        return match signal {
            4 => "SIGILL".to_string(),
            5 => "SIGTRAP".to_string(),
            6 => "SIGABRT".to_string(),
            7 if cfg!(target_os = "linux") => "SIGBUS".to_string(),
            8 => "SIGFPE".to_string(),
            9 => "SIGKILL".to_string(),
            11 => "SIGSEGV".to_string(),
            15 => "SIGTERM".to_string(),
            other => format!("signal {other}"),
        };
    }
    status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn run(script: &str, limit: Duration) -> Watched {
        watch(Command::new("sh").args(["-c", script]), limit).unwrap()
    }

    /// Longer than any of these commands needs.
    const LONG: Duration = Duration::from_secs(120);

    #[test]
    fn a_crash_is_told_by_its_signal_and_the_call_it_was_in() {
        let crashed = run("echo '@at vkCreateInstance'; echo '@at vkCreateDevice'; kill -SEGV $$", LONG);
        assert_eq!(crashed.failure.as_deref(), Some("SIGSEGV in vkCreateDevice"));
        let aborted = run("echo 'assertion failed' >&2; kill -ABRT $$", LONG);
        assert_eq!(aborted.failure.as_deref(), Some("SIGABRT"));
        assert_eq!(aborted.said, ["assertion failed"]);
    }

    #[test]
    fn a_crash_after_the_result_is_a_crash() {
        let crashed = run("echo '@result {}'; kill -SEGV $$", LONG);
        assert_eq!((crashed.failure.as_deref(), crashed.result), (Some("SIGSEGV"), None));
    }

    #[test]
    fn a_command_that_hangs_is_ended_at_the_limit() {
        let hung = run("echo '@at vkCreateComputePipelines'; exec sleep 60", Duration::from_secs(1));
        assert_eq!(hung.failure.as_deref(), Some("timed out after 1 s in vkCreateComputePipelines"));
        assert!((1.0..60.0).contains(&hung.seconds), "{} s", hung.seconds);
    }

    #[test]
    fn a_command_that_stops_without_a_result_is_told_by_its_exit_code() {
        assert_eq!(run("exit 3", LONG).failure.as_deref(), Some("exit code 3"));
        assert_eq!(run("true", LONG).failure.as_deref(), Some("exit code 0"));
    }

    #[test]
    fn a_result_is_found_among_whatever_else_is_written() {
        let script =
            "echo a layer speaks; echo '@at vkCreateDevice'; echo '@result {\"outcome\": \"SUCCESS\"}'; echo and again";
        let done = run(script, LONG);
        assert_eq!(done.failure, None);
        assert_eq!(done.result.unwrap()["outcome"], "SUCCESS");
        assert_eq!(done.said, ["a layer speaks", "and again"]);
    }
}
