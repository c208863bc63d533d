//! Fragments and path MTUs between Linux and a stack of this process on a TAP interface.

use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket as LinuxSocket};
use std::thread;

use zonda::iface::route::{Prefix, Route, RouteOrigin};
use zonda::netbuf::NetBufPool;
use zonda::socket::{Ping, UdpSocket};
use zonda::stack::Stack;
use zonda::time::Duration;

use crate::namespace::{PATIENCE, ip, run};
use crate::stack::beside_linux;

const LINUX: [&str; 2] = ["10.9.0.1", "fd09::1"];
const STACK: [&str; 2] = ["10.9.0.2", "fd09::2"];

/// Runs `script` with a stack beside Linux, with blocks for the longest datagrams.
fn with_stack(script: impl AsyncFn(Stack<'_>)) {
    static POOL: NetBufPool<1024, 512, 64, 256> = NetBufPool::new();
    beside_linux::<0>(POOL.pool(), script);
}

/// Does what blocks in a thread, while the stack goes on.
async fn beside<R: Send + 'static>(
    stack: Stack<'_>,
    work: impl FnOnce() -> R + Send + 'static,
) -> R {
    let work = thread::spawn(work);
    while !work.is_finished() {
        stack.sleep(Duration::from_millis(5)).await;
    }
    work.join().unwrap()
}

#[test]
fn linux_pings_with_the_longest_datagrams() {
    in_namespace!("ping");
    with_stack(async |stack| {
        for target in STACK {
            for (size, more) in [(1473, ""), (8000, ""), (65_507, ""), (65_507, "-M dont")] {
                let command = format!("ping -n -c 5 -i 0.2 -W 10 {more} -s {size} {target}");
                let text = beside(stack, move || run(&command)).await;
                assert!(text.contains(" 5 received"), "{text}");
            }
        }
    });
}

#[test]
fn stack_pings_linux_with_the_longest_datagrams() {
    in_namespace!();
    with_stack(async |stack| {
        let ping = Ping::new(stack).unwrap();
        let data: Vec<u8> = (0..65_507).map(|n| (n * 7 + n / 256) as u8).collect();
        for target in LINUX {
            let to: IpAddr = target.parse().unwrap();
            for (number, size) in [1472, 1473, 8000, 65_507].into_iter().enumerate() {
                let timeout = Duration::from_secs(10);
                let _: Duration = ping
                    .ping(to, number as u16, &data[..size], timeout)
                    .await
                    .unwrap();
            }
        }
    });
}

#[test]
fn datagrams_of_every_length_come_back_from_linux() {
    in_namespace!();
    with_stack(async |stack| {
        for (target, most) in LINUX.into_iter().zip([65_507, 65_527]) {
            let to = SocketAddr::new(target.parse().unwrap(), 4000);
            let linux = LinuxSocket::bind(to).unwrap();
            linux.set_read_timeout(Some(PATIENCE)).unwrap();
            let sizes = (0..most).step_by(4999).chain([1472, 1473, 2953, most]);
            let count = sizes.clone().count();
            let echo = thread::spawn(move || {
                let mut data = vec![0; 65_536];
                for _ in 0..count {
                    let (length, from) = linux.recv_from(&mut data).unwrap();
                    let _: usize = linux.send_to(&data[..length], from).unwrap();
                }
            });
            let socket = UdpSocket::bind(stack, "[::]:0".parse::<SocketAddr>().unwrap()).unwrap();
            socket.set_quota(u32::MAX, u16::MAX);
            for size in sizes {
                let data: Vec<u8> = (0..size).map(|n| (n * 7 + n / 256) as u8).collect();
                socket.send_to(&data, to).await.unwrap();
                let (back, _) = socket.recv().await.unwrap();
                assert!(back.equals(&data), "{size} bytes came back changed");
            }
            while !echo.is_finished() {
                stack.sleep(Duration::from_millis(5)).await;
            }
            echo.join().unwrap();
        }
    });
}

/// Linux leads on over a link that takes less, and says so.
#[test]
fn linux_as_a_router_tells_the_path_mtu() {
    in_namespace!();
    with_stack(async |stack| {
        ip("link add far mtu 1300 type veth peer name end mtu 1300");
        ip("address add 10.10.0.1/24 dev far");
        ip("address add fd10::1/64 dev far nodad");
        ip("link set far up");
        ip("link set end up");
        for forwarding in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            fs::write(format!("/proc/sys/net/{forwarding}"), "1").unwrap();
        }
        for (gateway, any) in [(LINUX[0], "0.0.0.0"), (LINUX[1], "::")] {
            let address = |text: &str| text.parse::<IpAddr>().unwrap().try_into().unwrap();
            let route = Route {
                prefix: Prefix::new(address(any), 0).unwrap(),
                gateway: Some(address(gateway)),
                interface: 0,
                metric: 0,
                expires: None,
                origin: RouteOrigin::Static,
            };
            stack.add_route(route).unwrap();
        }
        let socket = UdpSocket::bind(stack, "[::]:0".parse::<SocketAddr>().unwrap()).unwrap();
        for far in ["10.10.0.9", "fd10::9"] {
            let far: IpAddr = far.parse().unwrap();
            assert_eq!(stack.path_mtu(far), Some(1500));
            while stack.path_mtu(far) != Some(1300) {
                socket
                    .send_to(&[7; 1400], SocketAddr::new(far, 9))
                    .await
                    .unwrap();
                stack.sleep(Duration::from_millis(50)).await;
            }
        }
    });
}
