//! Ways through a body whose members may be of any kind: what is of another kind than expected is
//! passed over.

use crate::json::{Kind, NameBuffer, Problem, Scanner, Text};

/// Gives each member of an object to `each`, which must take its value.
pub(crate) fn members<'a>(
    scanner: &mut Scanner<'a>,
    mut each: impl FnMut(&[u8], &mut Scanner<'a>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    if scanner.kind()? != Kind::Object {
        return scanner.skip();
    }
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        each(name.name(&mut buffer), scanner)?;
    }
    Ok(())
}

/// Gives each item of an array to `each`, which must take it.
pub(crate) fn items<'a>(
    scanner: &mut Scanner<'a>,
    mut each: impl FnMut(&mut Scanner<'a>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    if scanner.kind()? != Kind::Array {
        return scanner.skip();
    }
    let mut items = scanner.array()?;
    while scanner.item(&mut items)? {
        each(scanner)?;
    }
    Ok(())
}

/// Takes a string.
pub(crate) fn string<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Text<'a>>, Problem> {
    if scanner.kind()? == Kind::String {
        return scanner.string().map(Some);
    }
    scanner.skip().map(|()| None)
}

/// Takes a boolean; what is none is not true.
pub(crate) fn flag(scanner: &mut Scanner<'_>) -> Result<bool, Problem> {
    if scanner.kind()? == Kind::Bool {
        return scanner.bool();
    }
    scanner.skip().map(|()| false)
}
