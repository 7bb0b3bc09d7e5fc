//! A part of a thing that most things do not have: it takes the place of a pointer until it is
//! different from the usual one. Among a million keys that is the difference.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// What most have.
pub trait Usual: Clone + PartialEq + 'static {
    /// The one that all share.
    fn usual() -> &'static Self;
}

/// A value that mostly is the usual one.
#[derive(Clone)]
pub struct Rare<T>(Option<Box<T>>);

impl<T> Default for Rare<T> {
    /// The usual one.
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Usual> From<T> for Rare<T> {
    fn from(value: T) -> Self {
        Self((value != *T::usual()).then(|| Box::new(value)))
    }
}

impl<T: Usual> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::usual())
    }
}

impl<T: Usual> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_with(|| Box::new(T::usual().clone()))
    }
}

impl<T: Usual> PartialEq for Rare<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Usual + Eq> Eq for Rare<T> {}

impl<T: Usual + fmt::Debug> fmt::Debug for Rare<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Usual for u64 {
        fn usual() -> &'static Self {
            &7
        }
    }

    #[test]
    fn the_usual_value_takes_no_place_of_its_own() {
        assert_eq!(size_of::<Rare<[u64; 8]>>(), size_of::<usize>());
        assert!(Rare::from(7).0.is_none());
        assert_eq!(*Rare::<u64>::default(), 7);
        assert_eq!(*Rare::from(8), 8);
    }

    #[test]
    fn a_value_is_equal_to_itself_wherever_it_lies() {
        let mut changed = Rare::from(8);
        *changed = 7;
        assert!(changed.0.is_some());
        assert_eq!(changed, Rare::default());
        assert_ne!(changed, Rare::from(8));
        assert_eq!(format!("{changed:?}"), "7");
    }
}
