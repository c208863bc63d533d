//! The packet filter: where packets meet its rules, and how those are changed.

use super::core::{Core, InterfaceId};
use super::gate::Gate;
use super::handle::Stack;
use crate::iface::{
    FilterCount, FilterError, FilterList, FilterPolicy, FilterRule, Look, ReceiveDrop, Verdict,
};
use crate::link::Capabilities;
use crate::netbuf::NetBuf;

impl Gate {
    /// Whether a frame may go out.
    #[cold]
    #[inline(never)]
    pub(super) fn lets_out(
        &mut self,
        id: InterfaceId,
        link: &Capabilities,
        frame: &NetBuf,
    ) -> bool {
        let look = Look::at_frame(id, link, frame);
        self.filter.judge(FilterList::Send, &look) == Verdict::Accept
    }
}

impl Core<'_> {
    /// Holds a frame that has come in against the rules.
    pub(super) fn filter_received(
        &mut self,
        id: InterfaceId,
        frame: &NetBuf,
    ) -> Result<(), ReceiveDrop> {
        let Some(Some(interface)) = self.interfaces.get(usize::from(id)) else {
            return Err(ReceiveDrop::InterfaceDown);
        };
        let look = Look::at_frame(id, &interface.capabilities, frame);
        match self.gate.filter.judge(FilterList::Receive, &look) {
            Verdict::Accept => Ok(()),
            _ => Err(ReceiveDrop::Filter),
        }
    }

    /// Holds a packet for this host against the rules.
    #[cold]
    #[inline(never)]
    pub(super) fn filter_local(&mut self, id: InterfaceId, packet: &NetBuf) -> Verdict {
        let look = Look::at_packet(id, packet.meta().network.into(), packet);
        self.gate.filter.judge(FilterList::Local, &look)
    }

    /// Changes the rules.
    fn change_filter(
        &mut self,
        change: impl FnOnce(&mut crate::iface::Filter) -> Result<(), FilterError>,
    ) -> Result<(), FilterError> {
        let result = change(&mut self.gate.filter);
        self.gate.look_around();
        result
    }
}

/// The packet filter (feature `packet-filter`).
///
/// Packets are held against the rules of a list in their order, until one says what becomes of
/// them; else the policy of the list does. A change is whole before the next packet comes.
impl Stack<'_> {
    /// Puts a rule in front of the one at `position` of a list; at the end, if the list has as many.
    pub fn insert_filter_rule(
        self,
        list: FilterList,
        position: usize,
        rule: &FilterRule,
    ) -> Result<(), FilterError> {
        self.visit(|core| core.change_filter(|filter| filter.insert(list, position, rule)))
    }

    /// Puts a rule at the end of a list.
    pub fn append_filter_rule(
        self,
        list: FilterList,
        rule: &FilterRule,
    ) -> Result<(), FilterError> {
        self.visit(|core| core.change_filter(|filter| filter.insert(list, filter.len(list), rule)))
    }

    /// Takes the rule at `position` out of a list.
    pub fn remove_filter_rule(self, list: FilterList, position: usize) -> Result<(), FilterError> {
        self.visit(|core| core.change_filter(|filter| filter.remove(list, position)))
    }

    /// Gives a list other rules and another policy at once; after an error it is as before.
    pub fn replace_filter(
        self,
        list: FilterList,
        rules: &[FilterRule],
        policy: FilterPolicy,
    ) -> Result<(), FilterError> {
        self.visit(|core| core.change_filter(|filter| filter.replace(list, rules, policy)))
    }

    /// Sets what becomes of packets that no rule of a list decides about: at first they pass.
    pub fn set_filter_policy(self, list: FilterList, policy: FilterPolicy) {
        self.visit(|core| {
            core.gate.filter.set_policy(list, policy);
            core.gate.look_around();
        });
    }

    /// What becomes of packets that no rule of a list decides about.
    pub fn filter_policy(self, list: FilterList) -> FilterPolicy {
        self.visit(|core| core.gate.filter.policy(list))
    }

    /// The rule at `position` of a list, and what it has matched.
    pub fn filter_rule(
        self,
        list: FilterList,
        position: usize,
    ) -> Option<(FilterRule, FilterCount)> {
        self.visit(|core| core.gate.filter.get(list, position))
    }
}
