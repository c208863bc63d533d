//! The shell of the demo: on a terminal, and over TCP from Linux.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::demo::{DEVICE4, Demo, build};
use crate::namespace::PATIENCE;

const PROMPT: &str = "zonda> \x1b[K";

/// One end of a session: what is typed, and what is seen.
struct User<W> {
    keyboard: W,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl<W: Write> User<W> {
    fn new(keyboard: W, mut screen: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        let _ = thread::spawn(move || {
            let mut some = [0; 1000];
            while let Ok(length @ 1..) = screen.read(&mut some) {
                if sender.send(some[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            keyboard,
            screen: receiver,
            seen: String::new(),
        }
    }

    /// Waits until the screen shows `text`, and gives all that was seen up to there.
    #[track_caller]
    fn sees(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(place) = self.seen.find(text) {
                let rest = self.seen.split_off(place + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(more) => self.seen += &String::from_utf8_lossy(&more),
                Err(why) => panic!("no {text:?} ({why}) in {:?}", self.seen),
            }
        }
    }

    /// Types keys, and gives what is seen until the next prompt.
    #[track_caller]
    fn types(&mut self, keys: &str) -> String {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.sees(PROMPT)
    }
}

#[test]
fn shell_is_used_on_a_terminal() {
    in_namespace!();
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let name = name.to_str().unwrap();
    let terminal = File::options().read(true).write(true).open(name).unwrap();
    let modes = || tcgetattr(&terminal).unwrap().local_modes;
    let before = modes();
    assert!(before.contains(LocalModes::ICANON | LocalModes::ECHO));
    let mut demo = Command::new(build())
        .args(["--shell", "--ipv4", "192.168.7.9/24"])
        .stdin(terminal.try_clone().unwrap())
        .stdout(terminal.try_clone().unwrap())
        .stderr(terminal.try_clone().unwrap())
        .spawn()
        .unwrap();
    let master = File::from(master);
    let mut user = User::new(master.try_clone().unwrap(), master);
    let _: String = user.sees(PROMPT);
    assert!(!modes().intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));
    // The demo has little more to say by itself.
    let _: String = user.sees("known as");

    let seen = user.types("ipv\t4 eth0\r");
    assert!(seen.contains("192.168.7.9/24"), "{seen:?}");
    // A word too many is taken out by Ctrl-W, the cursor goes home and back.
    let seen = user.types("-c 2 192.168.7.1 wrong\x17\x1b[Hping \x1b[F\r");
    assert!(seen.contains("2 sent, 2 answered"), "{seen:?}");
    user.keyboard.write_all(b"events\r").unwrap();
    let _: String = user.sees("events\x1b[K\r\r\n");
    // Ctrl-C ends the command, and not the demo.
    let _: String = user.types("\x03");
    let seen = user.types("\x1b[A\x1b[A\r");
    assert!(seen.contains("2 sent, 2 answered"), "{seen:?}");
    user.keyboard.write_all(b"exit\r").unwrap();
    assert!(demo.wait().unwrap().success());
    assert_eq!(modes(), before, "the terminal is as it was");
}

#[test]
fn shell_is_used_over_tcp() {
    in_namespace!();
    let demo = Demo::on_tap("--shell");
    let stream = TcpStream::connect((DEVICE4, 23)).unwrap();
    let mut user = User::new(stream.try_clone().unwrap(), stream);
    let _: String = user.sees(PROMPT);
    let seen = user.types("ping -c 1 10.9.0.1\r\n");
    assert!(seen.contains("1 sent, 1 answered"), "{seen:?}");
    let seen = user.types("tcp\r\n");
    assert!(
        seen.contains("-> ") && seen.contains("Established"),
        "{seen:?}"
    );
    user.keyboard.write_all(b"exit\r\n").unwrap();
    // The connection is closed.
    while user.screen.recv_timeout(PATIENCE).is_ok() {}
    let _ = demo.stop();
}
