//! The documentation of the simulator, made from the fault table.

use std::fmt::Write as _;

use super::{FaultRow, Group, Kind, Parameter, faults};

const INTRODUCTION: &str = include_str!("introduction.md");

/// Renders `docs/simulator.md`: how the simulated provider is used, and every fault it can show.
pub fn documentation() -> String {
    let mut text = INTRODUCTION.to_owned();
    for group in Group::ALL {
        text.push_str(&section(group));
    }
    text
}

fn section(group: Group) -> String {
    let mut text = format!(
        "\n### {}\n\n| fault | parameters | what a client sees |\n",
        group.title()
    );
    text.push_str("|---|---|---|\n");
    for row in faults().iter().filter(|row| row.group == group) {
        text.push_str(&line(row));
    }
    text
}

fn line(row: &FaultRow) -> String {
    // The many parameters of errors are the same for all of them; the introduction has them.
    let is_error = row.parameter("shape").is_some();
    let own: Vec<_> = row
        .parameters
        .iter()
        .filter(|one| !is_error || one.name == "status")
        .collect();
    let mut shown = parameters(&own);
    if is_error {
        shown.push_str(if own.is_empty() {
            "those of errors"
        } else {
            "; those of errors"
        });
    }
    format!("| `{}` | {shown} | {} |\n", row.name, row.does)
}

fn parameters(parameters: &[&Parameter]) -> String {
    let mut text = String::new();
    for parameter in parameters {
        if !text.is_empty() {
            text.push_str("; ");
        }
        // Writing to a string cannot fail.
        write!(text, "`{}`: {}", parameter.name, parameter.about).unwrap_or_default();
        if let Kind::Word(words) = parameter.kind {
            write!(text, " ({})", words.join(", ")).unwrap_or_default();
        }
        if !parameter.default.is_empty() {
            write!(text, " [{}]", parameter.default).unwrap_or_default();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_in_the_documentation() {
        let text = documentation();
        for row in faults() {
            assert!(
                text.contains(&format!("\n| `{}` |", row.name)),
                "{}",
                row.name
            );
        }
    }
}
