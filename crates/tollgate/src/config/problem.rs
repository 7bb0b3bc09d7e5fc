//! What is wrong with a configuration, and where: collected, sorted and shown all at once.
//! A problem names places and keys, never a value, since any value may be a secret.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Everything that is wrong with (or doubtful in) one configuration.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    file: Option<PathBuf>,
    list: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where the value was given, or where it is missing.
    pub place: Place,
    /// The dotted key, for example `connections[0].api_key`; empty when no key is concerned.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A place in the file. Both count from one; columns count characters.
    Line {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// An environment variable of this name.
    Environment(Arc<str>),
    /// A flag of the command line.
    CommandLine(&'static str),
    /// A default.
    BuiltIn,
}

impl Place {
    /// The line, for places in the file.
    pub(super) fn line(&self) -> Option<usize> {
        match self {
            Self::Line { line, .. } => Some(*line),
            Self::File | Self::Environment(_) | Self::CommandLine(_) | Self::BuiltIn => None,
        }
    }
}

impl Problems {
    /// No problems yet, of a configuration in this file, if there is one.
    pub fn new(file: Option<&Path>) -> Self {
        Self {
            file: file.map(Path::to_path_buf),
            list: Vec::new(),
        }
    }

    /// Adds one.
    pub(super) fn push(
        &mut self,
        place: &Place,
        key: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.list.push(Problem {
            place: place.clone(),
            key: key.into(),
            message: message.into(),
        });
    }

    /// Adds those of others, in order.
    pub fn extend(&mut self, others: Self) {
        self.list.extend(others.list);
        self.sort();
    }

    /// Puts them in the order of the file, then the environment, then the command line.
    pub(super) fn sort(&mut self) {
        self.list.sort();
        self.list.dedup();
    }

    /// Each problem, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Each problem as a line `FILE:LINE:COLUMN: key: message`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.list.iter().map(|problem| self.line(problem))
    }

    fn line(&self, problem: &Problem) -> String {
        let file = match &self.file {
            Some(file) => file.display().to_string(),
            None => "configuration".to_owned(),
        };
        let place = match &problem.place {
            Place::File => file,
            Place::Line { line, column } => format!("{file}:{line}:{column}"),
            Place::Environment(variable) => variable.to_string(),
            Place::CommandLine(flag) => (*flag).to_owned(),
            Place::BuiltIn => "built-in default".to_owned(),
        };
        if problem.key.is_empty() {
            format!("{place}: {}", problem.message)
        } else {
            format!("{place}: {}: {}", problem.key, problem.message)
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.lines().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            formatter.write_str(&line)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
