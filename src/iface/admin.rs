//! What is said of an interface by hand: its name, and whether it may be used.

use core::fmt::Write;

use heapless::String;

use crate::link::{LinkState, Medium};

/// The longest name, in bytes: that of POSIX (`IF_NAMESIZE` less the end).
pub const NAME_LENGTH: usize = 15;

/// The name of an interface.
pub type InterfaceName = String<NAME_LENGTH>;

/// Whether an interface is at work (RFC 2863 §3.1.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OperationalState {
    /// Packets can pass.
    Up,
    /// It was switched off by hand.
    Down,
    /// It could be at work, were it not for the link below.
    LowerLayerDown,
}

/// Why an interface was not given a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NameError {
    /// There is no such interface.
    NoInterface,
    /// It has no character or more than 15 bytes, or it has spaces or control characters.
    Invalid,
    /// Another interface has it.
    Taken,
}

impl core::fmt::Display for NameError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoInterface => "no such interface",
            Self::Invalid => "not a name for an interface",
            Self::Taken => "another interface has this name",
        })
    }
}

impl core::error::Error for NameError {}

/// What was said of an interface by hand.
pub(crate) struct Admin {
    /// Empty: the one that is made of what the link is.
    name: InterfaceName,
    pub(crate) is_down: bool,
    /// What the port says of the link, whether the interface may be used or not.
    pub(crate) carrier: LinkState,
}

impl Admin {
    pub(crate) const fn new() -> Self {
        Self {
            name: InterfaceName::new(),
            is_down: false,
            carrier: LinkState::Down,
        }
    }

    /// What the rest of the stack sees of the link.
    pub(crate) const fn link(&self) -> LinkState {
        match self.is_down {
            true => LinkState::Down,
            false => self.carrier,
        }
    }

    pub(crate) const fn state(&self) -> OperationalState {
        match (self.is_down, self.carrier) {
            (true, _) => OperationalState::Down,
            (false, LinkState::Up) => OperationalState::Up,
            (false, LinkState::Down) => OperationalState::LowerLayerDown,
        }
    }

    /// The name of interface number `id` on such a link.
    pub(crate) fn name(&self, id: u8, medium: Medium, is_loopback: bool) -> InterfaceName {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let kind = match medium {
            _ if is_loopback => "lo",
            #[cfg(feature = "ethernet")]
            Medium::Ethernet => "eth",
            Medium::Ip => "ip",
        };
        let mut name = InterfaceName::new();
        // Five characters at most.
        let _: core::fmt::Result = write!(name, "{kind}{id}");
        name
    }

    pub(crate) fn set_name(&mut self, name: &str) -> Result<(), NameError> {
        let is_plain = name.chars().all(|c| !c.is_whitespace() && !c.is_control());
        let name = InterfaceName::try_from(name).map_err(|_| NameError::Invalid)?;
        if name.is_empty() || !is_plain {
            return Err(NameError::Invalid);
        }
        self.name = name;
        Ok(())
    }
}
