//! What a board does on a serial line, whose other end is a stack of this process: nothing of it
//! needs a right that a user does not have.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use async_io::{Async, block_on};
use embassy_futures::join::join;
use embassy_futures::select::{Either, Either3, select, select3};
use embedded_io_async::{Read, Write};
use zonda::drivers::slip::SlipDriver;
use zonda::iface::{Ipv4Cidr, Ipv6Cidr};
use zonda::link::{Capabilities, Port};
use zonda::netbuf::{NetBufPool, Pool};
use zonda::socket::{Ping, TcpSocket, UdpSocket};
use zonda::stack::{EmbassyClock, Runner, Stack, StackCell, StackStorage};
use zonda::time::Duration;

use crate::machine::{DEVICE4, DEVICE6, Machine, STATUS, is_whole, read_status};
use crate::serial::{Half, open};

const ECHO: u16 = 7;
const PATIENCE: Duration = Duration::from_secs(60);

/// The form of the frames on a line.
pub enum Form {
    Packets,
    Ethernet,
}

fn device() -> [IpAddr; 2] {
    [DEVICE4, DEVICE6].map(|address| address.parse().unwrap())
}

/// Runs `script` with a stack at the other end of the machine's line. In the end nothing is left
/// here nor there; says how many frames the board has lost.
fn with(machine: &Machine, form: &Form, script: impl AsyncFnOnce(Stack<'_>, &Async<File>)) -> u32 {
    let pool: Pool = Box::leak(Box::new(NetBufPool::<64, 512>::new())).pool();
    let port = Port::new(match form {
        Form::Packets => Capabilities::ip(1500),
        Form::Ethernet => Capabilities::ethernet(*b"\x02LINUX"),
    });
    let line = open(&machine.line()).unwrap();
    let lost = {
        let clock = EmbassyClock;
        let mut storage = StackStorage::<1, 4, 4, 1>::new();
        let cell = StackCell::new(&mut storage, pool, [7; 32], &clock);
        let stack = cell.stack();
        let id = stack.attach(port.split().1).unwrap();
        let ipv4 = Ipv4Cidr::new("192.0.2.1".parse().unwrap(), 24);
        stack.add_ipv4(id, ipv4).unwrap();
        let ipv6 = Ipv6Cidr::new("fd00::1".parse().unwrap(), 64);
        stack.add_ipv6(id, ipv6).unwrap();
        let script = async {
            stack.ready(id).await;
            script(stack, &line).await;
            nothing_is_left(stack).await
        };
        let mut runner = Runner::new(stack);
        let mut driver = SlipDriver::new(Half(&line), Half(&line));
        let network = driver.run(port.split().0, pool);
        let lost = match block_on(select3(script, network, runner.run())) {
            Either3::First(lost) => lost,
            Either3::Second(Err(error)) => panic!("the line ended: {error}"),
            Either3::Third(never) => match never {},
        };
        // The board makes no noise.
        let stats = driver.stats();
        assert_eq!((stats.bad_escapes, stats.receive_long), (0, 0));
        lost
    };
    drop(port);
    assert_eq!(pool.stats().blocks_used, 0);
    lost
}

/// What comes in time of `work`.
async fn in_time<R>(stack: Stack<'_>, work: impl Future<Output = R>) -> R {
    match select(work, stack.sleep(PATIENCE)).await {
        Either::First(result) => result,
        Either::Second(()) => panic!("it takes too long"),
    }
}

/// Asks the board what it has in use, until that is nothing; says how many frames it has lost.
async fn nothing_is_left(stack: Stack<'_>) -> u32 {
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    let socket = UdpSocket::bind(stack, any).unwrap();
    let to = SocketAddr::new(device()[0], STATUS);
    let mut text = [0; 1500];
    let whole = async {
        loop {
            socket.send_to(b"?", to).await.unwrap();
            let (length, _) = socket.recv_from(&mut text).await.unwrap();
            let status = read_status(&text[..length]);
            if is_whole(&status, 0) {
                println!("board: {status:?}");
                return status["frames lost"];
            }
            stack.sleep(Duration::from_millis(100)).await;
        }
    };
    in_time(stack, whole).await
}

async fn ping(stack: Stack<'_>, length: usize) {
    let ping = Ping::new(stack).unwrap();
    let data: Vec<u8> = (0..length).map(|n| n as u8).collect();
    for address in device() {
        let answer = ping.ping(address, 1, &data, Duration::from_secs(10)).await;
        assert!(answer.is_ok(), "{length} bytes to {address}: {answer:?}");
    }
}

pub fn answers_pings_and_datagrams(machine: &Machine, form: &Form) {
    let lost = with(machine, form, async |stack, _| {
        for length in [0, 1, 56, 500, 1400, 4000] {
            ping(stack, length).await;
        }
        let any = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
        let socket = UdpSocket::bind(stack, any).unwrap();
        // Octets that have another meaning on the line.
        let sent = [192, 219, 220, 221].repeat(300);
        for address in device() {
            let mut answer = [0; 1500];
            let echo = async {
                socket.send_to(&sent, (address, ECHO).into()).await.unwrap();
                socket.recv_from(&mut answer).await.unwrap().0
            };
            let length = in_time(stack, echo).await;
            assert_eq!(answer[..length], sent);
        }
    });
    assert_eq!(lost, 0);
}

pub fn echoes_streams(machine: &Machine, form: &Form) {
    let lost = with(machine, form, async |stack, _| {
        for address in device() {
            in_time(stack, echo(stack, address, 200_000)).await;
        }
    });
    assert_eq!(lost, 0);
}

/// Sends so many bytes by TCP, and reads them back.
async fn echo(stack: Stack<'_>, address: IpAddr, length: usize) {
    let sent: Vec<u8> = (0..length).map(|n| (n * n / 7) as u8).collect();
    let mut received = vec![0; length];
    let mut socket = TcpSocket::connect(stack, (address, ECHO).into())
        .await
        .unwrap();
    let (mut reader, mut writer) = socket.split();
    let ((), read) = join(
        async {
            writer.write_all(&sent).await.unwrap();
            writer.shutdown();
        },
        reader.read_exact(&mut received),
    )
    .await;
    read.unwrap();
    assert!(received == sent, "the bytes are not the same");
    assert_eq!(reader.read(&mut [0]).await, Ok(0));
}

/// The board counts what noise makes of the line, and takes the next frame.
pub fn takes_the_frame_behind_noise(machine: &Machine, form: &Form) {
    let lost = with(machine, form, async |stack, line| {
        ping(stack, 56).await;
        let long = [0x55; 5000];
        let noises: [&[u8]; 6] = [
            &[0],
            &[219],
            &[192, 219, 7],
            &[0xff; 100],
            &long,
            &[219, 192],
        ];
        for noise in noises {
            // Between two frames.
            stack.sleep(Duration::from_millis(50)).await;
            Half(line).write_all(noise).await.unwrap();
            ping(stack, 56).await;
        }
        // In the middle of a stream it costs frames, and no byte of the stream.
        let noise = async {
            loop {
                stack.sleep(Duration::from_millis(20)).await;
                Half(line).write_all(&[219, 1]).await.unwrap();
            }
        };
        match select(echo(stack, device()[1], 100_000), noise).await {
            Either::First(()) => {}
            Either::Second(never) => match never {},
        }
    });
    // Bad escapes, and what is too long; other noise makes frames that the stack drops.
    assert!(lost >= 4, "{lost}");
}
