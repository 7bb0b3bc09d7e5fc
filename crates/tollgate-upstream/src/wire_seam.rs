//! Temporary.
/// T.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminator {
    /// D.
    Done,
    /// F.
    FinishThenEnd,
}
