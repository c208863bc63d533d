//! Sequence numbers: RFC 9293 §3.4, modulo 2^32.

use core::ops::{Add, AddAssign, Sub};

/// A sequence number.
///
/// Which of two is the earlier one is only known while less than 2^31 lie between them, as the
/// limit on windows sees to (RFC 7323 §2.3). Therefore there is no `Ord`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Seq(pub(crate) u32);

impl Seq {
    /// How many numbers on from `other` this is; negative if it is before. 2^31, where both are
    /// as far from each other, is the lowest value.
    pub(crate) const fn since(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// How many numbers there are from `start` up to this one, which is known not to be before it.
    pub(crate) const fn distance(self, start: Self) -> u32 {
        self.0.wrapping_sub(start.0)
    }

    /// Whether this is earlier than `other`: "<".
    pub(crate) const fn is_before(self, other: Self) -> bool {
        self.since(other) < 0
    }

    /// Whether this is later than `other`: ">".
    pub(crate) const fn is_after(self, other: Self) -> bool {
        other.is_before(self)
    }

    /// Whether this is one of the `length` numbers from `start` on: `start` =< this < `start` +
    /// `length`. Holds for every length; nothing is in a window of zero.
    pub(crate) const fn in_window(self, start: Self, length: u32) -> bool {
        self.distance(start) < length
    }

    /// The earlier one of both.
    pub(crate) const fn min(self, other: Self) -> Self {
        if other.is_before(self) { other } else { self }
    }

    /// The later one of both.
    pub(crate) const fn max(self, other: Self) -> Self {
        if self.is_before(other) { other } else { self }
    }
}

impl Add<u32> for Seq {
    type Output = Self;

    fn add(self, length: u32) -> Self {
        Self(self.0.wrapping_add(length))
    }
}

impl AddAssign<u32> for Seq {
    fn add_assign(&mut self, length: u32) {
        *self = *self + length;
    }
}

impl Sub<u32> for Seq {
    type Output = Self;

    fn sub(self, length: u32) -> Self {
        Self(self.0.wrapping_sub(length))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    const HALF: u32 = 1 << 31;

    #[test]
    fn numbers_go_on_behind_the_wrap() {
        let last = Seq(u32::MAX);
        assert_eq!(last + 1, Seq(0));
        assert_eq!(Seq(0) - 1, last);
        assert!(last.is_before(Seq(0)) && Seq(0).is_after(last));
        assert_eq!((Seq(5).since(last), last.since(Seq(5))), (6, -6));
        assert_eq!(last.max(Seq(3)), Seq(3));
        let mut next = Seq(0xffff_fff0);
        next += 0x20;
        assert_eq!(next, Seq(0x10));
    }

    #[test]
    fn number_is_neither_before_nor_after_itself() {
        let number = Seq(7);
        assert!(!number.is_before(number) && !number.is_after(number));
        assert_eq!((number.since(number), number.distance(number)), (0, 0));
    }

    #[test]
    fn window_has_its_first_number_and_not_the_one_behind_its_last() {
        for start in [Seq(1000), Seq(u32::MAX - 2), Seq(u32::MAX), Seq(0)] {
            assert!(!(start - 1).in_window(start, 10));
            assert!(start.in_window(start, 10));
            assert!((start + 9).in_window(start, 10));
            assert!(!(start + 10).in_window(start, 10));
            assert!(!start.in_window(start, 0));
        }
    }

    #[test]
    fn order_turns_round_at_half_the_space() {
        let start = Seq(0xc000_0000);
        assert!(start.is_before(start + (HALF - 1)));
        assert!(start.is_after(start + (HALF + 1)));
        assert_eq!((start + HALF).since(start), i32::MIN);
    }

    proptest! {
        #[test]
        fn sum_is_as_far_on_as_was_added(start: u32, length: u32) {
            let start = Seq(start);
            prop_assert_eq!((start + length).distance(start), length);
            prop_assert_eq!(start + length - length, start);
            prop_assert_eq!((start + length).since(start), length as i32);
        }

        #[test]
        fn order_does_not_depend_on_the_place(start: u32, length in 1..HALF) {
            let (first, second) = (Seq(start), Seq(start) + length);
            prop_assert!(first.is_before(second) && second.is_after(first));
            prop_assert!(!second.is_before(first) && !first.is_after(second));
            prop_assert_eq!((first.max(second), second.max(first)), (second, second));
            prop_assert_eq!(first.since(second), -(length as i32));
        }

        #[test]
        fn windows_do_not_depend_on_the_place(start: u32, offset: u32, length: u32) {
            let inside = (Seq(start) + offset).in_window(Seq(start), length);
            prop_assert_eq!(inside, offset < length);
        }
    }
}
