//! Programs in C: the example and one that makes every call, linked with the library that
//! `examples/c` makes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::{env, fs, thread};

use crate::demo::{DEVICE4, DEVICE6, join_tap};
use crate::dnsmasq::Dnsmasq;
use crate::namespace::{PATIENCE, ip, is_inside, is_installed};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn succeed(command: &mut Command) {
    let output = command.output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
}

/// The library, built once by the process that is outside of namespaces.
fn library() -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c");
    if !is_inside() {
        let _alone = ONE_AT_A_TIME.lock();
        let mut build = Command::new(env!("CARGO"));
        let build = build.args(["build", "--quiet", "--locked", "--target-dir"]);
        succeed(
            build
                .arg(&folder)
                .current_dir(Path::new(ROOT).join("examples/c")),
        );
    }
    folder.join("debug/libzonda_c.a")
}

/// Compiles a program from these files.
fn compile(name: &str, files: &[&str]) -> PathBuf {
    let library = library();
    let program = library.with_file_name(format!("{name}-{}", std::process::id()));
    let mut gcc = Command::new("gcc");
    let gcc = gcc.args([
        "-std=c99",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
    ]);
    let gcc = gcc.args(["-fsanitize=undefined", "-fno-sanitize-recover=undefined"]);
    let gcc = gcc
        .args(["-I", "src/compat/c", "-I", "examples/c"])
        .args(files);
    let gcc = gcc.arg(&library).args(["-lpthread", "-ldl", "-lm", "-o"]);
    succeed(gcc.arg(&program).current_dir(ROOT));
    program
}

/// A program that runs beside the test, until it ends or the test does.
struct Program {
    child: Child,
    file: PathBuf,
}

impl Program {
    /// Starts it, and reads what it says until it is ready.
    fn start(file: PathBuf, arguments: &[&str]) -> (Self, Vec<String>) {
        let child = Command::new(&file)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let mut program = Self {
            child: child.expect("it starts"),
            file,
        };
        let output = program.child.stdout.as_mut().expect("it is piped");
        let lines = BufReader::new(output)
            .lines()
            .map(|line| line.expect("it is text"));
        let lines: Vec<_> = lines.take_while(|line| line != "ready").collect();
        (program, lines)
    }

    /// Whether it has ended well.
    fn ends_well(mut self) -> bool {
        self.child.wait().expect("it can be waited for").success()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.file);
    }
}

fn make_tap() {
    ip("tuntap add dev zonda0 mode tap");
    ip("link set zonda0 up");
    join_tap();
}

/// What was sent comes back over one connection.
fn stream_is_echoed(target: &str) {
    let mut stream = TcpStream::connect((target, 7)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let sent: Vec<u8> = (0..60_000u32).map(|at| (at * 7 + at / 256) as u8).collect();
    let mut writer = stream.try_clone().unwrap();
    let data = sent.clone();
    let writing = thread::spawn(move || {
        writer.write_all(&data).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut back = Vec::new();
    let _: usize = stream.read_to_end(&mut back).unwrap();
    writing.join().unwrap();
    assert!(back == sent, "{} bytes came back", back.len());
}

/// What was sent comes back in datagrams, the longest of which are in fragments.
fn datagrams_are_echoed(target: &str) {
    let local = if target.contains(':') {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let socket = UdpSocket::bind(local).unwrap();
    socket.connect((target, 7)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    for length in [0, 1, 100, 1400, 2000] {
        let mut back = [0; 4096];
        assert_eq!(socket.send(&vec![length as u8; length]).unwrap(), length);
        assert_eq!(socket.recv(&mut back).unwrap(), length);
        assert!(back[..length].iter().all(|byte| *byte == length as u8));
    }
}

fn quit(target: &str) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let _: usize = socket.send_to(b"quit", (target, 7)).unwrap();
}

#[test]
fn a_program_in_c_echoes_with_linux() {
    if !is_installed("gcc") {
        skip!("gcc is not installed");
    }
    let _: PathBuf = library();
    in_namespace!("gcc");
    make_tap();
    let echo = compile("echo", &["examples/c/echo.c", "examples/c/tap.c"]);
    let (echo, addresses) = Program::start(echo, &["zonda0", DEVICE4, "24", DEVICE6, "64"]);
    assert!(
        addresses.contains(&format!("{DEVICE4}/24")),
        "{addresses:?}"
    );
    assert!(
        addresses.contains(&format!("{DEVICE6}/64")),
        "{addresses:?}"
    );
    for target in [DEVICE4, DEVICE6] {
        datagrams_are_echoed(target);
        stream_is_echoed(target);
    }
    let several =
        [DEVICE4, DEVICE6, DEVICE4].map(|target| thread::spawn(|| stream_is_echoed(target)));
    for each in several {
        each.join().unwrap();
    }
    quit(DEVICE4);
    assert!(echo.ends_well());
}

#[test]
fn a_program_in_c_gets_its_address_by_dhcp() {
    if !is_installed("gcc") {
        skip!("gcc is not installed");
    }
    let _: PathBuf = library();
    in_namespace!("gcc", "dnsmasq");
    make_tap();
    let _server = Dnsmasq::start("--port=0 --dhcp-range=10.9.0.50,10.9.0.50,255.255.255.0,1h");
    let echo = compile("echo", &["examples/c/echo.c", "examples/c/tap.c"]);
    let (echo, _) = Program::start(echo, &["zonda0"]);
    crate::demo::reaches("10.9.0.50");
    datagrams_are_echoed("10.9.0.50");
    quit("10.9.0.50");
    assert!(echo.ends_well());
}

#[test]
fn a_program_in_c_makes_every_call() {
    if !is_installed("gcc") {
        skip!("gcc is not installed");
    }
    let calls = compile("calls", &["tests/interop/c/calls.c"]);
    let output = Command::new(&calls).output().unwrap();
    fs::remove_file(calls).unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{}{}", text[0], text[1]);
    assert_eq!(text[0], "all is well\n");
}
