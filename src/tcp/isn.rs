//! temporary
use super::connection::Tuple;
use super::sequence::Seq;
use crate::rng::Rng;
use crate::time::Instant;
pub(crate) struct Isn(u32);
impl Isn {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self(rng.next_u32())
    }
    pub(crate) fn secrets(&mut self, _: &Tuple, now: Instant) -> (Seq, u32) {
        (Seq((now.as_micros() / 4) as u32 ^ self.0), self.0)
    }
}
