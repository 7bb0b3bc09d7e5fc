//! The contents of a conversation: an array of objects with a role and parts.

use crate::faults::Faults;
use crate::fields::article;
use crate::json::{Kind, NameBuffer, Problem, Scanner};
use crate::state;

/// Takes the contents; gives whether there is sealed state in them.
pub(super) fn read(
    scanner: &mut Scanner<'_>,
    path: &str,
    faults: &mut Faults,
) -> Result<bool, Problem> {
    if !is(scanner, Kind::Array, path, faults)? {
        return Ok(false);
    }
    let mut sealed = false;
    let mut items = scanner.array()?;
    let mut index = 0_usize;
    while scanner.item(&mut items)? {
        if scanner.kind()? == Kind::Object {
            sealed |= content(scanner, (path, index), faults)?;
        } else {
            is(scanner, Kind::Object, &format!("{path}[{index}]"), faults)?;
        }
        index += 1;
    }
    if index == 0 {
        let what = "must hold at least one content";
        faults.add(format_args!("{path}"), "too_short", what);
    }
    Ok(sealed)
}

/// Whether the value that comes next is of this kind. If not, it is taken and the fault noted.
fn is(
    scanner: &mut Scanner<'_>,
    want: Kind,
    path: &str,
    faults: &mut Faults,
) -> Result<bool, Problem> {
    let kind = scanner.kind()?;
    if kind == want {
        return Ok(true);
    }
    scanner.skip()?;
    let what = format!("must be {}, not {}", article(want), article(kind));
    let fault = match want {
        Kind::Array => "list_type",
        Kind::String => "string_type",
        Kind::Object | Kind::Number | Kind::Bool | Kind::Null => "dict_type",
    };
    faults.add(format_args!("{path}"), fault, &what);
    Ok(false)
}

/// Takes one content. One without parts passes: SDKs put an answer that said nothing into the
/// history as it came.
fn content(
    scanner: &mut Scanner<'_>,
    (path, index): (&str, usize),
    faults: &mut Faults,
) -> Result<bool, Problem> {
    let mut sealed = false;
    let (mut role, mut said) = (false, false);
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        let (name, seen) = match name.name(&mut buffer) {
            b"role" => ("role", &mut role),
            b"parts" => ("parts", &mut said),
            _ => {
                scanner.skip()?;
                continue;
            }
        };
        if std::mem::replace(seen, true) {
            scanner.skip()?;
            let path = format_args!("{path}[{index}].{name}");
            faults.add(path, "value_error", "occurs twice");
        } else if name == "role" {
            read_role(scanner, (path, index), faults)?;
        } else {
            sealed |= parts(scanner, (path, index), faults)?;
        }
    }
    Ok(sealed)
}

fn read_role(
    scanner: &mut Scanner<'_>,
    (path, index): (&str, usize),
    faults: &mut Faults,
) -> Result<(), Problem> {
    match scanner.kind()? {
        Kind::Null => return scanner.skip(),
        Kind::String => {}
        _ => {
            let path = format!("{path}[{index}].role");
            return is(scanner, Kind::String, &path, faults).map(drop);
        }
    }
    let role = scanner.string()?;
    // `function` is what results of tools once came from; SDKs leave the role of a user out.
    let known = ["user", "model", "function", ""];
    if !known.into_iter().any(|known| role.is(known)) {
        let path = format_args!("{path}[{index}].role");
        faults.add(path, "value_error", "must be `user` or `model`");
    }
    Ok(())
}

fn parts(
    scanner: &mut Scanner<'_>,
    (path, index): (&str, usize),
    faults: &mut Faults,
) -> Result<bool, Problem> {
    if scanner.kind()? != Kind::Array {
        return is(
            scanner,
            Kind::Array,
            &format!("{path}[{index}].parts"),
            faults,
        );
    }
    let mut sealed = false;
    let mut items = scanner.array()?;
    let mut place = 0_usize;
    while scanner.item(&mut items)? {
        if scanner.kind()? == Kind::Object {
            sealed |= part(scanner)?;
        } else {
            let path = format!("{path}[{index}].parts[{place}]");
            is(scanner, Kind::Object, &path, faults)?;
        }
        place += 1;
    }
    Ok(sealed)
}

/// Takes a part; gives whether its signature is sealed.
fn part(scanner: &mut Scanner<'_>) -> Result<bool, Problem> {
    let mut sealed = false;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"thoughtSignature" | b"thought_signature" if scanner.kind()? == Kind::String => {
                let text = scanner.string()?.decode();
                sealed |= text.is_some_and(|text| state::is_sealed(&text));
            }
            _ => scanner.skip()?,
        }
    }
    Ok(sealed)
}
