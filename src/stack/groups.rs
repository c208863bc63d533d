//! What follows when groups are joined and left: who is told, and the reports of IGMP and MLD.

use core::net::IpAddr;

use super::core::{Core, InterfaceId};
use super::handle::Stack;
#[cfg(any(feature = "igmp", feature = "mld"))]
use super::timers::GROUPS;
#[cfg(any(feature = "igmp", feature = "mld"))]
use super::transmit::HEADROOM;
use crate::iface::EventKind;
#[cfg(any(feature = "igmp", feature = "mld"))]
use crate::iface::group::Protocol;
#[cfg(feature = "multicast")]
use crate::iface::{AddressError, Member};
#[cfg(any(feature = "igmp", feature = "mld"))]
use crate::iface::{Interface, SendDrop};
#[cfg(any(feature = "igmp", feature = "mld"))]
use crate::ip::membership::{Due, Record};
#[cfg(any(feature = "igmp", feature = "mld"))]
use crate::netbuf::{NetBuf, NoBuffer, Purpose};
#[cfg(feature = "multicast")]
use crate::wire::IpAddress;
#[cfg(any(feature = "igmp", feature = "mld"))]
use crate::wire::group_report::{HEADER_LENGTH, RECORD_LENGTH, write_record};

impl Core<'_> {
    /// Sees to groups that were joined or left in this poll.
    pub(super) fn look_at_groups(&mut self) {
        for index in 0..self.interfaces.len() {
            let Some(Some(interface)) = self.interfaces.get_mut(index) else {
                continue;
            };
            if interface.groups.take_changed() {
                self.groups_changed(index as InterfaceId);
            }
        }
    }

    /// Groups of an interface may have been joined or left: tells the driver, those who want to
    /// know, and routers.
    #[cold]
    pub(crate) fn groups_changed(&mut self, id: InterfaceId) {
        self.kick(id);
        while let Some((group, is_joined)) = self
            .interface_mut(id)
            .and_then(|interface| interface.groups.take_event())
        {
            let group = group.into();
            self.emit(
                id,
                match is_joined {
                    true => EventKind::GroupJoined(group),
                    false => EventKind::GroupLeft(group),
                },
            );
        }
        #[cfg(feature = "mld")]
        if let Some(interface) = self.interface_mut(id) {
            interface.tell_unheeded();
        }
        #[cfg(any(feature = "igmp", feature = "mld"))]
        {
            self.send_reports(id);
            self.arm_groups();
        }
    }
}

#[cfg(feature = "multicast")]
impl Core<'_> {
    /// Joins a group on an interface for a socket, or for the application as a whole, or leaves it.
    pub(crate) fn group_membership(
        &mut self,
        group: IpAddr,
        id: InterfaceId,
        member: Member,
        join: bool,
    ) -> Result<(), AddressError> {
        let group = IpAddress::try_from(group).map_err(|_| AddressError::UnsupportedFamily)?;
        let interface = self.interface_mut(id).ok_or(AddressError::NoInterface)?;
        let result = match join {
            true => interface.join(group, member),
            false if interface.leave(group, member) => Ok(()),
            false => Err(AddressError::Invalid),
        };
        self.groups_changed(id);
        result
    }
}

impl Stack<'_> {
    /// The groups that are listened to on an interface.
    pub fn groups(self, id: InterfaceId) -> impl Iterator<Item = IpAddr> {
        // The core is borrowed for one at a time: what is done with it may use the stack.
        (0..crate::config::GROUPS).filter_map(move |place| {
            self.visit(|core| {
                let groups = &core.interface(id)?.groups.groups;
                let group = groups.get(place)?.filter(|group| group.members > 0)?;
                Some(group.address.into())
            })
        })
    }
}

#[cfg(feature = "multicast")]
impl Stack<'_> {
    /// Listens to a group on an interface without a socket, for those who take in all that comes.
    ///
    /// # Errors
    ///
    /// See [`AddressError`]. To join twice is to have joined once.
    pub fn join_group(self, id: InterfaceId, group: IpAddr) -> Result<(), AddressError> {
        self.with(|core| core.group_membership(group, id, Member::APPLICATION, true))
    }

    /// Ends what [`Stack::join_group`] began.
    ///
    /// # Errors
    ///
    /// [`AddressError::Invalid`] if the group was not joined.
    pub fn leave_group(self, id: InterfaceId, group: IpAddr) -> Result<(), AddressError> {
        self.with(|core| core.group_membership(group, id, Member::APPLICATION, false))
    }
}

/// A report of the newest version that is being written.
#[cfg(any(feature = "igmp", feature = "mld"))]
struct Draft {
    buf: NetBuf,
    records: u16,
}

#[cfg(any(feature = "igmp", feature = "mld"))]
impl Core<'_> {
    /// Does what is due of all groups.
    pub(super) fn poll_groups(&mut self) {
        for index in 0..self.interfaces.len() {
            self.send_reports(index as InterfaceId);
        }
        self.arm_groups();
    }

    /// Sets the timer of the groups to the earliest of their deadlines.
    pub(super) fn arm_groups(&mut self) {
        let deadlines = self.interfaces().filter_map(|(_, i)| i.groups.deadline());
        let deadline = deadlines.min();
        self.set_timer(GROUPS, deadline);
    }

    /// The link of an interface is up, or down, or another one: what routers knew of its groups they
    /// know no longer.
    #[cold]
    pub(super) fn tell_groups_anew(&mut self, id: InterfaceId, protocols: &[Protocol]) {
        if let Some(interface) = self.interface_mut(id) {
            for protocol in protocols {
                interface.groups.tell_anew(*protocol);
            }
        }
        self.groups_changed(id);
    }

    /// Sends the reports of an interface that are due.
    #[cold]
    pub(super) fn send_reports(&mut self, id: InterfaceId) {
        for protocol in Protocol::ALL {
            let result = self.send_reports_of(id, *protocol);
            if let Err(reason) = result {
                self.not_sent(id, reason);
            }
        }
    }

    fn send_reports_of(&mut self, id: InterfaceId, protocol: Protocol) -> Result<(), SendDrop> {
        let now = self.now;
        let Some(interface) = self.interface_mut(id) else {
            return Ok(());
        };
        if !interface.groups.is_due(protocol, now) {
            return Ok(());
        }
        if !interface.is_up() || interface.is_loopback() || !interface.speaks(protocol) {
            // Nobody hears it; all is told once somebody does.
            interface.groups.forget_pending(protocol);
            return Ok(());
        }
        let mut draft = match self.draft() {
            Ok(draft) => draft,
            Err(NoBuffer) => {
                if let Some(interface) = self.interface_mut(id) {
                    interface.groups.put_off(protocol, now);
                }
                return Err(SendDrop::NoBuffer);
            }
        };
        let mut result = Ok(());
        while let Some(due) = match self.interfaces.get_mut(usize::from(id)) {
            Some(Some(interface)) => interface.groups.due(protocol, now, &mut self.rng),
            _ => None,
        } {
            let sent = match due {
                Due::Records(first, second) => [Some(first), second]
                    .into_iter()
                    .flatten()
                    .try_for_each(|record| self.add_record(id, protocol, &mut draft, &record)),
                Due::Report(..) | Due::Leave(_) => self.send_older_report(id, due),
            };
            result = result.and(sent);
        }
        result.and(self.finish_report(id, protocol, draft))
    }

    fn draft(&self) -> Result<Draft, NoBuffer> {
        // Written over when the number of records is known.
        let buf = self.control_message(&[0; HEADER_LENGTH])?;
        Ok(Draft { buf, records: 0 })
    }

    /// A message of control in a buffer, with room for headers in front.
    pub(super) fn control_message(&self, message: &[u8]) -> Result<NetBuf, NoBuffer> {
        let mut buf = self.pool.alloc(Purpose::Control, HEADROOM)?;
        buf.append(message)?;
        Ok(buf)
    }

    /// Adds a record to a report. The report is sent and another one begun where it does not fit
    /// (RFC 3376 §4.2.16, RFC 3810 §5.2.15).
    fn add_record(
        &mut self,
        id: InterfaceId,
        protocol: Protocol,
        draft: &mut Draft,
        record: &Record,
    ) -> Result<(), SendDrop> {
        let size = address_length(record.group);
        let mut left = record.sources;
        loop {
            let interface = self.interface(id).ok_or(SendDrop::NoRoute)?;
            let most = interface.mtu().saturating_sub(report_overhead(protocol));
            let room = most.checked_sub(draft.buf.len() + RECORD_LENGTH + size);
            let fits = room.map(|room| room / size);
            if fits.is_none_or(|fits| fits < left.len()) && draft.records > 0 {
                let fresh = self.draft().map_err(|_| SendDrop::NoBuffer)?;
                let full = core::mem::replace(draft, fresh);
                self.finish_report(id, protocol, full)?;
                continue;
            }
            let part = match fits {
                Some(fits) if fits > 0 || left.is_empty() => left.first(fits),
                _ => return Err(SendDrop::TooLong),
            };
            let mut head = [0; RECORD_LENGTH];
            write_record(&mut head, record.kind, part.len() as u16);
            let buf = &mut draft.buf;
            let mut written = buf
                .append(&head)
                .and_then(|()| append_address(buf, record.group));
            for place in part.places() {
                if let Some(Some(source)) = interface.groups.sources.get(place) {
                    written = written.and_then(|()| append_address(buf, source.address));
                }
            }
            if let Err(NoBuffer) = written {
                // Half a record would spoil the others.
                let _: Result<Draft, NoBuffer> =
                    self.draft().map(|fresh| core::mem::replace(draft, fresh));
                return Err(SendDrop::NoBuffer);
            }
            draft.records = draft.records.saturating_add(1);
            left = left.minus(part);
            if left.is_empty() || record.kind.is_exclude() {
                return Ok(());
            }
        }
    }

    /// Sends a report, unless nothing is in it.
    fn finish_report(
        &mut self,
        id: InterfaceId,
        protocol: Protocol,
        draft: Draft,
    ) -> Result<(), SendDrop> {
        if draft.records == 0 {
            return Ok(());
        }
        match protocol {
            #[cfg(feature = "igmp")]
            Protocol::Igmp => self.send_igmp_report(id, draft.buf, draft.records),
            #[cfg(feature = "mld")]
            Protocol::Mld => self.send_mld_report(id, draft.buf, draft.records),
        }
    }

    /// Sends a message of an older version.
    fn send_older_report(&mut self, id: InterfaceId, due: Due) -> Result<(), SendDrop> {
        let (version, group) = match due {
            Due::Report(version, group) => (Some(version), group),
            Due::Leave(group) => (None, group),
            Due::Records(..) => return Ok(()),
        };
        match group {
            #[cfg(feature = "igmp")]
            crate::wire::IpAddress::V4(group) => self.send_older_igmp(id, version, group),
            #[cfg(feature = "mld")]
            crate::wire::IpAddress::V6(group) => self.send_older_mld(id, version, group),
            #[cfg(not(all(feature = "igmp", feature = "mld")))]
            #[allow(unreachable_patterns)]
            _ => Ok(()),
        }
    }
}

#[cfg(any(feature = "igmp", feature = "mld"))]
impl Interface<'_> {
    /// Whether the interface has the IP version of a protocol.
    fn speaks(&self, protocol: Protocol) -> bool {
        match protocol {
            #[cfg(feature = "igmp")]
            Protocol::Igmp => self.carries(core::net::Ipv4Addr::UNSPECIFIED.into()),
            #[cfg(feature = "mld")]
            Protocol::Mld => self.carries(core::net::Ipv6Addr::UNSPECIFIED.into()),
        }
    }
}

/// Bytes of IP headers in front of a report.
#[cfg(any(feature = "igmp", feature = "mld"))]
const fn report_overhead(protocol: Protocol) -> usize {
    match protocol {
        #[cfg(feature = "igmp")]
        Protocol::Igmp => super::igmp::IP_LENGTH,
        #[cfg(feature = "mld")]
        Protocol::Mld => super::mld::IP_LENGTH,
    }
}

#[cfg(any(feature = "igmp", feature = "mld"))]
const fn address_length(address: crate::wire::IpAddress) -> usize {
    match address {
        #[cfg(feature = "ipv4")]
        crate::wire::IpAddress::V4(_) => 4,
        #[cfg(feature = "ipv6")]
        crate::wire::IpAddress::V6(_) => 16,
    }
}

#[cfg(any(feature = "igmp", feature = "mld"))]
fn append_address(buf: &mut NetBuf, address: crate::wire::IpAddress) -> Result<(), NoBuffer> {
    match address {
        #[cfg(feature = "ipv4")]
        crate::wire::IpAddress::V4(address) => buf.append(&address.octets()),
        #[cfg(feature = "ipv6")]
        crate::wire::IpAddress::V6(address) => buf.append(&address.octets()),
    }
}
