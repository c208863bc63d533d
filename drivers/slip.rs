//! SLIP on a UART (RFC 1055): a serial line whose other end is a port.
//!
//! The port's medium says which form the line has: of [`Medium::Ip`](crate::link::Medium::Ip) the
//! frames are bare packets, as in the RFC; of `Medium::Ethernet` they are Ethernet frames, as
//! Zephyr exchanges them with an emulator's host. Either way the longest frame follows from the MTU
//! of the port's capabilities: [`USUAL_MTU`](crate::l2::slip::USUAL_MTU) where the other end is
//! unknown, at least 1,280 for IPv6, whatever both ends know to fit else.
//!
//! A UART is whatever `embedded_io_async` can read and write: it should buffer what comes in while
//! nobody reads. Octets are decoded into blocks of the pool as they come, and encoded from the
//! fragments of a packet as the UART takes them. A frame that is damaged, too long, or finds no block
//! is passed over up to the END that begins or ends the next, which is good.

use core::convert::Infallible;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embedded_io_async::{Read, Write};

use super::{LinkUp, longest_frame, pass, receive_offset};
use crate::config;
use crate::l2::slip::{Decoder, Encoder, Piece};
use crate::link::DriverEnd;
use crate::netbuf::{NetBuf, NoBuffer, Pool, Purpose};

/// Reads or writes of a UART before other tasks have their turn.
const BATCH: u32 = 16;
/// Errors in a row after which a UART counts as broken.
const PATIENCE: u32 = 16;

/// Frames that a serial line has lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SlipStats {
    /// Received with an escape that stands for nothing.
    pub bad_escapes: u32,
    /// Received and longer than the MTU allows.
    pub receive_long: u32,
    /// Received when no block was free.
    pub no_block: u32,
    /// Cut by an error of the UART, such as an overrun.
    pub read_errors: u32,
    /// Received without a byte. That is no error: there is one between any two frames of a sender
    /// that begins and ends them.
    pub empty: u32,
    /// To be sent and longer than the MTU allows.
    pub send_long: u32,
}

/// Why a line is served no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SlipError<R, W> {
    /// The UART has come to its end: there is nothing more to be read, or nothing can be written.
    Closed,
    /// Reading fails again and again; the last error. Single ones cost a frame and are counted.
    Read(R),
    /// Writing has failed.
    Write(W),
}

impl<R: fmt::Debug, W: fmt::Debug> fmt::Display for SlipError<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the serial line is closed"),
            Self::Read(error) => write!(f, "the serial line cannot be read: {error:?}"),
            Self::Write(error) => write!(f, "the serial line cannot be written: {error:?}"),
        }
    }
}

impl<R: fmt::Debug, W: fmt::Debug> core::error::Error for SlipError<R, W> {}

/// A serial line, with what is on its way at this moment.
///
/// The two directions are independent, and can be [split](SlipDriver::split). What a future is
/// dropped in the middle of goes on in the next, as far as the UART's own futures allow that.
pub struct SlipDriver<R, W> {
    receiver: SlipReceiver<R>,
    sender: SlipSender<W>,
}

/// The direction from the line to the port.
pub struct SlipReceiver<R> {
    reader: R,
    decoder: Decoder,
    /// What has come of a frame.
    frame: Option<NetBuf>,
    stats: SlipStats,
}

/// The direction from the port to the line.
pub struct SlipSender<W> {
    writer: W,
    encoder: Encoder,
    /// What is left of a frame.
    frame: Option<NetBuf>,
    line: [u8; config::SLIP_CHUNK],
    /// The octets of `line` that are to be written.
    from: usize,
    to: usize,
    long: u32,
}

impl<R: Read, W: Write> SlipDriver<R, W> {
    /// The line that `reader` and `writer`, the two halves of a UART, are connected to.
    pub const fn new(reader: R, writer: W) -> Self {
        Self {
            receiver: SlipReceiver {
                reader,
                decoder: Decoder::new(),
                frame: None,
                stats: SlipStats {
                    bad_escapes: 0,
                    receive_long: 0,
                    no_block: 0,
                    read_errors: 0,
                    empty: 0,
                    send_long: 0,
                },
            },
            sender: SlipSender {
                writer,
                encoder: Encoder::new(),
                frame: None,
                line: [0; config::SLIP_CHUNK],
                from: 0,
                to: 0,
                long: 0,
            },
        }
    }

    /// Moves frames between the line and the port of `driver`, both ways at once, receiving into
    /// blocks of `pool`. The link is up as long as this runs. It ends only with an error.
    pub async fn run(
        &mut self,
        driver: DriverEnd<'_>,
        pool: Pool,
    ) -> Result<Infallible, SlipError<R::Error, W::Error>> {
        let mut receive = pin!(self.receiver.run(driver, pool));
        let mut send = pin!(self.sender.run(driver));
        // Each direction goes on while the other waits.
        poll_fn(|context| {
            if let Poll::Ready(Err(error)) = receive.as_mut().poll(context) {
                return Poll::Ready(Err(match error {
                    SlipError::Read(error) => SlipError::Read(error),
                    SlipError::Closed => SlipError::Closed,
                    SlipError::Write(never) => match never {},
                }));
            }
            send.as_mut().poll(context).map_err(|error| match error {
                SlipError::Write(error) => SlipError::Write(error),
                SlipError::Closed => SlipError::Closed,
                SlipError::Read(never) => match never {},
            })
        })
        .await
    }

    /// Frames lost so far.
    pub fn stats(&self) -> SlipStats {
        SlipStats {
            send_long: self.sender.long,
            ..self.receiver.stats
        }
    }

    /// The two directions, for tasks of their own.
    pub fn split(&mut self) -> (&mut SlipReceiver<R>, &mut SlipSender<W>) {
        (&mut self.receiver, &mut self.sender)
    }
}

impl<R: Read> SlipReceiver<R> {
    /// Gives what the line brings to the port of `driver`, in blocks of `pool`. It ends only with an
    /// error.
    pub async fn run(
        &mut self,
        driver: DriverEnd<'_>,
        pool: Pool,
    ) -> Result<Infallible, SlipError<R::Error, Infallible>> {
        let mut line = [0; config::SLIP_CHUNK];
        let mut failures = 0;
        loop {
            for _ in 0..BATCH {
                match self.reader.read(&mut line).await {
                    Ok(0) => return Err(SlipError::Closed),
                    Ok(length) => {
                        failures = 0;
                        self.take(line.get(..length).unwrap_or(&line), driver, pool);
                    }
                    Err(error) => {
                        // Nobody knows how much is missing: where a frame begins is known again at
                        // the next END.
                        self.stats.read_errors = self.stats.read_errors.wrapping_add(1);
                        self.lose(driver);
                        failures += 1;
                        if failures == PATIENCE {
                            return Err(SlipError::Read(error));
                        }
                    }
                }
            }
            pass().await;
        }
    }

    /// Takes in what was read.
    fn take(&mut self, line: &[u8], driver: DriverEnd<'_>, pool: Pool) {
        let link = driver.capabilities();
        let (longest, offset) = (
            longest_frame(link.medium, link.mtu),
            receive_offset(link.medium),
        );
        let mut line = line;
        while let Some(piece) = self.decoder.next(&mut line) {
            match piece {
                Piece::Data(data) => {
                    let frame = match self.frame.take() {
                        Some(frame) => Ok(frame),
                        None => pool.alloc(Purpose::Receive, offset),
                    };
                    let frame = match frame {
                        Ok(frame) if frame.len() + data.len() > longest => {
                            self.stats.receive_long = self.stats.receive_long.wrapping_add(1);
                            self.lose(driver);
                            continue;
                        }
                        Ok(mut frame) => frame.append(data).map(|()| frame),
                        Err(error) => Err(error),
                    };
                    match frame {
                        Ok(frame) => self.frame = Some(frame),
                        Err(NoBuffer) => {
                            self.stats.no_block = self.stats.no_block.wrapping_add(1);
                            self.lose(driver);
                        }
                    }
                }
                Piece::End => match self.frame.take() {
                    // A port without room has counted it.
                    Some(frame) => drop(driver.deliver(frame)),
                    None => self.stats.empty = self.stats.empty.wrapping_add(1),
                },
                Piece::Bad => {
                    self.stats.bad_escapes = self.stats.bad_escapes.wrapping_add(1);
                    driver.count_receive_errors(1);
                    // The decoder passes over the rest by itself.
                    self.frame = None;
                }
            }
        }
    }

    /// Drops the frame that is coming in, with what is still to come of it.
    fn lose(&mut self, driver: DriverEnd<'_>) {
        self.frame = None;
        self.decoder.skip();
        driver.count_receive_errors(1);
    }

    /// Frames lost so far.
    pub fn stats(&self) -> SlipStats {
        self.stats
    }
}

impl<W: Write> SlipSender<W> {
    /// Writes the frames of the port of `driver` to the line. The link is up as long as this runs. It
    /// ends only with an error.
    pub async fn run(
        &mut self,
        driver: DriverEnd<'_>,
    ) -> Result<Infallible, SlipError<Infallible, W::Error>> {
        let _up = LinkUp::new(driver);
        loop {
            for _ in 0..BATCH {
                if self.from == self.to && self.frame.is_none() {
                    self.frame = Some(self.next_frame(driver).await?);
                }
                self.fill();
                let octets = self.line.get(self.from..self.to).unwrap_or_default();
                match self.writer.write(octets).await {
                    Ok(0) => return Err(SlipError::Closed),
                    Ok(length) => self.from = (self.from + length).min(self.to),
                    Err(error) => return Err(SlipError::Write(error)),
                }
            }
            pass().await;
        }
    }

    /// The next frame that fits the line.
    async fn next_frame(
        &mut self,
        driver: DriverEnd<'_>,
    ) -> Result<NetBuf, SlipError<Infallible, W::Error>> {
        loop {
            let frame = match driver.try_next_tx() {
                Some(frame) => frame,
                None => {
                    self.writer.flush().await.map_err(SlipError::Write)?;
                    driver.next_tx().await
                }
            };
            let link = driver.capabilities();
            if frame.len() <= longest_frame(link.medium, link.mtu) {
                return Ok(frame);
            }
            self.long = self.long.wrapping_add(1);
        }
    }

    /// Encodes what there is space for; what is written of a frame goes back to the pool.
    fn fill(&mut self) {
        if self.from == self.to {
            (self.from, self.to) = (0, 0);
        }
        while let Some(frame) = &mut self.frame {
            let space = self.line.get_mut(self.to..).unwrap_or_default();
            let written = match frame.fragments().next() {
                Some(fragment) => {
                    let mut rest = fragment;
                    let written = self.encoder.encode(&mut rest, space);
                    let taken = fragment.len() - rest.len();
                    frame.advance(taken);
                    written
                }
                None => {
                    let written = self.encoder.end(space);
                    if self.encoder.is_done() {
                        self.frame = None;
                    }
                    written
                }
            };
            self.to += written;
            if written == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
