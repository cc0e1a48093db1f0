//! The program: what was typed, what it means, what comes of it.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    // A layer of Mesa's that chooses between cards complains on stderr where there is no screen; warpnuts chooses itself.
    // SAFETY: no other thread runs yet that could read the environment.
    unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    let typed = cli::parse();
    match cli::run(typed) {
        Ok(outcome) => outcome.exit_code(),
        Err(failure) => {
            cli::complain(format_args!("error: {failure}"));
            failure.exit_code()
        }
    }
}
