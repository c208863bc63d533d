//! The name of the host.

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use super::waiters::WaitKey;
use crate::iface::{EventKind, Hostname, HostnameError, HostnameSuffix};

impl Core<'_> {
    pub(crate) const fn hostname(&self) -> Hostname {
        self.hostname
    }

    #[cold]
    fn set_hostname(&mut self, name: Hostname) {
        if self.hostname == name {
            return;
        }
        self.hostname = name;
        self.waiters.wake(WaitKey::HOSTNAME);
        self.emit(0, EventKind::HostnameChanged);
    }

    /// The last octets of the hardware address of an interface.
    fn hardware_suffix(&self, id: InterfaceId) -> Option<[u8; 3]> {
        let address = self.interface(id)?.capabilities.address;
        address.as_bytes().last_chunk().copied()
    }
}

impl Stack<'_> {
    /// The name of the host, at first [`HOSTNAME`](crate::config::HOSTNAME).
    pub fn hostname(self) -> Hostname {
        self.visit(|core| core.hostname())
    }

    /// Gives the host a name: 1 to 63 letters, digits and hyphens, with no hyphen at either end
    /// (RFC 1123 §2.1). What is told to others from now on has it.
    ///
    /// # Errors
    ///
    /// [`HostnameError::Malformed`] if it is not such a name.
    pub fn set_hostname(self, name: &str) -> Result<(), HostnameError> {
        let name = Hostname::new(name)?;
        self.visit(|core| core.set_hostname(name));
        Ok(())
    }

    /// Gives the host this name with a suffix that no other of its kind has: a hyphen and six
    /// hexadecimal digits, as in `zonda-02ab34`. The end of a long name is left out for it.
    ///
    /// # Errors
    ///
    /// [`HostnameError::Malformed`] as [`Stack::set_hostname`];
    /// [`HostnameError::NoHardwareAddress`] if the interface has none, or there is no such one.
    pub fn set_unique_hostname(
        self,
        name: &str,
        suffix: HostnameSuffix,
    ) -> Result<(), HostnameError> {
        let name = Hostname::new(name)?;
        self.visit(|core| {
            let octets = match suffix {
                HostnameSuffix::Hardware(id) => core.hardware_suffix(id),
                HostnameSuffix::Random => core.rng.next_u32().to_be_bytes().last_chunk().copied(),
            };
            let octets = octets.ok_or(HostnameError::NoHardwareAddress)?;
            core.set_hostname(name.with_octets(octets));
            Ok(())
        })
    }
}
