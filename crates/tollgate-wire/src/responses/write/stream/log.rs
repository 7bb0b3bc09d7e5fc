//! The events of a stream as they are numbered, and the items that they complete.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// What has been written of a stream.
pub(super) struct Log {
    /// What ids are made from.
    request_id: String,
    /// The number of the next event.
    pub(super) sequence: u64,
    /// The items so far; those that are not complete are `null`.
    pub(super) output: Vec<Value>,
}

/// The place of an item in the output, and its id.
pub(super) struct Place {
    pub(super) index: usize,
    pub(super) id: String,
}

impl Place {
    /// The data of an event about a part of the item.
    pub(super) fn of_part<const N: usize>(
        &self,
        (counted, part): (&str, usize),
        more: [(&str, Value); N],
    ) -> Value {
        let mut data = Map::new();
        data.insert("item_id".to_owned(), self.id.as_str().into());
        data.insert("output_index".to_owned(), self.index.into());
        data.insert(counted.to_owned(), part.into());
        data.extend(more.map(|(name, value)| (name.to_owned(), value)));
        Value::Object(data)
    }
}

/// Which of an item's texts a stretch belongs to.
#[derive(Clone, Copy)]
pub(super) enum Within {
    /// The part of a message with this index, as text.
    Text(usize),
    /// The part of a message with this index, as a refusal.
    Refusal(usize),
    /// The only part of a summary.
    Summary,
    /// The arguments of a call.
    Arguments,
    /// The free text of a call.
    Input,
}

/// A stretch of a text.
#[derive(Serialize)]
struct Stretch<'a> {
    r#type: &'static str,
    sequence_number: u64,
    item_id: &'a str,
    output_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary_index: Option<usize>,
    delta: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<[(); 0]>,
}

impl Log {
    pub(super) fn new(request_id: &str) -> Self {
        Self {
            request_id: request_id.to_owned(),
            sequence: 0,
            output: Vec::new(),
        }
    }

    /// Makes room for an item, whose id begins with `lead`.
    pub(super) fn place(&mut self, lead: &str) -> Place {
        let index = self.output.len();
        self.output.push(Value::Null);
        let id = format!("{lead}_{}_{index}", self.request_id);
        Place { index, id }
    }

    /// Appends an event of this type; the object gets its type and its number.
    pub(super) fn event(&mut self, kind: &'static str, data: Value, out: &mut Vec<u8>) {
        let mut event = Map::new();
        event.insert("type".to_owned(), kind.into());
        event.insert("sequence_number".to_owned(), self.sequence.into());
        if let Value::Object(data) = data {
            event.extend(data);
        }
        self.sequence += 1;
        append(kind, Value::Object(event).to_string().as_bytes(), out);
    }

    /// Says that an item begins.
    pub(super) fn added(&mut self, place: &Place, item: &Value, out: &mut Vec<u8>) {
        let data = json!({"output_index": place.index, "item": item});
        self.event("response.output_item.added", data, out);
    }

    /// Says that an item is complete.
    pub(super) fn done(&mut self, place: &Place, item: Value, out: &mut Vec<u8>) {
        let data = json!({"output_index": place.index, "item": item});
        if let Some(place) = self.output.get_mut(place.index) {
            *place = item;
        }
        self.event("response.output_item.done", data, out);
    }

    /// Tells the next stretch of a text of an item.
    pub(super) fn stretch(&mut self, place: &Place, within: Within, text: &str, out: &mut Vec<u8>) {
        let (kind, content_index, summary_index) = match within {
            Within::Text(part) => ("response.output_text.delta", Some(part), None),
            Within::Refusal(part) => ("response.refusal.delta", Some(part), None),
            Within::Summary => ("response.reasoning_summary_text.delta", None, Some(0)),
            Within::Arguments => ("response.function_call_arguments.delta", None, None),
            Within::Input => ("response.custom_tool_call_input.delta", None, None),
        };
        let stretch = Stretch {
            r#type: kind,
            sequence_number: self.sequence,
            item_id: &place.id,
            output_index: place.index,
            content_index,
            summary_index,
            delta: text,
            logprobs: matches!(within, Within::Text(_)).then_some([]),
        };
        self.sequence += 1;
        // Texts and numbers can always be written.
        let data = serde_json::to_vec(&stretch).unwrap_or_default();
        append(kind, &data, out);
    }
}

fn append(kind: &str, data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}
