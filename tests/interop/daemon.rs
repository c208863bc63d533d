//! Programs of Linux that run for as long as a test does, with a folder of their own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

/// A folder with files. Dropped, it is removed.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes a folder with these files, each of which may be run.
    pub fn new(files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("zonda-interop-{}-{number}", std::process::id());
        let folder = Self(env::temp_dir().join(name));
        fs::create_dir(&folder.0).unwrap();
        for (name, text) in files {
            let path = folder.0.join(name);
            fs::write(&path, folder.fill(text)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    /// A text with the name of the folder in place of each `FOLDER`.
    pub fn fill(&self, text: &str) -> String {
        text.replace("FOLDER", self.0.to_str().unwrap())
    }

    /// What a file in it says; nothing if it is not there.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A program that runs. Dropped, it is killed.
pub struct Daemon {
    child: Child,
    pub folder: Folder,
}

impl Daemon {
    /// Runs a command, whose words are apart by white space, in a folder with these files.
    pub fn start(command: &str, files: &[(&str, &str)]) -> Self {
        let folder = Folder::new(files);
        let command = folder.fill(command);
        let mut words = command.split_whitespace();
        let child = Command::new(words.next().unwrap())
            .args(words)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{command}: {error}"));
        Self { child, folder }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
