//! The headers of a frame: a name, a type, and a value whose length the type tells.

use bytes::Buf;

use super::Frame;

/// Reads the headers. `None` if they are broken.
pub(super) fn read(mut bytes: &[u8]) -> Option<Frame> {
    let mut frame = Frame::default();
    while !bytes.is_empty() {
        let length = usize::from(bytes.try_get_u8().ok()?);
        let name = take(&mut bytes, length)?;
        let (kind, value) = value(&mut bytes)?;
        let place = match name {
            b":message-type" => &mut frame.message_type,
            b":event-type" => &mut frame.event_type,
            b":exception-type" => &mut frame.exception_type,
            b":error-code" => &mut frame.error_code,
            b":error-message" => &mut frame.error_message,
            _ => continue,
        };
        if kind == STRING {
            *place = Some(std::str::from_utf8(value).ok()?.to_owned());
        }
    }
    Some(frame)
}

/// The type of texts.
const STRING: u8 = 7;

/// Takes the type and the bytes of a value.
fn value<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let kind = bytes.try_get_u8().ok()?;
    let length = match kind {
        // True and false.
        0 | 1 => 0,
        // Integers of one, two, four and eight bytes.
        2 => 1,
        3 => 2,
        4 => 4,
        5 => 8,
        // Bytes and strings.
        6 | STRING => usize::from(bytes.try_get_u16().ok()?),
        // Milliseconds since 1970.
        8 => 8,
        // A UUID.
        9 => 16,
        _ => return None,
    };
    Some((kind, take(bytes, length)?))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}
