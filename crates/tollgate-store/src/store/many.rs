//! Statements that write many rows at once.

use std::fmt::Write as _;

/// `($1, $2), ($3, $4)`: places for so many rows of so many columns.
pub(super) fn places(rows: usize, columns: usize) -> String {
    let mut places = String::with_capacity(rows * columns * 6);
    for place in 0..rows * columns {
        let before = match place % columns {
            0 if place == 0 => "(",
            0 => "), (",
            _ => ", ",
        };
        // Writing into a text cannot fail.
        _ = write!(places, "{before}${}", place + 1);
    }
    places.push(')');
    places
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_value_has_a_place() {
        assert_eq!(super::places(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(super::places(1, 1), "($1)");
    }
}
