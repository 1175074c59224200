//! The program: everything is in [`borderpost::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    borderpost::cli::run(std::env::args_os())
}
