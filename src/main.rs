//! The program: what was typed, what it means, what comes of it.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let typed = cli::Cli::parse();
    match cli::run(typed) {
        Ok(outcome) => outcome.exit_code(),
        Err(failure) => {
            cli::complain(format_args!("error: {failure}"));
            failure.exit_code()
        }
    }
}
