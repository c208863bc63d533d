//! What applications hold: the ways to wait, which can be given up; the ways to read and to write.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use embassy_futures::join::join;
use embedded_io_async::{BufRead, Read, ReadReady, Write, WriteReady};
use zonda::netbuf::Purpose;
use zonda::socket::{TcpError, TcpState};

use super::*;

/// Polls once, and drops the future.
fn glance<T>(future: impl Future<Output = T>) {
    let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
}

#[test]
fn accept_can_be_given_up() {
    let mut s = Session::new();
    let listener = s.listen(1);
    glance(listener.accept());
    s.open(&mss(1460));
    let socket = s.a.net.block_on(listener.accept());
    assert_eq!(socket.state(), TcpState::Established);
}

#[test]
fn connect_can_be_given_up() {
    let mut s = Session::new();
    glance(TcpSocket::connect(s.a.stack(), SocketAddr::new(s.peer, 7)));
    s.passed(ms(10));
    none(s.passed(secs(10)));
    drop(s.connected(&mss(1460)));
}

#[test]
fn read_and_write_can_be_given_up() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    let mut buf = [0; 10];
    glance(socket.read(&mut buf));
    s.say(ACK, b"kept");
    let length = s.a.net.block_on(socket.read(&mut buf)).unwrap();
    assert_eq!(&buf[..length], b"kept");
    socket.set_quota(16_384, 4);
    write_all(&mut socket, b"full");
    glance(Write::write(&mut socket, b"more"));
    glance(socket.flush());
    s.passed(ms(1));
    s.acknowledge(4);
    assert_eq!(s.a.net.block_on(Write::write(&mut socket, b"more")), Ok(4));
    assert_eq!(one(s.passed(ms(1))).data, b"more");
    s.acknowledge(4);
    assert_eq!(s.a.net.block_on(socket.flush()), Ok(()));
    s.say(RST, &[]);
    assert_eq!(
        s.a.net.block_on(socket.read(&mut buf)),
        Err(TcpError::Reset)
    );
}

#[test]
fn waiting_for_data_can_be_given_up_in_every_form() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    for round in 0..3 {
        glance(socket.recv());
        glance(socket.readable());
        glance(socket.fill_buf());
        s.say(ACK, b"kept");
        s.a.net.block_on(socket.readable());
        match round {
            0 => {
                let data = s.a.net.block_on(socket.recv()).unwrap().unwrap();
                assert!(data.equals(b"kept"));
            }
            1 => {
                assert_eq!(s.a.net.block_on(socket.fill_buf()), Ok(&b"kept"[..]));
                socket.consume(4);
            }
            _ => {
                let (mut reader, _) = socket.split();
                assert_eq!(s.a.net.block_on(reader.fill_buf()), Ok(&b"kept"[..]));
                reader.consume(4);
            }
        }
    }
    s.say(FIN | ACK, &[]);
    assert!(s.a.net.block_on(socket.recv()).unwrap().is_none());
    assert_eq!(s.a.net.block_on(socket.fill_buf()), Ok(&[][..]));
}

#[test]
fn rest_of_what_was_read_in_part_is_not_waited_for() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.say(ACK, b"one and the rest");
    let mut buf = [0; 3];
    for expected in [b"one", b" an", b"d t"] {
        s.a.net.block_on(socket.readable());
        assert_eq!(socket.try_read(&mut buf), Some(Ok(3)));
        assert_eq!(buf, *expected);
    }
    let (mut reader, _) = socket.split();
    s.a.net.block_on(reader.readable());
    assert_eq!(s.a.net.block_on(reader.read(&mut buf)), Ok(3));
    s.a.net.block_on(reader.readable());
    let rest = s.a.net.block_on(reader.recv()).unwrap().unwrap();
    assert!(rest.equals(b"rest"));
    glance(socket.readable());
}

#[test]
fn waiting_for_room_can_be_given_up_in_every_form() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    socket.set_quota(16_384, 4);
    for _ in 0..2 {
        write_all(&mut socket, b"full");
        glance(socket.writable());
        glance(socket.flush());
        glance(Write::write(&mut socket, b"more"));
        // What would be lost with the future of `send` is kept.
        let more = s.a.host.pool().from_static(b"more").unwrap();
        let Err((more, None)) = socket.try_send(more) else {
            panic!("there is no room");
        };
        s.passed(ms(1));
        s.acknowledge(4);
        s.a.net.block_on(socket.writable());
        assert!(socket.try_send(more).is_ok());
        assert_eq!(one(s.passed(ms(1))).data, b"more");
        s.acknowledge(4);
        assert_eq!(s.a.net.block_on(socket.flush()), Ok(()));
    }
}

#[test]
fn who_waits_for_room_waits_for_the_pool_too_and_hears_of_the_end() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    let mut taken = Vec::new();
    while let Ok(block) = s.a.host.pool().alloc(Purpose::Send, 0) {
        taken.push(block);
    }
    glance(socket.writable());
    glance(Write::write(&mut socket, b"data"));
    let freed = taken.pop();
    s.a.net
        .block_on(join(socket.writable(), async { drop(freed) }));
    assert_eq!(socket.try_write(b"data"), Some(Ok(4)));
    one(s.passed(ms(1)));
    s.acknowledge(4);
    while let Ok(block) = s.a.host.pool().alloc(Purpose::Send, 0) {
        taken.push(block);
    }
    let reset = s.segment(RST, &[]).packet(s.peer, s.own);
    s.a.peer.send(s.a.to_host(&reset));
    let ended = s.a.net.block_on(Write::write(&mut socket, b"never"));
    assert_eq!(ended, Err(TcpError::Reset));
}

#[test]
fn halves_are_waited_for_at_once() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    socket.set_quota(16_384, 4);
    write_all(&mut socket, b"full");
    one(s.passed(ms(1)));
    let (mut reader, mut writer) = socket.split();
    assert_eq!(reader.read_ready(), Ok(false));
    assert_eq!(writer.write_ready(), Ok(false));
    s.ack = s.ack.wrapping_add(4);
    let segment = s.segment(ACK, b"in").packet(s.peer, s.own);
    s.seq = s.seq.wrapping_add(2);
    s.a.peer.send(s.a.to_host(&segment));
    let mut buf = [0; 8];
    let both = join(reader.read(&mut buf), Write::write(&mut writer, b"out"));
    assert_eq!(s.a.net.block_on(both), (Ok(2), Ok(3)));
    assert_eq!(&buf[..2], b"in");
    // One direction ends, the other one goes on.
    writer.shutdown();
    assert_eq!(writer.write_ready(), Err(TcpError::Aborted));
    s.passed(ms(1));
    s.acknowledge(4);
    s.say(FIN | ACK, b"end");
    assert_eq!(reader.read_ready(), Ok(true));
    assert_eq!(reader.try_read(&mut buf), Some(Ok(3)));
    assert_eq!(reader.read_ready(), Ok(true));
    assert_eq!(reader.try_read(&mut buf), Some(Ok(0)));
    assert_eq!(s.a.net.block_on(writer.flush()), Ok(()));
}

#[test]
fn data_pass_both_ways_without_a_copy() {
    static FLASH: [u8; 1000] = [0x5a; 1000];
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    // In: what is looked at, and then taken, lies where it came in, and goes out again from there.
    s.say(ACK, b"in place");
    let seen = socket.try_fill_buf().unwrap().unwrap().as_ptr();
    let taken = s.a.net.block_on(socket.recv()).unwrap().unwrap();
    assert_eq!((taken.first().as_ptr(), taken.len()), (seen, 8));
    s.passed(ms(100));
    let used = s.a.host.pool().stats().blocks_used;
    assert!(socket.try_send(taken).is_ok());
    assert_eq!(one(s.passed(ms(1))).data, b"in place");
    assert_eq!(s.a.host.pool().stats().blocks_used, used);
    s.acknowledge(8);
    // Out of flash: it takes no block while it waits for its acknowledgement.
    let used = s.a.host.pool().stats().blocks_used;
    let flash = s.a.host.pool().from_static(&FLASH).unwrap();
    s.a.net.block_on(socket.send(flash)).unwrap();
    assert_eq!(one(s.passed(ms(1))).data, FLASH);
    assert_eq!(socket.info().unwrap().in_flight, 1000);
    assert_eq!(s.a.host.pool().stats().blocks_used, used);
    // And what is sent again is still there.
    assert_eq!(one(s.passed(ms(400))).data, FLASH);
    assert_eq!(socket.info().unwrap().retransmitted, 1);
    s.acknowledge(1000);
}
