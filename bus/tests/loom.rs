//! Every interleaving of the two channels, small cases. `tests/run loom` runs them: they need
//! `RUSTFLAGS="--cfg loom"`, and so a target folder of their own.
#![cfg(loom)]

use loom::thread;

#[test]
fn latest_is_never_torn_and_never_goes_back() {
    loom::model(|| {
        let (mut writer, mut reader) = bus::latest::<[usize; 2]>();
        let writing = thread::spawn(move || {
            for value in 1..=3 {
                writer.write([value; 2]);
            }
        });
        let mut last = 0;
        for _ in 0..2 {
            if let Some([first, second]) = reader.read() {
                assert_eq!(first, second, "torn");
                assert!(first > last, "{first} after {last}");
                last = first;
            }
        }
        writing.join().unwrap();
        assert_eq!(reader.latest(), Some(&[3, 3]), "the newest value is there in the end");
    });
}

#[test]
fn latest_counts_what_was_never_read() {
    loom::model(|| {
        let (mut writer, mut reader) = bus::latest::<usize>();
        let writing = thread::spawn(move || {
            let unread = [1, 2].map(|value| writer.write(value));
            unread.into_iter().filter(|unread| *unread).count()
        });
        let mut read = usize::from(reader.read().is_some());
        let unread = writing.join().unwrap();
        read += usize::from(reader.read().is_some());
        assert_eq!(read + unread, 2);
        assert_eq!(reader.overwritten(), unread);
    });
}

#[test]
fn queue_keeps_order_and_counts_the_surplus() {
    loom::model(|| {
        let (mut sender, mut receiver) = bus::queue::<[usize; 2]>(2);
        let sending =
            thread::spawn(move || (1..=3).filter(|value| sender.send([*value; 2])).count());
        let mut last = 0;
        let mut received = 0;
        let mut take = |receiver: &mut bus::Receiver<[usize; 2]>| {
            if let Some([first, second]) = receiver.recv() {
                assert_eq!(first, second, "torn");
                assert!(first > last, "{first} after {last}");
                last = first;
                received += 1;
            }
        };
        take(&mut receiver);
        take(&mut receiver);
        let fitted = sending.join().unwrap();
        for _ in 0..3 {
            take(&mut receiver);
        }
        assert_eq!(received, fitted);
        assert_eq!(fitted + receiver.dropped(), 3);
    });
}

#[test]
fn queue_frees_what_nobody_took_once() {
    loom::model(|| {
        let counted = std::sync::Arc::new(());
        let (mut sender, mut receiver) = bus::queue(1);
        let sent = std::sync::Arc::clone(&counted);
        let sending = thread::spawn(move || {
            sender.send(std::sync::Arc::clone(&sent));
            sender.send(sent);
        });
        drop(receiver.recv());
        drop(receiver);
        sending.join().unwrap();
        assert_eq!(std::sync::Arc::strong_count(&counted), 1);
    });
}
