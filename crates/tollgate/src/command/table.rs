//! Values as people read them in a terminal, in columns.

use serde_json::Value;

/// Rows in columns that are as wide as their widest cell.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}  "));
        text.push_str(cells.collect::<String>().trim_end());
        text.push('\n');
    }
    text
}

/// A value as people read it. Names come from elsewhere and must not steer the terminal.
pub(super) fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let items: Vec<_> = items.iter().map(|item| cell(Some(item))).collect();
            items.join(",")
        }
        Some(other) => other.to_string(),
    };
    text.chars()
        .map(|letter| if letter.is_control() { '?' } else { letter })
        .collect()
}

/// A value below this JSON pointer, as people read it.
pub(super) fn at(value: &Value, pointer: &str) -> String {
    cell(value.pointer(pointer))
}

/// One thing, a fact per line.
pub(super) fn sheet(value: &Value, rows: &[(&str, &str)]) -> String {
    let lines = rows.iter().map(|(title, pointer)| {
        let line = format!("{title:<13}{}", at(value, pointer));
        format!("{}\n", line.trim_end())
    });
    lines.collect()
}

/// The rows of a list of this name, one per line, in columns.
pub(super) fn list<const N: usize>(value: &Value, name: &str, of: [(&str, &str); N]) -> String {
    let items = value.get(name).and_then(Value::as_array);
    let mut rows = vec![of.map(|(title, _)| title.to_owned())];
    rows.extend(
        items
            .into_iter()
            .flatten()
            .map(|item| of.map(|(_, pointer)| at(item, pointer))),
    );
    columns(&rows)
}

/// Milliseconds below this pointer as people read them: `850 ms`, `2.5 s`.
pub(super) fn time(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer).and_then(Value::as_u64) {
        None => "-".to_owned(),
        Some(ms) if ms < 1000 => format!("{ms} ms"),
        Some(ms) => {
            let tenths = ms.div_ceil(100);
            match (tenths / 10, tenths % 10) {
                (whole, 0) => format!("{whole} s"),
                (whole, rest) => format!("{whole}.{rest} s"),
            }
        }
    }
}

/// What is used of limits, as people read it: `3/60 rpm, 0/8 parallel`; `-` where nothing is
/// limited.
pub(super) fn limits(limits: Option<&Value>, used: Option<&Value>) -> String {
    const NAMES: [(&str, &str); 3] = [
        ("rpm", "requests"),
        ("tpm", "tokens"),
        ("parallel", "parallel"),
    ];
    let parts: Vec<String> = NAMES
        .iter()
        .filter_map(|(limit, of)| {
            let most = limits?.get(limit)?.as_u64()?;
            let used = used.and_then(|used| used.get(of)).and_then(Value::as_u64);
            Some(format!("{}/{most} {limit}", used.unwrap_or_default()))
        })
        .collect();
    if parts.is_empty() {
        "-".to_owned()
    } else {
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["A", "B"], ["long", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "A     B\nlong  x\n");
    }

    #[test]
    fn values_never_steer_the_terminal() {
        assert_eq!(cell(Some(&json!("a\u{1b}[31m"))), "a?[31m");
        assert_eq!(cell(Some(&json!(["a", 1]))), "a,1");
        assert_eq!(cell(Some(&Value::Null)), "-");
    }

    #[test]
    fn times_and_limits_are_read_at_a_glance() {
        let value = json!({"a": 850, "b": 2501, "c": 60_000, "d": null});
        let read = ["/a", "/b", "/c", "/d"].map(|pointer| time(&value, pointer));
        assert_eq!(read, ["850 ms", "2.6 s", "60 s", "-"]);
        let (most, used) = (json!({"rpm": 60, "tpm": null}), json!({"requests": 3}));
        assert_eq!(limits(Some(&most), Some(&used)), "3/60 rpm");
        assert_eq!(limits(Some(&json!({})), None), "-");
    }
}
