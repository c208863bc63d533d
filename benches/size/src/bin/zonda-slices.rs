//! UDP echo on Zonda: 8 blocks of 512 bytes, by way of an array.
#![no_std]
#![no_main]

size::zonda_image!(true, 8, 512);
