//! UDP echo on Zonda: 8 blocks of 512 bytes, by way of an array.
#![no_std]
#![no_main]

size::udp_echo!(true, 8, 512);
