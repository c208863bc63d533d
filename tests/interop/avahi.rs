//! avahi on `zonda0`, with a message bus of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::stack::until;

/// The daemon and its bus, which end with the test.
pub struct Avahi {
    directory: PathBuf,
    children: Vec<Child>,
}

impl Avahi {
    /// Starts it with this name of the host, and waits until it answers.
    pub async fn start(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("zonda-avahi-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.display().to_string();
        let bus = format!(
            "<busconfig><type>system</type><listen>unix:path={path}/bus</listen>\
             <auth>EXTERNAL</auth><policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/>\
             <allow send_destination=\"*\"/><allow receive_sender=\"*\"/></policy></busconfig>"
        );
        fs::write(directory.join("bus.conf"), bus).unwrap();
        let daemon = format!(
            "[server]\nhost-name={name}\nuse-ipv4=yes\nuse-ipv6=yes\nallow-interfaces=zonda0\n\
             enable-dbus=yes\nratelimit-burst=1000\n[publish]\npublish-workstation=no\n\
             publish-hinfo=no\n"
        );
        fs::write(directory.join("avahi.conf"), daemon).unwrap();
        let mut avahi = Self {
            directory,
            children: Vec::new(),
        };
        avahi.spawn(&format!(
            "dbus-daemon --config-file={path}/bus.conf --nofork --nopidfile"
        ));
        let socket = avahi.directory.join("bus");
        until("the bus is there", || socket.exists()).await;
        // Where it writes its number is its own.
        let options = "--no-drop-root --no-chroot --no-rlimits --no-proc-title";
        avahi.spawn(&format!(
            "unshare --mount sh -c \"mount -t tmpfs tmpfs /run && \
             exec avahi-daemon -f {path}/avahi.conf {options}\""
        ));
        until("avahi answers", || {
            let asked = avahi
                .command("avahi-resolve -4 -n no.local")
                .output()
                .unwrap();
            !String::from_utf8_lossy(&asked.stderr).contains("Daemon not running")
        })
        .await;
        avahi
    }

    fn spawn(&mut self, command: &str) {
        let child = self.command(command).stdin(Stdio::null()).spawn().unwrap();
        self.children.push(child);
    }

    /// A command with its bus.
    fn command(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        let bus = format!("unix:path={}/bus", self.directory.display());
        let _: &mut Command = shell.arg("-c").arg(format!("exec {command}"));
        let _: &mut Command = shell.env("DBUS_SYSTEM_BUS_ADDRESS", bus);
        shell
    }

    /// What a command prints, while the stack runs.
    pub async fn run(&self, command: &str) -> String {
        let output = Path::new(&self.directory).join("output");
        let file = fs::File::create(&output).unwrap();
        let errors = file.try_clone().unwrap();
        let mut child = self
            .command(command)
            .stdout(file)
            .stderr(errors)
            .spawn()
            .unwrap();
        until(command, || child.try_wait().unwrap().is_some()).await;
        let text = fs::read_to_string(output).unwrap();
        println!("{command}: {text}");
        text
    }

    /// A command that goes on until this is dropped.
    pub fn keep(&self, command: &str) -> Kept {
        let command = self.command(command).stdin(Stdio::null()).spawn();
        Kept(command.unwrap())
    }
}

impl Drop for Avahi {
    fn drop(&mut self) {
        for mut child in self.children.drain(..).rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A program, which ends when it is dropped.
pub struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
