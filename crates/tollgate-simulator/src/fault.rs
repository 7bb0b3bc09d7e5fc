//! Faults: their table, the one way to write them down, and how they are put on an answer.
//!
//! ```text
//! faults    = fault *( "+" fault )
//! fault     = name [ ( "-" | "=" ) value ] [ ( ":" | ";" ) parameter *( ( "," | ";" ) parameter ) ]
//! parameter = key "=" value
//! ```
//! The value after the name is that of the row's first parameter. In values, `%XX` stands for a
//! byte, so that `,`, `;`, `:` and `+` can be written too.

mod body;
mod document;
mod ending;
mod event;
mod odd_event;
mod row;
mod said;
mod status;
mod time;
mod transport;
mod usage;
mod writing;

use std::fmt::Write as _;
use std::sync::LazyLock;

pub use document::documentation;
pub(crate) use row::Effect;
pub use row::{FaultRow, Group, Kind, Parameter};

use crate::address::{Address, Family};
use crate::draft::Draft;
use crate::percent;
use crate::request::Request;
use crate::script::ScriptProblem;

/// What model names begin with that ask for faults.
pub(crate) const MODEL_PREFIX: &str = "fault/";

/// The most faults of one answer; some of them hold memory.
pub(crate) const MOST_FAULTS: usize = 16;

/// The table of all faults.
pub fn faults() -> &'static [FaultRow] {
    static ROWS: LazyLock<Vec<FaultRow>> = LazyLock::new(|| {
        let tables = [
            body::ROWS,
            usage::ROWS,
            event::ROWS,
            odd_event::ROWS,
            ending::ROWS,
            writing::ROWS,
            time::ROWS,
            transport::ROWS,
        ];
        status::rows()
            .chain(tables.into_iter().flatten().copied())
            .collect()
    });
    &ROWS
}

/// A fault with its parameters, ready to be put on answers.
#[derive(Clone)]
pub struct Fault {
    pub(crate) row: &'static FaultRow,
    given: Vec<(String, String)>,
}

impl Fault {
    /// Reads one fault or several joined by `+`; fails for unknown names, parameters and values.
    pub fn parse(text: &str) -> Result<Vec<Self>, ScriptProblem> {
        if text.split('+').count() > MOST_FAULTS {
            return Err(ScriptProblem::TooManyFaults { most: MOST_FAULTS });
        }
        text.split('+')
            .map(|one| Self::parse_one(one.trim()))
            .collect()
    }

    /// A fault without parameters; fails when there is no row of this name.
    pub fn named(name: &str) -> Result<Self, ScriptProblem> {
        let row = faults().iter().find(|row| row.name == name);
        let row = row.ok_or_else(|| ScriptProblem::UnknownFault {
            fault: name.to_owned(),
            near: nearest(name),
        })?;
        Ok(Self {
            row,
            given: Vec::new(),
        })
    }

    /// Sets a parameter; fails when the row has none of this name, or not with this value.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, ScriptProblem> {
        let parameter = self.row.parameter(name);
        let parameter = parameter.ok_or_else(|| ScriptProblem::UnknownParameter {
            fault: self.row.name,
            parameter: name.to_owned(),
            known: self.row.parameters.iter().map(|known| known.name).collect(),
        })?;
        let refuse = |expected: String| ScriptProblem::BadValue {
            fault: self.row.name,
            parameter: name.to_owned(),
            value: value.to_owned(),
            expected,
        };
        match parameter.kind {
            Kind::Number(most) if !value.parse().is_ok_and(|number: u64| number <= most) => {
                return Err(refuse(format!("a whole number up to {most}")));
            }
            Kind::Word(words) if !words.contains(&value) => {
                return Err(refuse(format!("one of {}", words.join(", "))));
            }
            Kind::Number(_) | Kind::Word(_) | Kind::Text => {}
        }
        self.given.retain(|(present, _)| present != name);
        self.given.push((name.to_owned(), value.to_owned()));
        Ok(self)
    }

    /// The fault as it would be written down.
    pub fn spelling(&self) -> String {
        let mut text = self.row.name.to_owned();
        for (position, (name, value)) in self.given.iter().enumerate() {
            text.push(if position == 0 { ':' } else { ',' });
            text.push_str(name);
            text.push('=');
            for letter in value.chars() {
                match letter {
                    ',' | ';' | ':' | '+' | '%' => {
                        // Writing to a string cannot fail.
                        write!(text, "%{:02X}", u32::from(letter)).unwrap_or_default();
                    }
                    plain => text.push(plain),
                }
            }
        }
        text
    }

    /// The value of a parameter: as given, or the row's default; `None` for nothing.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let given = self.given.iter().find(|(present, _)| present == name);
        match given {
            Some((_, value)) => Some(value),
            None => self
                .row
                .parameter(name)
                .map(|parameter| parameter.default)
                .filter(|default| !default.is_empty()),
        }
    }

    /// The value of a parameter that is one of some words.
    pub(crate) fn word(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// The value of a parameter that is a number.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.text(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    }

    /// The value of a parameter that is a count or a size.
    pub(crate) fn size(&self, name: &str) -> usize {
        usize::try_from(self.number(name)).unwrap_or(usize::MAX)
    }

    /// The value of a parameter that is a time in milliseconds.
    pub(crate) fn time(&self, name: &str) -> std::time::Duration {
        std::time::Duration::from_millis(self.number(name))
    }

    /// What was given, in order.
    pub(crate) fn given(&self) -> &[(String, String)] {
        &self.given
    }

    fn parse_one(text: &str) -> Result<Self, ScriptProblem> {
        let (head, rest) = match text.split_once([':', ';']) {
            Some((head, rest)) => (head, rest),
            None => (text, ""),
        };
        let (name, main) = name_and_value(head.trim());
        let mut fault = Self::named(name)?;
        if let Some(value) = main {
            let first = fault
                .row
                .parameters
                .first()
                .map_or("", |parameter| parameter.name);
            fault = fault.with(first, &percent::decoded(value))?;
        }
        for parameter in rest
            .split([',', ';'])
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, value) =
                parameter
                    .split_once('=')
                    .ok_or_else(|| ScriptProblem::NoValue {
                        parameter: parameter.to_owned(),
                    })?;
            fault = fault.with(name.trim(), &percent::decoded(value.trim()))?;
        }
        Ok(fault)
    }
}

/// Splits `cut-after=3` and `cut-after-3`; a name that is a row as it stands has no value.
fn name_and_value(head: &str) -> (&str, Option<&str>) {
    if let Some((name, value)) = head.split_once('=') {
        return (name.trim(), Some(value.trim()));
    }
    let is_row = |name: &str| faults().iter().any(|row| row.name == name);
    if is_row(head) {
        return (head, None);
    }
    let dashes = head
        .rmatch_indices('-')
        .filter_map(|(at, _)| head.split_at_checked(at));
    dashes
        .filter(|(name, _)| is_row(name))
        .map(|(name, rest)| (name, rest.strip_prefix('-')))
        .next()
        .unwrap_or((head, None))
}

/// The row whose name shares the longest beginning with this one.
fn nearest(name: &str) -> &'static str {
    let shared = |row: &&FaultRow| {
        let pairs = row.name.bytes().zip(name.bytes());
        pairs.take_while(|(one, other)| one == other).count()
    };
    faults()
        .iter()
        .max_by_key(shared)
        .map_or("", |row| row.name)
}

/// What a fault may know about the request it is put on.
pub(crate) struct Scene {
    /// The seed of the simulator.
    pub(crate) seed: u64,
    /// Which request this is, counted from one.
    pub(crate) number: u64,
    /// The model that was asked for.
    pub(crate) model: String,
    /// Whose format the answer has.
    pub(crate) family: Family,
    /// What was asked for.
    pub(crate) address: Address,
    /// Whether the answer, be it an error, is an array.
    pub(crate) in_array: bool,
}

impl Scene {
    /// The scene of a request.
    pub(crate) fn of(request: &Request, seed: u64) -> Self {
        Self {
            seed,
            number: request.number,
            model: request.model().to_owned(),
            family: request.family,
            address: request.address.clone(),
            in_array: request.wants_array(),
        }
    }

    /// The same scene, its answer being no array.
    pub(crate) fn without_array(&self) -> Self {
        Self {
            model: self.model.clone(),
            address: self.address.clone(),
            in_array: false,
            ..*self
        }
    }

    /// The scene of a request that cannot be read.
    pub(crate) fn unknown(seed: u64) -> Self {
        Self {
            seed,
            number: 0,
            model: String::new(),
            family: Family::OpenAi,
            address: Address::Unknown,
            in_array: false,
        }
    }
}

/// Puts faults on an answer, in the order of their groups.
pub(crate) fn apply(draft: &mut Draft, faults: &[Fault], scene: &Scene) {
    let mut ordered: Vec<&Fault> = faults.iter().collect();
    ordered.sort_by_key(|fault| fault.row.group);
    for fault in ordered {
        match fault.row.effect {
            Effect::Error(preset) => status::answer(draft, preset, fault, scene),
            Effect::Edit(edit) => edit(draft, fault, scene),
            // Known only when the connection begins; scripts see to it there.
            Effect::OnAccept => {}
        }
    }
}

#[cfg(test)]
mod tests;
