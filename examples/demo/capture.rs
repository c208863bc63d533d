//! `--pcap`: a relay between the driver and the stack that records what passes.

use std::fs::File;
use std::future::pending;
use std::io::{self, BufWriter};
use std::path::Path;
use std::time::SystemTime;

use zonda::drivers::pcap::{Capture, LinkType, PcapFile};
use zonda::link::Port;
use zonda::stack::{Clock, EmbassyClock};
use zonda::time::Instant;

/// A capture, if one is wanted.
pub struct Recording<'p>(Option<Capture<'p, PcapFile<BufWriter<File>>>>);

impl<'p> Recording<'p> {
    /// Records in `file` what passes between the driver of `inner` and the stack of `outer`.
    pub fn new(file: Option<&Path>, inner: &'p Port, outer: &'p Port) -> io::Result<Self> {
        let Some(path) = file else {
            return Ok(Self(None));
        };
        let file = File::create(path).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
        let link_type = LinkType::from(outer.split().0.capabilities().medium);
        let mut file = PcapFile::new(BufWriter::new(file), link_type)?;
        let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let started = EmbassyClock.now().since(Instant::ZERO);
        file.set_origin(since_1970.saturating_sub(started.into()));
        Ok(Self(Some(Capture::new(inner, outer, file))))
    }

    /// The port that the driver belongs to.
    pub fn driver_side<'q>(&self, inner: &'q Port, outer: &'q Port) -> &'q Port {
        match self.0 {
            Some(_) => inner,
            None => outer,
        }
    }

    /// Never ends.
    pub async fn run(&mut self) {
        match &mut self.0 {
            Some(capture) => {
                let _ = capture.run(|| EmbassyClock.now()).await;
            }
            None => pending().await,
        }
    }

    /// Writes out what is left.
    pub fn finish(self) -> io::Result<()> {
        match self.0 {
            Some(capture) => capture.into_sink().finish().map(drop),
            None => Ok(()),
        }
    }
}
