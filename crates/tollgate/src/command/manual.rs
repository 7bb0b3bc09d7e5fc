//! The reference of all commands as a document, made from the command line's own description.

use std::fmt::Write as _;

use clap::{Arg, Command};

/// What stands before the commands.
const INTRODUCTION: &str = "\
# Commands

<!-- Made by `cargo xtask generate`; changes belong in crates/tollgate/src/main.rs and command/. -->

`tollgate COMMAND --help` says the same.

**Where they act.** `key`, `org`, `team`, `user`, `credit` and `ledger` go through the gateway that
runs on this machine with the same configuration; where none runs, they act on the database itself,
and `connection list`, `connection test` and `explain` go by what the configuration declares.
`connection open`, `close` and `isolate` and `maintenance` need a gateway that runs. So does `call`,
which finds it by its address as well. Which gateway it is, the data folder says: name the
configuration with `--config`, and work in the folder in which it was started.

**Exit codes.** 0: all is well. 1: it failed, or what was looked at is not well (`check`,
`connection test`, `ledger verify`); what it was stands on standard error or in the answer. 2: the
command line cannot be read. 70: `serve` cannot write its ledger any more, and wants to be started
anew.

**Environment.** A variable stands for its option where that is left out. The keys of the
configuration have variables as well ([settings.md](settings.md)).

What a command takes, those below it take as well.
";

/// The whole document.
pub(super) fn markdown(all: &Command) -> String {
    let mut text = INTRODUCTION.to_owned();
    let name = all.get_name();
    section(&mut text, "##", name, all);
    for command in shown(all) {
        let name = format!("{name} {}", command.get_name());
        section(&mut text, "##", &name, command);
        for below in shown(command) {
            section(
                &mut text,
                "###",
                &format!("{name} {}", below.get_name()),
                below,
            );
        }
    }
    text
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|one| !one.is_hide_set())
}

/// One command with what it takes.
fn section(text: &mut String, level: &str, name: &str, command: &Command) {
    let arguments: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
        .collect();
    let about = command.get_about().map(ToString::to_string);
    // Writing to a String cannot fail.
    _ = write!(
        text,
        "\n{level} `{name}`\n\n{}.\n",
        about.unwrap_or_default()
    );
    if arguments.is_empty() {
        return;
    }
    text.push_str("\n| takes | what it is |\n|---|---|\n");
    text.extend(arguments.into_iter().map(row));
}

/// One thing that a command takes.
fn row(arg: &Arg) -> String {
    let values: String = arg
        .get_value_names()
        .filter(|_| arg.get_action().takes_values())
        .map(|names| names.join(" "))
        .unwrap_or_default();
    let name = match arg.get_long() {
        Some(long) if values.is_empty() => format!("--{long}"),
        Some(long) => format!("--{long} {values}"),
        None if arg.is_required_set() => values,
        None => format!("[{values}]"),
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let default = match arg.get_default_values() {
        [value, ..] if arg.get_action().takes_values() => {
            format!(" Default: `{}`.", value.to_string_lossy())
        }
        _ => String::new(),
    };
    let variable = arg
        .get_env()
        .map(|variable| format!(" Variable: `{}`.", variable.to_string_lossy()))
        .unwrap_or_default();
    format!("| `{name}` | {help}.{default}{variable} |\n")
}
