//! A gate where nobody looks at what passes.

use super::core::InterfaceId;
use super::waiters::Waiters;
use crate::link::Capabilities;
use crate::netbuf::NetBuf;

/// A frame that somebody wants to see: there is none.
pub(super) enum Watched {}

/// Nothing.
pub(crate) struct Gate;

impl Gate {
    pub(super) const fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(super) const fn is_watched(&self) -> bool {
        false
    }

    #[inline(always)]
    pub(super) fn copy(&mut self, _: InterfaceId, _: &Capabilities, _: &NetBuf) -> Option<Watched> {
        None
    }

    #[inline(always)]
    pub(super) fn sent(&mut self, _: &Watched, _: &mut Waiters<'_>) {}
}
