//! An address by DHCP, and a look-up by the DNS servers that come with it.

use embassy_futures::select::{Either, select};
use zonda::proto::dhcpv4::{Dhcpv4Client, Lease};
use zonda::proto::dns::{Addresses, DnsError, Family, Resolver};
use zonda::socket::BindError;
use zonda::stack::Stack;

/// What has happened.
pub enum News {
    /// There is an address.
    Lease(Lease),
    /// The name has been looked up.
    Found(Result<Addresses, DnsError>),
}

/// Keeps an address by `client`, and looks `name` up each time that there is another one. Ends only
/// if there is no socket for the client.
pub async fn run(
    stack: Stack<'_>,
    client: &Dhcpv4Client<'_, '_>,
    name: &str,
    mut tell: impl FnMut(News),
) -> Result<(), BindError> {
    let resolver = Resolver::new(stack);
    let look_up = async {
        let mut last = None;
        loop {
            let lease = client.bound().await;
            let address = lease.address;
            if last.replace(address) != Some(address) {
                tell(News::Lease(lease));
                tell(News::Found(resolver.lookup_host(name, Family::Any).await));
            }
            client.changed().await;
        }
    };
    match select(client.run(), look_up).await {
        Either::First(ended) => ended,
        Either::Second(never) => match never {},
    }
}
