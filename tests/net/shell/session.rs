//! Lines, keys, and the two ends of a session.

use std::cell::Cell;
use std::net::SocketAddr;

use zonda::config::SHELL_OUTPUT;
use zonda::mgmt::shell::{CommandError, CommandInfo, Console, Words};
use zonda::socket::{TcpListener, TcpSocket};

use super::*;

#[test]
fn lines_are_edited_and_come_back() {
    let (net, _, _, _, user) = two();
    // "pool" with the cursor led astray.
    let said = user.enter(&net, "xol\x1b[Hpo\x1b[3~\x1b[F\x08l");
    assert!(said.contains("blocks"), "{said}");
    user.does(&net, "hostname kettle");
    assert_eq!(user.enter(&net, "hostname"), "kettle\n");
    assert_eq!(user.enter(&net, "\x1b[A"), "kettle\n");
    assert!(user.enter(&net, "\x1b[A\x1b[A\x1b[A").contains("blocks"));
}

#[test]
fn tab_completes_commands_words_and_interfaces() {
    let (net, _, _, _, user) = two();
    for (keys, line) in [
        ("host\t", "hostname "),
        ("ifa\te\t", "iface eth0 "),
        ("iface e\td\t", "iface eth0 down "),
        ("help pi\t", "help ping "),
    ] {
        user.terminal.type_keys(keys);
        net.settle();
        let seen = user.terminal.take();
        let shown = format!("\rzonda> {line}\x1b[K");
        assert!(seen.ends_with(&shown), "{keys:?}: {seen:?}");
        // The line is given up.
        user.terminal.type_keys("\x03");
        net.settle();
        assert_eq!(user.terminal.take(), format!("^C\r\n{PROMPT}"));
    }
    user.terminal.type_keys("s\t");
    net.settle();
    let seen = user.terminal.take();
    for name in ["suspend", "sockets", "stats", "sntp"] {
        assert!(seen.contains(name), "{seen:?}");
    }
    assert!(seen.ends_with("\rzonda> s\x1b[K"));
    user.terminal.type_keys("q\t");
    net.settle();
    assert!(user.terminal.take().ends_with('\x07'), "there is none");
}

#[test]
fn bad_command_says_what_is_right() {
    let (net, _, _, _, user) = two();
    user.says(
        &net,
        "pong",
        &["there is no command `pong`; help lists them"],
    );
    user.says(
        &net,
        "ipv4 add",
        &["a word is missing", "usage: ipv4 ", "ADDR/LEN"],
    );
    user.says(
        &net,
        "iface eth7",
        &["`eth7` is not an interface", "usage: iface"],
    );
    user.says(
        &net,
        "ping 10.0.0",
        &["`10.0.0` is not an address", "usage: ping"],
    );
    user.says(&net, "pool now", &["one too many", "usage: pool"]);
    user.says(&net, "help pong", &["`pong` is not a command"]);
    user.does(&net, "   ");
    user.says(&net, "help ping", &["ping: ", "usage: ping ", "-c COUNT"]);
    let help = user.says(&net, "help", &["help", "iface", "ping", "events"]);
    assert!(help.lines().all(|line| line.len() <= 80));
}

#[test]
fn every_command_fits_80_columns() {
    let (net, a, b, _, user) = two();
    let listener = TcpListener::bind(b.stack(), "[::]:7".parse().unwrap(), 1).unwrap();
    let remote: SocketAddr = "[fd00::2]:7".parse().unwrap();
    let socket = net.block_on(TcpSocket::connect(a.stack(), remote)).unwrap();
    let help = user.enter(&net, "help");
    let mut count = 0;
    for line in help.lines().filter(|line| !line.starts_with("Tab")) {
        let name = line.split(' ').next().unwrap();
        if ["exit", "events"].contains(&name) {
            continue;
        }
        let said = user.enter(&net, name);
        assert!(!said.contains("there is no command"), "{name}");
        // The line of usage may be longer.
        for line in said.lines().filter(|line| !line.starts_with("usage")) {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
        count += 1;
    }
    assert!(count >= 20, "{count}");
    drop((socket, listener));
}

#[test]
fn ctrl_c_ends_a_command() {
    let (net, _, _, link, user) = two();
    user.terminal.type_keys("events\r");
    net.run_for(secs(1));
    user.terminal.take();
    link.down();
    net.run_for(secs(100));
    let seen = user.terminal.take();
    assert!(seen.contains("eth0 LinkDown"), "{seen:?}");
    assert!(!seen.ends_with(PROMPT));
    user.terminal.type_keys("\x03");
    net.settle();
    let seen = user.terminal.take();
    assert_eq!(seen, format!("^C\r\n{PROMPT}"));
    // What was typed before the command has ended is entered afterwards.
    user.terminal.type_keys("ping -c 2 10.0.0.2\r");
    net.run_for(ms(100));
    user.terminal.type_keys("hostname\r");
    net.run_for(secs(10));
    let seen = user.terminal.take();
    let (before, after) = seen.split_once("2 sent").expect("a result");
    assert!(!before.contains("zonda> hostname") && after.contains("zonda> hostname"));
}

#[test]
fn session_ends_with_its_input_after_the_last_command() {
    let (net, _, _, _, user) = two();
    user.terminal.type_keys("ping -c 3 10.0.0.2\r");
    user.terminal.close();
    net.run_for(secs(5));
    assert!(user.terminal.take().contains("3 sent, 3 answered"));
    assert_eq!(user.task.take(), Some(Ok(())));
}

#[test]
fn command_without_an_end_ends_soon_after_the_input() {
    let (net, _, _, _, user) = two();
    user.terminal.type_keys("events\r");
    user.terminal.close();
    net.run_for(secs(9));
    assert!(!user.task.is_done());
    net.run_for(secs(2));
    assert_eq!(user.task.take(), Some(Ok(())));
}

#[test]
fn exit_and_ctrl_d_end_the_session() {
    for keys in ["exit\r", "\x04", "  exit \n"] {
        let (net, _, _, _, user) = two();
        user.terminal.type_keys(keys);
        net.settle();
        assert_eq!(user.task.take(), Some(Ok(())), "{keys:?}");
    }
}

#[test]
fn slow_reader_is_waited_for() {
    let (net, _, _, _, user) = two();
    let whole = user.enter(&net, "help");
    assert!(whole.len() > 2 * SHELL_OUTPUT);
    user.terminal.change(|wires| wires.room = Some(0));
    user.terminal.type_keys("help\r");
    let mut seen = String::new();
    for _ in 0..2000 {
        net.settle();
        seen += &user.terminal.take();
        user.terminal.change(|wires| wires.room = Some(7));
    }
    let seen = seen.replace("\r\n", "\n");
    assert!(seen.contains(&whole), "{seen}");
}

#[test]
fn commands_of_the_application_are_run_listed_and_completed() {
    struct Lamp(Cell<bool>);

    impl Commands for Lamp {
        fn list(&self) -> &[CommandInfo] {
            &[CommandInfo {
                name: "lamp",
                arguments: "on | off",
                about: "switch the lamp",
            }]
        }

        async fn run<'l>(
            &self,
            name: &str,
            mut words: Words<'l>,
            console: &Console<'_>,
        ) -> Result<(), CommandError<'l>> {
            let word = words.word()?;
            let wanted = "on or off";
            self.0.set(match word {
                "on" => true,
                "off" => false,
                _ => return Err(CommandError::Wrong { wanted, word }),
            });
            console
                .print(format_args!("{name} {}\n", self.0.get()))
                .await;
            Ok(())
        }
    }

    let net = Network::new(1);
    let shell = Shell::new(net.host("a").stack(), Services::NONE);
    let user = User::of(&net, shell.commands(Lamp(Cell::new(false))));
    assert_eq!(user.enter(&net, "lamp on"), "lamp true\n");
    user.says(
        &net,
        "lamp up",
        &["lamp: `up` is not on or off", "usage: lamp on | off"],
    );
    user.says(&net, "help", &["lamp       switch the lamp"]);
    assert_eq!(user.enter(&net, "la\tof\t"), "lamp false\n");
}

#[test]
fn telnet_reaches_the_shell_over_tcp() {
    let (net, a, b, _, _) = two();
    let listener = TcpListener::bind(a.stack(), "[::]:23".parse().unwrap(), 1).unwrap();
    let shell = Shell::new(a.stack(), Services::NONE).telnet().prompt("$ ");
    let server = net.spawn(async move {
        let mut socket = listener.accept().await;
        let (reader, writer) = socket.split();
        shell.run(reader, writer).await
    });
    let client = async {
        let remote: SocketAddr = "10.0.0.1:23".parse().unwrap();
        let mut socket = TcpSocket::connect(b.stack(), remote).await.unwrap();
        // The client would tell its terminal's type, and answers what the server says of itself.
        let typed = b"\xff\xfb\x18\xff\xfd\x01\xff\xfd\x03hostname\r\0exit\r\0";
        socket.write_all(typed).await.unwrap();
        let mut seen = Vec::new();
        loop {
            let mut some = [0; 100];
            match socket.read(&mut some).await.unwrap() {
                0 => return seen,
                length => seen.extend_from_slice(&some[..length]),
            }
        }
    };
    let seen = net.block_on(client);
    assert!(seen.starts_with(b"\xff\xfb\x01\xff\xfb\x03"), "{seen:?}");
    let find = |wanted: &[u8]| seen.windows(wanted.len()).any(|part| part == wanted);
    assert!(find(b"\xff\xfe\x18"), "the type is not wanted");
    let hostname = format!("$ hostname\x1b[K\r\n{}\r\n", a.stack().hostname());
    assert!(
        find(hostname.as_bytes()),
        "{:?}",
        String::from_utf8_lossy(&seen)
    );
    assert_eq!(server.take(), Some(Ok(())));
}

#[test]
fn session_is_small() {
    let net = Network::new(1);
    let shell = Shell::new(net.host("a").stack(), Services::NONE);
    let session = shell.run(Terminal::default(), Terminal::default());
    let size = size_of_val(&session);
    // The largest command, a client of zperf, among it.
    assert!(size < 8000, "{size}");
}
