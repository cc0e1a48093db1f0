//! The program: parses the command line, runs the command, and exits with its code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    // A Mesa layer that selects cards complains on stderr where there is no screen; warpnuts selects cards itself.
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
