#![allow(missing_docs, unused_results)]
use zonda::drivers::wire::{Station, Wire};
use zonda::iface::{Ipv4Cidr, Ipv6Cidr};
use zonda::link::{Capabilities, Port};
use zonda::netbuf::NetBufPool;
use zonda::socket::*;
use zonda::stack::*;
use zonda::time::*;

#[test]
fn smoke() {
    static A: NetBufPool<128, 1536, 32, 64> = NetBufPool::new();
    static B: NetBufPool<128, 512, 32, 64> = NetBufPool::new();
    let clock = ManualClock::new();
    let pa = Port::new(Capabilities::ethernet([2, 0, 0, 0, 0, 1]));
    let pb = Port::new(Capabilities::ethernet([2, 0, 0, 0, 0, 2]));
    let (da, sa) = pa.split();
    let (db, sb) = pb.split();
    let hub = Wire::new([Station::new(da, A.pool()), Station::new(db, B.pool())]);
    let mut st_a = StackStorage::<1, 4>::new();
    let mut st_b = StackStorage::<1, 4>::new();
    let ca = StackCell::new(&mut st_a, A.pool(), [1; 32], &clock);
    let cb = StackCell::new(&mut st_b, B.pool(), [2; 32], &clock);
    let (a, b) = (ca.stack(), cb.stack());
    let ia = a.attach(sa).unwrap();
    let ib = b.attach(sb).unwrap();
    a.add_ipv4(ia, Ipv4Cidr::new([10, 0, 0, 1].into(), 24))
        .unwrap();
    b.add_ipv4(ib, Ipv4Cidr::new([10, 0, 0, 2].into(), 24))
        .unwrap();
    a.add_ipv6(ia, Ipv6Cidr::new("fd00::1".parse().unwrap(), 64))
        .unwrap();
    b.add_ipv6(ib, Ipv6Cidr::new("fd00::2".parse().unwrap(), 64))
        .unwrap();
    let run = |ms: u64| {
        for _ in 0..ms {
            clock.set(Clock::now(&clock) + Duration::from_millis(1));
            loop {
                a.poll();
                b.poll();
                if hub.step() == 0 {
                    break;
                }
            }
        }
    };
    run(2);
    let listener = TcpListener::bind(b, "[::]:7".parse().unwrap(), 2).unwrap();
    for to in ["10.0.0.2:7", "[fd00::2]:7"] {
        let mut c = TcpSocket::begin(a, to.parse().unwrap()).unwrap();
        run(5);
        assert_eq!(c.state(), TcpState::Established, "{:?}", c.error());
        let mut s = listener.try_accept().expect("accepted");
        let data: Vec<u8> = (0..300_000u32).map(|i| (i * 7 / 3) as u8).collect();
        let (mut sent, mut got) = (0, Vec::new());
        let mut buf = [0; 4000];
        let mut idle = 0;
        while got.len() < data.len() {
            let before = (sent, got.len());
            if sent < data.len()
                && let Some(r) = c.try_write(&data[sent..])
            {
                sent += r.unwrap();
            }
            run(1);
            while let Some(r) = s.try_read(&mut buf) {
                let n = r.unwrap();
                got.extend_from_slice(&buf[..n]);
            }
            if before == (sent, got.len()) {
                idle += 1;
            } else {
                idle = 0;
            }
            assert!(
                idle < 5000,
                "stuck at {sent} {} {:?} {:?}",
                got.len(),
                c.info(),
                s.info()
            );
        }
        assert!(got == data);
        println!("{:?} {:?} t={:?}", c.info(), s.info(), Clock::now(&clock));
        c.shutdown();
        run(50);
        assert_eq!(s.try_read(&mut buf), Some(Ok(0)));
        assert_eq!(s.state(), TcpState::CloseWait);
        s.shutdown();
        run(50);
        println!("{:?} {:?}", c.state(), s.state());
        drop((c, s));
        run(5);
    }
    // refused
    let c = TcpSocket::begin(a, "10.0.0.2:99".parse().unwrap()).unwrap();
    run(5);
    assert_eq!(c.error(), Some(TcpError::Refused));
    drop(c);
    println!("{:?}\n{:?}", a.counters(ia), b.counters(ib));
    println!("{:?}\n{:?}", A.pool().stats(), B.pool().stats());
    assert_eq!(A.pool().stats().blocks_used, 0);
    assert_eq!(B.pool().stats().blocks_used, 0);
    assert_eq!(A.pool().stats().views_used, 0);
}
