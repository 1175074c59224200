//! The command line against what the examples beside the sources name.

use clap::Parser as _;

use super::Arguments;

const EXAMPLES: [(&str, &str, usize); 2] = [
    ("docs/nightly.github.yml", include_str!("../../../docs/nightly.github.yml"), 5),
    ("docs/nightly.gitlab.yml", include_str!("../../../docs/nightly.gitlab.yml"), 3),
];

/// What the forge or the shell puts in place of something, as one word.
fn filled(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once("${{") {
        out.push_str(before);
        out.push('x');
        rest = behind.split_once("}}").unwrap().1;
    }
    out + rest
}

/// The commands of borderpost in a workflow: one on each line, but for lines that end in a backslash.
fn commands(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let whole = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let start = |line: &str| {
        let line = line.trim();
        let line = line.strip_prefix("- ").unwrap_or(line);
        filled(line.strip_prefix("run: ").unwrap_or(line)).replace('"', "")
    };
    whole.lines().map(start).filter(|line| line.starts_with("borderpost ")).collect()
}

#[test]
fn the_workflows_call_what_there_is() {
    for (name, text, number) in EXAMPLES {
        let commands = commands(text);
        assert_eq!(commands.len(), number, "{name}: {commands:#?}");
        for command in commands {
            let words = command.trim_end_matches('&').split_whitespace();
            let parsed = Arguments::try_parse_from(words);
            assert!(parsed.is_ok(), "{name}: {command}\n{}", parsed.unwrap_err());
        }
    }
    let wrong = "borderpost capture --no-such-option".split_whitespace();
    assert!(Arguments::try_parse_from(wrong).is_err());
}

#[test]
fn commands_are_found_in_a_workflow() {
    let text = "# borderpost no\nrun: borderpost a ${{ x y }}.toml\n  - borderpost b \"$C\" \\\n    -d &\nrun: |\n  sudo borderpost-capture\n";
    assert_eq!(commands(text), ["borderpost a x.toml", "borderpost b $C      -d &"]);
}
