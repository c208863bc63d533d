//! Interfaces that are configured in one piece.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zonda::iface::{AddressError, Ipv4Cidr, Ipv6Cidr, NameError};
use zonda::mgmt::{InterfaceSetup, SetupError};
use zonda::stack::MtuError;

use super::*;

const OWN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
const ROUTERS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
];
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 1, 2, 3));

const SETUP: InterfaceSetup = InterfaceSetup {
    name: Some("wan"),
    mtu: Some(1400),
    ipv4: &[Ipv4Cidr::new(OWN, 24)],
    ipv6: &[Ipv6Cidr::new(
        Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 7),
        64,
    )],
    gateways: &ROUTERS,
    groups: &[GROUP],
    ..InterfaceSetup::NONE
};

fn host() -> (Network, Host, InterfaceId) {
    let net = Network::new(3);
    let host = net.host("host");
    let link = net.link([host]);
    net.settle();
    let id = host.interface(link);
    (net, host, id)
}

#[test]
fn interface_is_as_its_configuration_says() {
    let (_net, host, id) = host();
    let stack = host.stack();
    assert_eq!(SETUP.apply(stack, id), Ok(()));
    let info = stack.interface(id).unwrap();
    assert_eq!(stack.find_interface("wan"), Some(id));
    assert_eq!((info.mtu, info.ipv4[0].cidr.address), (1400, OWN));
    assert!(info.ipv6.iter().any(|own| own.address.segments()[7] == 7));
    // The first router is the better one.
    let routes: Vec<_> = stack
        .routes()
        .map(|route| (route.gateway, route.metric))
        .collect();
    let expected = [0, 1].map(|n| (Some(ROUTERS[n].try_into().unwrap()), n as u16));
    assert_eq!(routes, expected);
    let far = "198.51.100.1:9".parse().unwrap();
    assert_eq!(stack.source_address(far), Some(OWN.into()));
    assert!(stack.readiness(id).ipv4_router);
}

#[test]
fn what_cannot_be_set_is_told() {
    let (_net, host, id) = host();
    let stack = host.stack();
    for (wrong, expected) in [
        (
            InterfaceSetup {
                name: Some(""),
                ..SETUP
            },
            SetupError::Name(NameError::Invalid),
        ),
        (
            InterfaceSetup {
                mtu: Some(67),
                ..SETUP
            },
            SetupError::Mtu(MtuError::TooSmall),
        ),
        (
            InterfaceSetup {
                ipv4: &[Ipv4Cidr::new(Ipv4Addr::new(224, 0, 0, 1), 24)],
                ..SETUP
            },
            SetupError::Address(AddressError::Invalid),
        ),
        (
            InterfaceSetup {
                gateways: &[GROUP],
                ipv4: &[],
                ipv6: &[],
                ..SETUP
            },
            SetupError::Route(zonda::iface::route::RouteError::GatewayAddress),
        ),
    ] {
        assert_eq!(wrong.apply(stack, id), Err(expected));
    }
    let nothing = InterfaceSetup::NONE.apply(stack, 9);
    assert_eq!(nothing, Err(SetupError::Address(AddressError::NoInterface)));
}

#[test]
fn interface_may_be_configured_and_left_off() {
    let (net, host, id) = host();
    let setup = InterfaceSetup {
        enabled: false,
        ..SETUP
    };
    assert_eq!(setup.apply(host.stack(), id), Ok(()));
    net.settle();
    assert!(!host.stack().readiness(id).ipv4);
    assert!(host.stack().set_enabled(id, true));
    net.settle();
    assert!(host.stack().readiness(id).ipv4);
}
