//! `borderpost completions` and `borderpost man`.
//!
//! Input: the definition of the arguments. Output: a script or a page, made from that alone. Must not: name an option.

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man as Page;

use crate::cli::message::fail;
use crate::cli::output;
use crate::cli::status::Status;

#[derive(Args, Debug)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(super) struct Completions {
    /// The shell that they are for
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Args, Debug)]
#[command(after_help = MAN_EXAMPLES)]
pub(super) struct Man {
    /// The command that the page is about, such as inspect or geoip build [default: the program]
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

/// Prints what a shell is to complete.
pub(super) fn completions(arguments: &Completions, mut definition: Command) -> Status {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut definition, NAME, &mut script);
    print(&script)
}

/// Prints a manual page.
pub(super) fn man(arguments: &Man, definition: Command) -> Status {
    match page(&arguments.command, definition) {
        Ok(page) => print(&page),
        Err(message) => fail(&message),
    }
}

/// The page in roff, about the command that these words name.
fn page(words: &[String], definition: Command) -> Result<Vec<u8>, String> {
    // The page of `help` would repeat this one's list.
    let mut program = definition.disable_help_subcommand(true);
    program.build();
    let mut command = &program;
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| unknown(command, word))?;
    }
    let source = format!("{NAME} {}", env!("CARGO_PKG_VERSION"));
    let mut page = Vec::new();
    let rendered = Page::new(command.clone()).source(source).render(&mut page);
    rendered.map(|()| page).map_err(|error| error.to_string())
}

fn unknown(above: &Command, word: &str) -> String {
    let known: Vec<&str> = above.get_subcommands().map(Command::get_name).collect();
    let above = above.get_bin_name().unwrap_or(NAME);
    if known.is_empty() {
        return format!("{above} has no commands of its own, so there is no page on {word}");
    }
    format!("{above} has no command {word}; there are {}", known.join(", "))
}

fn print(bytes: &[u8]) -> Status {
    match output::to_stdout(&String::from_utf8_lossy(bytes)) {
        Ok(()) => Status::Clean,
        Err(error) => fail(&format!("standard output: {error}")),
    }
}

const NAME: &str = "borderpost";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  source <(borderpost completions bash)
  borderpost completions zsh > ~/.zfunc/_borderpost
  borderpost completions fish > ~/.config/fish/completions/borderpost.fish";

const MAN_EXAMPLES: &str = "Examples:
  borderpost man | man -l -
  borderpost man geoip build > borderpost-geoip-build.1";

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, ValueEnum as _};

    use super::*;
    use crate::cli::args::Arguments;

    /// The words that lead to each command of the program, and the command.
    fn commands(of: &Command, words: &[String], found: &mut Vec<(Vec<String>, Command)>) {
        found.push((words.to_vec(), of.clone()));
        for below in of.get_subcommands() {
            commands(below, &[words, &[below.get_name().to_owned()]].concat(), found);
        }
    }

    fn all() -> Vec<(Vec<String>, Command)> {
        let mut program = Arguments::command().disable_help_subcommand(true);
        program.build();
        let mut found = Vec::new();
        commands(&program, &[], &mut found);
        assert!(found.len() > 8, "{} commands", found.len());
        found
    }

    #[test]
    fn every_command_and_option_is_completed_in_every_shell() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), NAME, &mut script);
            let script = String::from_utf8(script).unwrap();
            for (words, command) in all() {
                for word in &words {
                    assert!(script.contains(word), "{shell}: no command {word}");
                }
                for long in command.get_arguments().filter_map(clap::Arg::get_long) {
                    // fish writes the option without its dashes.
                    let written =
                        if *shell == Shell::Fish { format!("-l {long}") } else { format!("--{long}") };
                    assert!(script.contains(&written), "{shell}: no {written} of {words:?}");
                }
            }
        }
    }

    #[test]
    fn every_command_has_a_page_with_its_options_and_its_commands() {
        for (words, command) in all() {
            let page = String::from_utf8(page(&words, Arguments::command()).unwrap()).unwrap();
            let name = command.get_display_name().unwrap_or(NAME);
            let title = format!(".TH {name} 1 ");
            assert!(page.contains(&title), "no {title:?} in {}", page.lines().take(5).collect::<String>());
            // roff writes a hyphen that is one in the text as `\-`.
            let page = page.replace(r"\-", "-");
            for argument in command.get_arguments() {
                let written = argument.get_long().map(|long| format!("--{long}"));
                let written = written.unwrap_or_else(|| argument.get_value_names().unwrap()[0].to_string());
                assert!(page.contains(&written), "{name}: no {written}");
            }
            for below in command.get_subcommands() {
                assert!(page.contains(&format!("{name}-{}(1)", below.get_name())), "{name}: {page}");
            }
        }
    }

    #[test]
    fn an_unknown_command_lists_the_known_ones() {
        let refused = |words: &[&str]| {
            page(&words.iter().map(ToString::to_string).collect::<Vec<String>>(), Arguments::command())
                .unwrap_err()
        };
        assert!(refused(&["inspekt"]).starts_with("borderpost has no command inspekt; there are inspect, "));
        assert_eq!(
            refused(&["geoip", "x"]),
            "borderpost geoip has no command x; there are build, import, info"
        );
        assert!(refused(&["explain", "x"]).contains("no page on x"));
    }
}
