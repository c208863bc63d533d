//! The body of a message as it comes.

use core::ops::Range;

use embedded_io_async::Read;

use super::chunked::ChunkedDecoder;
use super::error::HttpError;
use super::fields::Fields;
use super::framing::BodyLength;
use super::scan::SectionScanner;
use super::timer::{Pace, Patience, Rate};

/// What is to come of a body.
#[derive(Clone, Debug)]
enum Body {
    /// So many octets.
    Octets(u64),
    Chunks(ChunkedDecoder),
    /// All to the end of the connection.
    ToEnd,
    /// Nothing.
    Over,
}

/// What has been received behind a head, and how the body in it is framed.
pub(super) struct Input<'e> {
    buffer: &'e mut [u8],
    unread: Range<usize>,
    body: Body,
    /// Octets of the body that are taken.
    limit: u64,
    /// The fields behind the chunks.
    trailers: Range<usize>,
    patience: Patience,
}

impl<'e> Input<'e> {
    /// A body of this length in what comes behind a head: of `buffer` so many octets are there. No
    /// more than `limit` are taken.
    pub(super) fn new(
        rate: Rate,
        length: BodyLength,
        limit: u64,
        buffer: &'e mut [u8],
        there: usize,
    ) -> Self {
        Self {
            unread: 0..there.min(buffer.len()),
            buffer,
            body: match length {
                BodyLength::Octets(0) => Body::Over,
                BodyLength::Octets(length) => Body::Octets(length),
                BodyLength::Chunked => Body::Chunks(ChunkedDecoder::new()),
                BodyLength::ToEnd => Body::ToEnd,
            },
            limit,
            trailers: 0..0,
            patience: Patience::new(rate),
        }
    }

    #[cfg(feature = "http-server")]
    pub(super) const fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// Whether what is known to come is more than is taken.
    pub(super) fn check_limit(&self) -> Result<(), HttpError> {
        match self.body {
            Body::Octets(left) if left > self.limit => Err(HttpError::TooLarge),
            _ => Ok(()),
        }
    }

    /// Whether all of the body has been read.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.body, Body::Over)
    }

    /// How many octets are to come, if that is known.
    pub(super) const fn left(&self) -> Option<u64> {
        match self.body {
            Body::Octets(left) => Some(left),
            Body::Chunks(_) | Body::ToEnd => None,
            Body::Over => Some(0),
        }
    }

    /// What has been received and not read; behind a body that is over, what follows the request.
    pub(super) const fn unread(&self) -> &Range<usize> {
        &self.unread
    }

    /// Reads what has been received, whatever it is.
    pub(super) fn take(&mut self, to: &mut [u8]) -> usize {
        let unread = self.buffer.get(self.unread.clone()).unwrap_or(&[]);
        let length = unread.len().min(to.len());
        if let (Some(to), Some(from)) = (to.get_mut(..length), unread.get(..length)) {
            to.copy_from_slice(from);
        }
        self.unread.start += length;
        length
    }

    pub(super) fn trailers(&self) -> Fields<'_> {
        let section = self.buffer.get(self.trailers.clone());
        section
            .map_or(Ok(Fields::default()), Fields::new)
            .unwrap_or_default()
    }

    /// Reads of the body; 0 at its end, or if there is no room in `to`.
    pub(super) async fn read(
        &mut self,
        stream: &mut impl Read,
        pace: &Pace<'_>,
        to: &mut [u8],
    ) -> Result<usize, HttpError> {
        if to.is_empty() {
            return Ok(0);
        }
        let length = loop {
            match &mut self.body {
                Body::Over => return Ok(0),
                Body::Octets(left) => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(to.len());
                    let to = to.get_mut(..most).unwrap_or(&mut []);
                    let length = match self.unread.is_empty() {
                        false => self.take(to),
                        true => wait(stream, pace, &mut self.patience, to).await?,
                    };
                    let Body::Octets(left) = &mut self.body else {
                        return Ok(0);
                    };
                    *left = left.saturating_sub(length as u64);
                    if *left == 0 {
                        self.body = Body::Over;
                    }
                    break length;
                }
                Body::ToEnd if !self.unread.is_empty() => break self.take(to),
                Body::ToEnd => match wait(stream, pace, &mut self.patience, to).await {
                    Err(HttpError::Ended) => {
                        self.body = Body::Over;
                        return Ok(0);
                    }
                    length => break length?,
                },
                Body::Chunks(decoder) => {
                    let here = usize::try_from(decoder.content_left()).unwrap_or(usize::MAX);
                    if self.unread.is_empty() && here > 0 {
                        let to = to.get_mut(..here.min(to.len())).unwrap_or(&mut []);
                        let length = wait(stream, pace, &mut self.patience, to).await?;
                        decoder.skip(length);
                        break length;
                    }
                    let unread = self.buffer.get(self.unread.clone()).unwrap_or(&[]);
                    let decoded = decoder.decode(unread, to.len());
                    let decoded = decoded.map_err(|_| HttpError::Malformed)?;
                    self.unread.start += decoded.consumed;
                    let content = unread.get(decoded.content).unwrap_or(&[]);
                    if let Some(to) = to.get_mut(..content.len()).filter(|to| !to.is_empty()) {
                        to.copy_from_slice(content);
                        break content.len();
                    }
                    if decoder.is_over() {
                        self.read_trailers(stream, pace).await?;
                        self.body = Body::Over;
                    } else if self.unread.is_empty() {
                        self.fill(stream, pace).await?;
                    }
                }
            }
        };
        let limit = self.limit.checked_sub(length as u64);
        self.limit = limit.ok_or(HttpError::TooLarge)?;
        Ok(length)
    }

    /// Reads the fields behind the last chunk, all of which must find room.
    async fn read_trailers(
        &mut self,
        stream: &mut impl Read,
        pace: &Pace<'_>,
    ) -> Result<(), HttpError> {
        self.compact();
        let mut scanner = SectionScanner::new();
        loop {
            let unread = self.buffer.get(self.unread.clone()).unwrap_or(&[]);
            let end = scanner.scan(unread).map_err(|_| HttpError::Malformed)?;
            if let Some(end) = end {
                let section = unread.get(..end).unwrap_or(&[]);
                let fields = Fields::new(section).map_err(|_| HttpError::Malformed)?;
                let _: Fields<'_> = fields;
                self.trailers = 0..end;
                self.unread.start += end;
                return Ok(());
            }
            self.fill(stream, pace).await?;
        }
    }

    /// Reads more behind what has not been read.
    async fn fill(&mut self, stream: &mut impl Read, pace: &Pace<'_>) -> Result<(), HttpError> {
        if self.unread.is_empty() {
            self.unread = 0..0;
        }
        let room = self.buffer.get_mut(self.unread.end..).unwrap_or(&mut []);
        if room.is_empty() {
            return Err(HttpError::TooLarge);
        }
        let length = wait(stream, pace, &mut self.patience, room).await?;
        self.unread.end += length;
        Ok(())
    }

    /// Moves what has not been read to the front.
    fn compact(&mut self) {
        let length = self.unread.len();
        if self.unread.end <= self.buffer.len() {
            self.buffer.copy_within(self.unread.clone(), 0);
        }
        self.unread = 0..length;
    }
}

/// Reads from the stream, as long as there is patience.
async fn wait(
    stream: &mut impl Read,
    pace: &Pace<'_>,
    patience: &mut Patience,
    to: &mut [u8],
) -> Result<usize, HttpError> {
    let start = pace.timer.now();
    let read = stream.read(to);
    let read = pace.timer.before(patience.deadline(start), read).await;
    match read.ok_or(HttpError::TimedOut)? {
        Ok(0) => Err(HttpError::Ended),
        Ok(length) => {
            let waited = pace.timer.now().since(start);
            patience.account(pace.rate, waited, length);
            Ok(length)
        }
        Err(_) => Err(HttpError::Broken),
    }
}
