//! A serial line of this computer, to be read and written asynchronously.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use async_io::Async;
use embedded_io_async::{ErrorType, Read, Write};

/// Opens a device, or connects to a socket.
pub fn open(path: &Path) -> io::Result<Async<File>> {
    let file = match UnixStream::connect(path) {
        Ok(socket) => File::from(OwnedFd::from(socket)),
        Err(_) => OpenOptions::new().read(true).write(true).open(path)?,
    };
    Async::new(file)
}

/// A direction of a line.
pub struct Half<'l>(pub &'l Async<File>);

impl ErrorType for Half<'_> {
    type Error = io::Error;
}

impl Read for Half<'_> {
    async fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.0.read_with(|mut file| file.read(to)).await
    }
}

impl Write for Half<'_> {
    async fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.0.write_with(|mut file| file.write(from)).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
