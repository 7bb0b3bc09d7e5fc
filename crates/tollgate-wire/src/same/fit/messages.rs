//! Messages for providers that refuse members of them, too.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Member, cut, is_empty, members};
use crate::formats::Lost;
use crate::json::{self, Kind, Problem, Scanner};
use crate::quirks::Role;

/// The messages with the members that the provider knows, every kept value byte for byte. What is
/// left out is added to `lost`.
pub(super) fn fit(messages: &Bytes, roles: &[Role], lost: &mut Lost) -> Result<Bytes, Problem> {
    if roles.is_empty() {
        return Ok(messages.clone());
    }
    let mut scanner = Scanner::new(json::utf8(messages)?);
    let mut items = scanner.array()?;
    let mut fitting = BytesMut::new();
    // Up to where the messages stand in `fitting`.
    let mut written = 0;
    let mut at = 0_usize;
    while scanner.item(&mut items)? {
        let kind = scanner.kind()?;
        let begin = scanner.position();
        scanner.skip()?;
        let range = begin..scanner.position();
        if kind == Kind::Object {
            let message = cut(messages, range.clone());
            let path = format!("messages[{at}]");
            if let Some(fitted) = message_of(&message, roles, &path, lost)? {
                fitting.put_slice(&cut(messages, written..range.start));
                fitting.put_slice(&fitted);
                written = range.end;
            }
        }
        at += 1;
    }
    if written == 0 {
        return Ok(messages.clone());
    }
    fitting.put_slice(&cut(messages, written..messages.len()));
    Ok(fitting.freeze())
}

/// A message without what is not known of its role; `None` if it may stay as it is.
fn message_of(
    message: &Bytes,
    roles: &[Role],
    path: &str,
    lost: &mut Lost,
) -> Result<Option<Bytes>, Problem> {
    let members = members(message)?;
    let text = |member: &Member| cut(message, member.value.clone());
    let named = members.iter().find(|member| member.name == "role");
    let named = named.map(text).unwrap_or_default();
    let role = roles
        .iter()
        .find(|role| named.trim_ascii() == format!("\"{}\"", role.name).as_bytes());
    let Some(role) = role else {
        return Ok(None);
    };
    let is_known = |member: &Member| role.members.contains(&&*member.name);
    if members.iter().all(is_known) {
        return Ok(None);
    }
    let mut fitted = BytesMut::from(&b"{"[..]);
    for member in &members {
        let value = text(member);
        if is_known(member) {
            if fitted.len() > 1 {
                fitted.put_u8(b',');
            }
            fitted.put_slice(&super::json_string(&member.name));
            fitted.put_u8(b':');
            fitted.put_slice(&value);
        } else if member.kind != Kind::Null && !is_empty(&value) && *value != *b"\"\"" {
            lost.push(format!("{path}.{}", member.name));
        }
    }
    fitted.put_u8(b'}');
    Ok(Some(fitted.freeze()))
}
