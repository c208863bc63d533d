//! The octets of a response: gathered, framed, and sent as fast as the client takes them.

use super::chunked::{CHUNK_SIZE_LENGTH, chunk_size};
use super::error::HttpError;
use super::fields::{is_text, is_token};
use super::stream::{HttpStream, write_all};
use super::timer::{Pace, Patience};

/// Octets that are given to a stream at once, and so the least that a client takes in its time.
const PIECE: usize = 4096;
/// The line in front of a chunk that is gathered: four digits, CR and LF.
const GATHERED_SIZE: usize = 6;

/// What has been sent of a response, and how its body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// A client has a length, or chunks.
#[cfg_attr(not(feature = "http-server"), expect(dead_code))]
pub(super) enum Framing {
    /// No head has been sent.
    None,
    /// So many octets of the body are to come.
    Octets(u64),
    /// Chunks, of which one may be open: it begins at this place of the buffer.
    Chunks(Option<usize>),
    /// All to the end of the connection (RFC 9112 §6.3, 8).
    UntilClose,
    /// A body that is not sent: the response is to HEAD, or of a status that has none.
    Hidden,
    /// All was sent.
    Over,
    /// The connection belongs to another protocol.
    Upgraded,
}

/// A response on its way.
pub(super) struct Output<'e> {
    buffer: &'e mut [u8],
    length: usize,
    pub(super) framing: Framing,
    patience: Patience,
}

impl<'e> Output<'e> {
    pub(super) const fn new(pace: &Pace<'_>, buffer: &'e mut [u8]) -> Self {
        Self {
            buffer,
            length: 0,
            framing: Framing::None,
            patience: Patience::new(pace.rate),
        }
    }

    /// The buffer, without what was gathered and not sent.
    #[cfg(feature = "http-client")]
    pub(super) const fn into_buffer(self) -> &'e mut [u8] {
        self.buffer
    }

    // ---- Gathering -----------------------------------------------------------------------

    /// Forgets what was gathered.
    #[cfg(feature = "http-server")]
    pub(super) const fn clear(&mut self) {
        self.length = 0;
    }

    /// Gathers all of this.
    pub(super) fn put(&mut self, octets: &[u8]) -> Result<(), HttpError> {
        let room = self.buffer.get_mut(self.length..self.length + octets.len());
        room.ok_or(HttpError::NoRoom)?.copy_from_slice(octets);
        self.length += octets.len();
        Ok(())
    }

    /// Gathers a field. One that could be read as more than a field is refused (RFC 9112 §11.1).
    pub(super) fn put_field(&mut self, name: &str, value: &[&[u8]]) -> Result<(), HttpError> {
        let mut octets = value.iter().flat_map(|part| part.iter());
        if !is_token(name.as_bytes()) || !octets.all(|octet| is_text(*octet)) {
            return Err(HttpError::Misuse);
        }
        self.put(name.as_bytes())?;
        self.put(b": ")?;
        for part in value {
            self.put(part)?;
        }
        self.put(b"\r\n")
    }

    fn room(&self) -> usize {
        self.buffer.len().saturating_sub(self.length)
    }

    /// Gathers the beginning of this, of so many octets.
    fn put_part(&mut self, octets: &[u8], length: usize) -> Result<usize, HttpError> {
        self.put(octets.get(..length).unwrap_or(octets))?;
        Ok(length.min(octets.len()))
    }

    fn open_chunk(&mut self) -> Result<(), HttpError> {
        self.framing = Framing::Chunks(Some(self.length));
        self.put(b"0000\r\n")
    }

    /// Writes the size of the chunk that is open in front of it, and its end.
    fn close_chunk(&mut self) -> Result<(), HttpError> {
        let Framing::Chunks(Some(start)) = self.framing else {
            return Ok(());
        };
        self.framing = Framing::Chunks(None);
        let size = self.length.saturating_sub(start + GATHERED_SIZE);
        let digits = [12, 8, 4, 0].map(|shift| {
            let digit = char::from_digit((size >> shift) as u32 & 15, 16);
            digit.map_or(b'0', |digit| digit as u8)
        });
        if let Some(place) = self.buffer.get_mut(start..start + digits.len()) {
            place.copy_from_slice(&digits);
        }
        self.put(b"\r\n")
    }

    // ---- Sending -------------------------------------------------------------------------

    /// Sends what was gathered.
    pub(super) async fn flush<S: HttpStream>(
        &mut self,
        stream: &mut S,
        pace: &Pace<'_>,
    ) -> Result<(), HttpError> {
        self.close_chunk()?;
        let length = core::mem::take(&mut self.length);
        let octets = self.buffer.get(..length).unwrap_or(&[]);
        send(stream, pace, &mut self.patience, octets).await
    }

    /// Writes some of the body: how many octets of it.
    pub(super) async fn write<S: HttpStream>(
        &mut self,
        stream: &mut S,
        pace: &Pace<'_>,
        octets: &[u8],
    ) -> Result<usize, HttpError> {
        if octets.is_empty() {
            return Ok(0);
        }
        loop {
            let (overhead, is_open) = match self.framing {
                Framing::None | Framing::Over | Framing::Upgraded => return Err(HttpError::Misuse),
                Framing::Hidden => return Ok(octets.len()),
                Framing::Octets(left) if octets.len() as u64 > left => {
                    return Err(HttpError::Misuse);
                }
                Framing::Octets(_) | Framing::UntilClose => (0, true),
                Framing::Chunks(open) => {
                    let size = if open.is_some() { 0 } else { GATHERED_SIZE };
                    (size + 2, open.is_some())
                }
            };
            // What fills the buffer more than once is not copied there.
            if self.length == 0 && octets.len() >= self.buffer.len() {
                self.announce(octets.len())?;
                self.flush(stream, pace).await?;
                send(stream, pace, &mut self.patience, octets).await?;
                return self.sent(octets.len());
            }
            let room = self.room().saturating_sub(overhead);
            if room == 0 {
                self.flush(stream, pace).await?;
                continue;
            }
            if !is_open {
                self.open_chunk()?;
            }
            let length = self.put_part(octets, room)?;
            if let Framing::Octets(left) = &mut self.framing {
                *left -= length as u64;
            }
            return Ok(length);
        }
    }

    /// Writes all of this, where it is if the stream can do that.
    pub(super) async fn write_static<S: HttpStream>(
        &mut self,
        stream: &mut S,
        pace: &Pace<'_>,
        octets: &'static [u8],
    ) -> Result<(), HttpError> {
        match self.framing {
            Framing::None | Framing::Over | Framing::Upgraded => return Err(HttpError::Misuse),
            Framing::Hidden => return Ok(()),
            Framing::Octets(left) if octets.len() as u64 > left => return Err(HttpError::Misuse),
            Framing::Octets(_) | Framing::UntilClose | Framing::Chunks(_) => {}
        }
        if octets.is_empty() {
            return Ok(());
        }
        self.close_chunk()?;
        if self.room() < CHUNK_SIZE_LENGTH {
            self.flush(stream, pace).await?;
        }
        self.announce(octets.len())?;
        for piece in octets.chunks(PIECE) {
            let length = core::mem::take(&mut self.length);
            let head = self.buffer.get(..length).unwrap_or(&[]);
            let start = pace.timer.now();
            let written = stream.write_static(head, piece);
            let deadline = self.patience.deadline(start);
            let written = pace.timer.before(deadline, written).await;
            written.ok_or(HttpError::TimedOut)??;
            let waited = pace.timer.now().since(start);
            let patience = &mut self.patience;
            patience.account(pace.rate, waited, head.len() + piece.len());
        }
        let _: usize = self.sent(octets.len())?;
        Ok(())
    }

    /// Gathers the line in front of a chunk, where there are chunks.
    fn announce(&mut self, size: usize) -> Result<(), HttpError> {
        self.close_chunk()?;
        match self.framing {
            Framing::Chunks(_) => self.put(chunk_size(size as u64, &mut [0; CHUNK_SIZE_LENGTH])),
            _ => Ok(()),
        }
    }

    /// So much of the body was sent without being gathered.
    fn sent(&mut self, length: usize) -> Result<usize, HttpError> {
        match &mut self.framing {
            Framing::Octets(left) => *left = left.saturating_sub(length as u64),
            Framing::Chunks(_) => self.put(b"\r\n")?,
            _ => {}
        }
        Ok(length)
    }

    /// Ends the body, behind chunks with these fields.
    pub(super) async fn finish<S: HttpStream>(
        &mut self,
        stream: &mut S,
        pace: &Pace<'_>,
        trailers: &[(&str, &str)],
    ) -> Result<(), HttpError> {
        match self.framing {
            Framing::Octets(0) | Framing::UntilClose | Framing::Hidden | Framing::Over => {}
            Framing::Chunks(_) => {
                self.close_chunk()?;
                let fields = trailers
                    .iter()
                    .map(|(name, value)| name.len() + value.len() + 4);
                if self.room() < fields.sum::<usize>().saturating_add(5) {
                    self.flush(stream, pace).await?;
                }
                self.put(b"0\r\n")?;
                for (name, value) in trailers {
                    self.put_field(name, &[value.as_bytes()])?;
                }
                self.put(b"\r\n")?;
            }
            Framing::None | Framing::Octets(_) | Framing::Upgraded => {
                return Err(HttpError::Misuse);
            }
        }
        self.framing = Framing::Over;
        self.flush(stream, pace).await
    }
}

/// Writes a copy of this, a piece after the other.
pub(super) async fn send<S: HttpStream>(
    stream: &mut S,
    pace: &Pace<'_>,
    patience: &mut Patience,
    octets: &[u8],
) -> Result<(), HttpError> {
    for piece in octets.chunks(PIECE) {
        let start = pace.timer.now();
        let written = write_all(stream, piece);
        let written = pace.timer.before(patience.deadline(start), written).await;
        written.ok_or(HttpError::TimedOut)??;
        let waited = pace.timer.now().since(start);
        patience.account(pace.rate, waited, piece.len());
    }
    Ok(())
}
