//! Input that may never come, such as a pipe that somebody holds open. A thread of its own waits for it, so that whoever
//! reads can be told to stop.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// Bytes that are handed over at once.
const BLOCK: usize = 128 << 10;
/// Blocks that are read ahead.
const AHEAD: usize = 4;
/// How soon `stop` is noticed.
const PATIENCE: Duration = Duration::from_millis(50);

/// What another thread reads.
#[derive(Debug)]
pub struct Interruptible {
    blocks: Receiver<io::Result<Vec<u8>>>,
    block: Vec<u8>,
    at: usize,
    stop: Arc<AtomicBool>,
    is_over: bool,
}

impl Interruptible {
    /// Opens and reads something elsewhere. Once `stop` is set, it ends after what has come.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn open<R: Read>(
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
        stop: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let (sender, blocks) = sync_channel(AHEAD);
        // where it still waits when nobody reads any more, it is left behind and ends with the program
        let wait = move || {
            if let Err(error) = open().and_then(|input| hand_over(input, &sender)) {
                drop(sender.send(Err(error)));
            }
        };
        std::thread::Builder::new().name("input".into()).spawn(wait)?;
        Ok(Self { blocks, block: Vec::new(), at: 0, stop, is_over: false })
    }

    /// The next block; none at the end.
    fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return self.blocks.try_recv().ok();
            }
            match self.blocks.recv_timeout(PATIENCE) {
                Ok(block) => return Some(block),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}

fn hand_over(mut input: impl Read, to: &SyncSender<io::Result<Vec<u8>>>) -> io::Result<()> {
    loop {
        let mut block = vec![0; BLOCK];
        let read = match input.read(&mut block) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        block.truncate(read);
        if read == 0 || to.send(Ok(block)).is_err() {
            return Ok(());
        }
    }
}

impl Read for Interruptible {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() && !self.is_over {
            match self.next() {
                Some(block) => (self.block, self.at) = (block?, 0),
                None => self.is_over = true,
            }
        }
        let ahead = self.block.get(self.at..).unwrap_or_default();
        let read = ahead.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..read), ahead.get(..read)) {
            to.copy_from_slice(from);
        }
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives what it has, and then waits until somebody lets go.
    struct Held(&'static [u8], Receiver<()>);

    impl Read for Held {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                let _: Result<(), _> = self.1.recv();
            }
            self.0.read(buffer)
        }
    }

    #[test]
    fn it_reads_as_if_nobody_stood_between() {
        let bytes: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let (copy, stop) = (bytes.clone(), Arc::new(AtomicBool::new(false)));
        let mut input = Interruptible::open(move || Ok(io::Cursor::new(copy)), stop).unwrap();
        let mut read = Vec::new();
        input.read_to_end(&mut read).unwrap();
        assert!(read == bytes);
        let failed = || Err::<io::Empty, _>(io::Error::other("it is gone"));
        let mut input = Interruptible::open(failed, Arc::default()).unwrap();
        assert_eq!(input.read(&mut [0; 4]).unwrap_err().to_string(), "it is gone");
        assert_eq!(input.read(&mut [0; 4]).unwrap(), 0);
    }

    #[test]
    fn what_has_come_is_read_when_it_is_stopped() {
        let (hold, held) = sync_channel::<()>(0);
        let stop = Arc::new(AtomicBool::new(false));
        let mut input = Interruptible::open(move || Ok(Held(b"some", held)), Arc::clone(&stop)).unwrap();
        let mut some = [0; 4];
        input.read_exact(&mut some).unwrap();
        assert_eq!(&some, b"some");
        stop.store(true, Ordering::Relaxed);
        assert_eq!(input.read(&mut some).unwrap(), 0);
        drop(hold);
    }
}
