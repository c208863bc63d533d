//! Filters of sources: RFC 3678 §4 and §5, RFC 3376 §3, RFC 3810 §4.

use std::net::IpAddr;

use zonda::iface::{AddressError, FilterMode, ReceiveDrop};

use super::talk::*;
use crate::alone::*;
use crate::frame::*;
use crate::network::*;

/// A datagram to port 7000 of a group, as a frame.
fn datagram(a: &Alone, source: IpAddr, group: IpAddr) -> Vec<u8> {
    let datagram = udp((source, 9), (group, 7000), b"to all of you");
    a.to(group_mac(group), &ip(source, group, UDP, &datagram))
}

#[test]
fn socket_receives_from_the_sources_that_it_wants() {
    for family in FAMILIES {
        let l = listener(family);
        let (id, group) = (l.interface(), family.group(1));
        let bind = zonda::socket::UdpBind::new("[::]:7000".parse().unwrap()).reuse(true);
        let [all, one, but_one] = [(); 3].map(|()| l.a.host.udp_bind(bind));
        all.join(group, id).unwrap();
        one.join_source(group, family.source(1), id).unwrap();
        but_one.join(group, id).unwrap();
        but_one.block_source(group, family.source(1), id).unwrap();
        for (source, wanted) in [(1, [true, true, false]), (2, [true, false, true])] {
            l.a.peer.send(datagram(&l.a, family.source(source), group));
            l.a.net.run_for(ms(1));
            let received = [&all, &one, &but_one].map(|socket| socket.try_recv().is_some());
            assert_eq!(received, wanted, "{family:?} {source}");
        }
        // Of what nobody wants it is counted why.
        drop(all);
        drop(but_one);
        l.records_in(secs(3));
        l.a.refuses(
            datagram(&l.a, family.source(2), group),
            ReceiveDrop::UdpSource,
        );
        one.leave(group, id).unwrap();
        one.join(group, id).unwrap();
        l.a.peer.send(datagram(&l.a, family.source(2), group));
        l.a.net.run_for(ms(1));
        assert!(one.try_recv().is_some());
    }
}

/// RFC 3678 §4.1.3: EADDRNOTAVAIL and EINVAL.
#[test]
fn filters_are_changed_in_the_way_that_they_were_made() {
    for family in FAMILIES {
        let l = listener(family);
        let (id, group, source) = (l.interface(), family.group(1), family.source(1));
        let socket = l.a.host.udp("[::]:7000");
        let (mode, invalid) = (Err(AddressError::WrongMode), Err(AddressError::Invalid));
        let known = Err(AddressError::WrongSource);
        assert_eq!(socket.block_source(group, source, id), invalid);
        assert_eq!(socket.unblock_source(group, source, id), invalid);
        assert_eq!(socket.leave_source(group, source, id), invalid);
        socket.join(group, id).unwrap();
        assert_eq!(socket.join_source(group, source, id), mode);
        assert_eq!(socket.leave_source(group, source, id), mode);
        assert_eq!(socket.unblock_source(group, source, id), known);
        socket.block_source(group, source, id).unwrap();
        assert_eq!(socket.block_source(group, source, id), known);
        assert_eq!(socket.join(group, id), Ok(()), "joined already");
        socket.unblock_source(group, source, id).unwrap();
        socket.leave(group, id).unwrap();
        socket.join_source(group, source, id).unwrap();
        assert_eq!(socket.join_source(group, source, id), known);
        assert_eq!(socket.join(group, id), mode);
        assert_eq!(socket.block_source(group, source, id), mode);
        assert_eq!(socket.leave_source(group, family.source(2), id), known);
        socket.leave_source(group, source, id).unwrap();
        // With its last source the group is left.
        assert_eq!(socket.leave(group, id), invalid);
        // To include nothing is to leave, to exclude nothing is to join.
        socket
            .set_source_filter(group, id, FilterMode::Exclude, &[])
            .unwrap();
        socket.block_source(group, source, id).unwrap();
        socket
            .set_source_filter(group, id, FilterMode::Include, &[])
            .unwrap();
        assert_eq!(socket.leave(group, id), invalid);
        for wrong in [
            group,
            "::".parse().unwrap(),
            FAMILIES[usize::from(family == FAMILIES[0])].source(1),
        ] {
            assert_eq!(socket.join_source(group, wrong, id), invalid);
        }
        assert_eq!(socket.join_source(source, source, id), invalid);
        let no_interface = Err(AddressError::NoInterface);
        assert_eq!(socket.join_source(group, source, 9), no_interface);
        assert_eq!(
            socket.set_source_filter(group, 9, FilterMode::Include, &[]),
            no_interface
        );
    }
}

/// "If system resource limits are reached when a per-interface state source list is calculated, an
/// error MUST be returned to the application" (RFC 3810 §4.2).
#[test]
fn full_table_of_sources_is_an_error_that_changes_nothing() {
    for family in FAMILIES {
        let l = listener(family);
        let (id, group) = (l.interface(), family.group(1));
        let (one, other) = (l.a.host.udp("[::]:7000"), l.a.host.udp("[::]:7001"));
        let most = zonda::config::GROUP_SOURCES as u8;
        let full = Err(AddressError::TableFull);
        let list: Vec<_> = (0..=most).map(|n| family.source(n + 1)).collect();
        assert_eq!(
            one.set_source_filter(group, id, FilterMode::Include, &list),
            full
        );
        assert_eq!(one.leave(group, id), Err(AddressError::Invalid));
        for source in &list[..usize::from(most)] {
            one.join_source(group, *source, id).unwrap();
        }
        assert_eq!(one.join_source(group, list[usize::from(most)], id), full);
        assert_eq!(other.join_source(family.group(2), list[0], id), full);
        // Another socket may name the same sources.
        other.join_source(group, list[0], id).unwrap();
        drop(one);
        l.a.net.run_for(secs(3));
        for n in 1..most {
            other
                .join_source(family.group(2), family.source(100 + n), id)
                .unwrap();
        }
        l.a.peer.send(datagram(&l.a, list[0], group));
        l.a.net.run_for(secs(3));
        l.heard();
    }
}

#[test]
fn full_table_of_groups_or_members_is_an_error() {
    let l = listener(Family::Igmp);
    let id = l.interface();
    let sockets: Vec<_> = (0..zonda::config::GROUP_MEMBERS)
        .map(|n| l.a.host.udp(&format!("[::]:{}", 7000 + n)))
        .collect();
    let results: Vec<_> = sockets
        .iter()
        .map(|s| s.join(Family::Igmp.group(1), id))
        .collect();
    assert!(results.contains(&Err(AddressError::TableFull)));
    drop(sockets);
    let socket = l.a.host.udp("[::]:7000");
    let groups = (0..zonda::config::GROUPS as u8).map(|n| Family::Igmp.group(n));
    let results: Vec<_> = groups.map(|group| socket.join(group, id)).collect();
    assert_eq!(results.last(), Some(&Err(AddressError::TableFull)));
    assert_eq!(results[0], Ok(()));
}

/// A group without a socket is received for those who take all.
#[test]
fn stack_itself_can_join_a_group() {
    for family in FAMILIES {
        let l = listener(family);
        let (id, group) = (l.interface(), family.group(1));
        let socket = l.a.host.udp("[::]:7000");
        socket.set_all_groups(true);
        let stack = l.a.stack();
        assert_eq!(stack.leave_group(id, group), Err(AddressError::Invalid));
        assert_eq!(
            stack.join_group(id, family.source(1)),
            Err(AddressError::Invalid)
        );
        stack.join_group(id, group).unwrap();
        stack.join_group(id, group).unwrap();
        l.a.peer.send(datagram(&l.a, family.source(1), group));
        l.a.net.run_for(ms(1));
        assert!(socket.try_recv().is_some());
        stack.leave_group(id, group).unwrap();
        assert_eq!(stack.leave_group(id, group), Err(AddressError::Invalid));
    }
}
