//! What each socket takes of the storage of a stack, as absolute symbols of the image: they take no
//! place in it.

use core::arch::global_asm;

use zonda::stack::StackStorage;

const NONE: usize = size_of::<StackStorage<'static, 1, 0, 0, 0>>();
const UDP: usize = size_of::<StackStorage<'static, 1, 8, 0, 0>>() - NONE;
const TCP: usize = size_of::<StackStorage<'static, 1, 0, 8, 0>>() - NONE;
const LISTENERS: usize = size_of::<StackStorage<'static, 1, 0, 0, 8>>() - NONE;

global_asm!(
    ".global bytes_of_udp_socket",
    ".set bytes_of_udp_socket, {udp}",
    ".global bytes_of_tcp_connection",
    ".set bytes_of_tcp_connection, {tcp}",
    ".global bytes_of_tcp_listener",
    ".set bytes_of_tcp_listener, {listener}",
    udp = const UDP / 8,
    tcp = const TCP / 8,
    listener = const LISTENERS / 8,
);
