//! UDP echo on Zonda: 4 blocks of 1,536 bytes, packets as they are.
#![no_std]
#![no_main]

size::udp_echo!(false, 4, 1536);
