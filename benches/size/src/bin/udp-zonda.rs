//! UDP echo on Zonda: 8 blocks of 512 bytes, packets as they are.
#![no_std]
#![no_main]

size::udp_echo!(false, 8, 512);
