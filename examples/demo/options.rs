//! The flags.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, Error, Parser, ValueExt};
use zonda::iface::{Ipv4Cidr, Ipv6Cidr};

pub const HELP: &str = "\
Runs a device with a Zonda stack. It has a web page on port 80, answers ping, echoes UDP and TCP
on port 7 and discards both on port 9.

Without --tap and --tun the device and a gateway are on an Ethernet inside of this process, and
ports of 127.0.0.1 lead to the device's page (by TCP) and to its port 7 (by UDP).

  --tap NAME           put the device on this TAP interface of Linux, created if need be (as root)
  --tun NAME           put the device on this TUN interface; both at once are two interfaces
  --dhcp               take an IPv4 address on the TAP interface by DHCP
  --ipv4 ADDR/LEN      the device's IPv4 address on the Ethernet; inside of this process it has one
                       by DHCP without this
  --gateway4 ADDR      its IPv4 gateway
  --ipv6 ADDR/LEN      its IPv6 address on the Ethernet, beside those made of what routers advertise
  --mac ADDR           its Ethernet address
  --tun-ipv4 ADDR/LEN  its IPv4 address on the TUN interface
  --tun-ipv6 ADDR/LEN  its IPv6 address on the TUN interface
  --web PORT           the port of 127.0.0.1 that leads to the page; without it 8080, or any
  --port PORT          the port of 127.0.0.1 that leads to the device's port 7; without it, any
  --pcap FILE          record what passes the Ethernet (or the TUN interface if it is alone)
  --shell              offer a shell on this terminal and on TCP port 23; `help` there lists commands
  --for SECONDS        stop after that time; without it, at Ctrl-C
  --help               print this

When it stops it prints what its interfaces and its packet pool have counted.
";

pub struct Options {
    pub tap: Option<String>,
    pub tun: Option<String>,
    pub dhcp: bool,
    pub ipv4: Option<Ipv4Cidr>,
    pub gateway4: Option<Ipv4Addr>,
    pub ipv6: Option<Ipv6Cidr>,
    pub mac: [u8; 6],
    pub tun_ipv4: Option<Ipv4Cidr>,
    pub tun_ipv6: Option<Ipv6Cidr>,
    pub web: Option<u16>,
    pub port: u16,
    pub pcap: Option<PathBuf>,
    pub shell: bool,
    pub time: Option<Duration>,
}

impl Options {
    /// What the command line asks for; `None` if that is help.
    pub fn from_arguments() -> Result<Option<Self>, Error> {
        let mut options = Self {
            tap: None,
            tun: None,
            dhcp: false,
            ipv4: None,
            gateway4: None,
            ipv6: None,
            // A locally administered address.
            mac: *b"\x02ZONDA",
            tun_ipv4: None,
            tun_ipv6: None,
            web: None,
            port: 0,
            pcap: None,
            shell: false,
            time: None,
        };
        let mut arguments = Parser::from_env();
        while let Some(argument) = arguments.next()? {
            let Arg::Long(flag) = argument else {
                return Err(argument.unexpected());
            };
            match flag {
                "help" => return Ok(None),
                "tap" => options.tap = Some(arguments.value()?.string()?),
                "tun" => options.tun = Some(arguments.value()?.string()?),
                "dhcp" => options.dhcp = true,
                "ipv4" => options.ipv4 = Some(arguments.value()?.parse_with(ipv4)?),
                "gateway4" => options.gateway4 = Some(arguments.value()?.parse()?),
                "ipv6" => options.ipv6 = Some(arguments.value()?.parse_with(ipv6)?),
                "mac" => options.mac = arguments.value()?.parse_with(mac)?,
                "tun-ipv4" => options.tun_ipv4 = Some(arguments.value()?.parse_with(ipv4)?),
                "tun-ipv6" => options.tun_ipv6 = Some(arguments.value()?.parse_with(ipv6)?),
                "web" => options.web = Some(arguments.value()?.parse()?),
                "port" => options.port = arguments.value()?.parse()?,
                "pcap" => options.pcap = Some(arguments.value()?.into()),
                "shell" => options.shell = true,
                "for" => {
                    let seconds = arguments.value()?.parse()?;
                    options.time = Some(Duration::from_secs(seconds));
                }
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(Some(options))
    }
}

fn ipv4(text: &str) -> Result<Ipv4Cidr, &'static str> {
    let (address, length) = cidr(text, 32)?;
    Ok(Ipv4Cidr::new(address, length))
}

fn ipv6(text: &str) -> Result<Ipv6Cidr, &'static str> {
    let (address, length) = cidr(text, 128)?;
    Ok(Ipv6Cidr::new(address, length))
}

fn cidr<A: FromStr + Copy + Into<IpAddr>>(text: &str, most: u8) -> Result<(A, u8), &'static str> {
    const WANTED: &str = "an address and the length of its prefix, ADDR/LEN, are wanted";
    let (address, length) = text.split_once('/').ok_or(WANTED)?;
    let address: A = address.parse().map_err(|_| WANTED)?;
    let length = length.parse().map_err(|_| WANTED)?;
    let any: IpAddr = address.into();
    if length > most {
        return Err("the prefix is longer than the address");
    }
    if any.is_unspecified() || any.is_multicast() {
        return Err("the address of a single host is wanted");
    }
    Ok((address, length))
}

fn mac(text: &str) -> Result<[u8; 6], &'static str> {
    const WANTED: &str = "six bytes are wanted, such as 02:00:00:00:00:01";
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        let part = parts.next().ok_or(WANTED)?;
        *byte = u8::from_str_radix(part, 16).map_err(|_| WANTED)?;
    }
    if parts.next().is_some() {
        return Err(WANTED);
    }
    if mac[0] & 1 != 0 {
        return Err("that is the address of a group");
    }
    Ok(mac)
}
