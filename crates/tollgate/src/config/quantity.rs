//! Sizes as people write them: `20MiB`, `512KiB`, `4096`.

/// Units, the largest first, with how many bytes each is.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// Reads a number of bytes, with or without a unit. Returns `None` for anything else, and for
/// more than 64 bits hold.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.trim_start();
    let factor = if unit.is_empty() {
        1
    } else {
        UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))?
            .1
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Writes a number of bytes in the largest binary unit that divides it.
pub(super) fn format_size(bytes: u64) -> String {
    let binary = UNITS.iter().filter(|(name, _)| name.ends_with("iB"));
    for (name, factor) in binary {
        if bytes >= *factor && bytes.is_multiple_of(*factor) {
            return format!("{}{name}", bytes / factor);
        }
    }
    format!("{bytes}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        for (text, bytes) in [
            ("20MiB", Some(20 << 20)),
            ("512 KiB", Some(512 << 10)),
            ("1GiB", Some(1 << 30)),
            ("4096", Some(4096)),
            ("10MB", Some(10_000_000)),
            ("1kb", Some(1000)),
            ("7B", Some(7)),
            ("", None),
            ("MiB", None),
            ("-1", None),
            ("1.5MiB", None),
            ("20 megabytes", None),
            ("99999999999999999999", None),
            ("18446744073709551615GiB", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }

    #[test]
    fn a_written_size_reads_as_itself() {
        for bytes in [1, 1000, 1024, 20 << 20, 3 << 30, (1 << 20) + 1] {
            assert_eq!(parse_size(&format_size(bytes)), Some(bytes));
        }
        assert_eq!(format_size(20 << 20), "20MiB");
    }
}
