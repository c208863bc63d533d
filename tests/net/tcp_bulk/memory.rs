//! Quotas and empty pools.

use super::*;
use zonda::netbuf::Purpose;

#[test]
fn a_stuck_reader_holds_only_its_quota() {
    let net = Network::new(1);
    let (hosts, _) = pair(
        &net,
        [pool::<128, 512, 32, 64>(), pool::<128, 512, 32, 64>()],
    );
    let [mut stuck_left, mut stuck_right] = connect(&net, hosts, 0, 9).unwrap();
    stuck_right.set_quota(4096, 4096);
    let [left, right] = connect(&net, hosts, 0, 10).unwrap();
    let data = [7; 2048];
    for _ in 0..200 {
        let _ = stuck_left.try_write(&data);
        net.run_for(ms(20));
    }
    let held = stuck_right.info().unwrap().received;
    // The window of the handshake stands, of 16 KiB; nothing more is taken.
    assert!(held <= 16_384 + 1460, "{held} bytes");
    // Another connection passes its data meanwhile.
    let mut ends = [End::new(left, 0, 50_000), End::new(right, 1, 50_000)];
    let mut random = net.random();
    for _ in 0..20_000 {
        for end in &mut ends {
            end.work(&mut random, BRISK, 50_000);
        }
        net.run_for(ms(5));
        if ends.iter().all(|end| end.is_done(50_000)) {
            break;
        }
    }
    assert!(ends.iter().all(|end| end.is_done(50_000) && !end.failed));
    // And the stuck one goes on when it is read.
    let mut buffer = [0; 4096];
    let mut read = 0;
    while let Some(Ok(more)) = stuck_right.try_read(&mut buffer) {
        read += more;
    }
    assert_eq!(read, held);
    net.run_for(secs(120));
    assert!(matches!(stuck_right.try_read(&mut buffer), Some(Ok(1..))));
}

#[test]
fn with_an_empty_pool_connections_acknowledge_and_retransmit() {
    let net = Network::new(2);
    let (hosts, link) = pair(&net, [pool::<32, 512, 16, 32>(), pool::<32, 512, 16, 32>()]);
    let [mut left, mut right] = connect(&net, hosts, 0, 9).unwrap();
    // A segment is on its way, and lost; the others wait behind it (Nagle).
    link.loss(1.0);
    for _ in 0..3 {
        left.try_write(&[5; 300]).unwrap().unwrap();
    }
    // Somebody takes all blocks that there are.
    let pool = hosts[0].pool();
    let mut taken = Vec::new();
    while let Ok(block) = pool.alloc(Purpose::Receive, 0) {
        taken.push(block);
    }
    link.loss(0.0);
    assert!(
        net.run_until(secs(30), || right.info().unwrap().received == 300),
        "it is sent again without a free block: {:?}",
        left.info()
    );
    // Nothing can come in without a block: with one again, the acknowledgement does.
    taken.truncate(taken.len() - 2);
    assert!(
        net.run_until(secs(60), || left.info().unwrap().written == 0),
        "{:?}",
        left.info()
    );
    // What comes is acknowledged, though there is no block to spare to send from.
    right.try_write(&[6; 300]).unwrap().unwrap();
    assert!(net.run_until(secs(30), || right.info().unwrap().written == 0));
    drop(taken);
    let mut buffer = [0; 1000];
    assert_eq!(right.try_read(&mut buffer), Some(Ok(900)));
    assert_eq!(left.try_read(&mut buffer), Some(Ok(300)));
}
