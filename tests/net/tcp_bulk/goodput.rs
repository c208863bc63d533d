//! What a transfer reaches on a link that loses packets, held against a snapshot: 100 Mbit/s, 5 ms
//! each way, in Mbit/s. Where it changes for a reason, put what the test prints into the file.

use super::*;

const SNAPSHOT: &str = include_str!("goodput.txt");

fn goodput(seed: u64, loss: f64, quota: u32, length: usize) -> f64 {
    let net = Network::new(seed);
    let pools = [pool::<128, 1536, 64, 64>(), pool::<128, 1536, 64, 64>()];
    for pool in pools {
        pool.set_limits(zonda::netbuf::Limits {
            held: 56,
            send: 56,
            control: 16,
        });
    }
    let hosts = [
        net.host_with("left", pools[0]),
        net.host_with("right", pools[1]),
    ];
    let link = net.ip_link(hosts);
    hosts[0].add(link, "10.0.0.1/24");
    hosts[1].add(link, "10.0.0.2/24");
    link.rate(100_000_000, usize::MAX).delay(ms(5)).loss(loss);
    let start = net.now();
    let [mut sender, mut receiver] = connect(&net, hosts, 0, 9).expect("a connection");
    sender.set_quota(quota, quota);
    receiver.set_quota(quota, quota);
    let stream: Vec<_> = (0..length).map(|offset| byte(0, offset)).collect();
    let (mut written, mut read) = (0, 0);
    let mut buffer = vec![0; 1 << 16];
    let done = net.run_until(secs(600), || {
        while let Some(Ok(more)) = sender.try_write(&stream[written..]) {
            written += more;
            if more == 0 {
                break;
            }
        }
        while let Some(Ok(more)) = receiver.try_read(&mut buffer) {
            assert_eq!(buffer[..more], stream[read..read + more]);
            read += more;
        }
        read == length
    });
    assert!(done, "it comes to an end");
    length as f64 * 8.0 / net.now().since(start).as_micros() as f64
}

#[test]
fn goodput_under_loss_is_what_the_snapshot_says() {
    if std::env::var("ZONDA_SEED").is_ok() || !cfg!(feature = "tcp-cubic") {
        return;
    }
    let mut found = String::from("window loss Mbit/s for the seeds 1 to 5\n");
    for (quota, name) in [(65_535, "64k"), (16_384, "16k")] {
        for (loss, length) in [(0.0, 1 << 20), (0.01, 1 << 20), (0.05, 1 << 18)] {
            let all: Vec<_> = (1..6)
                .map(|seed| format!("{:.2}", goodput(seed, loss, quota, length)))
                .collect();
            found += &format!("{name} {}% {}\n", loss * 100.0, all.join(" "));
        }
    }
    assert!(found == SNAPSHOT, "it is now\n{found}");
}
