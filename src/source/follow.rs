//! A capture that another program is still writing: at its end, reading waits for more.
//!
//! Input: a file and when to stop waiting. Output: its bytes, as they come. Must not: take a file for another that was put in
//! its place, or go on in one that became shorter.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a capture is followed that another program is still writing.
#[derive(Clone, Default, Debug)]
pub struct Follow {
    /// After so long without new bytes the file counts as ended; `None` is never.
    pub idle: Option<Duration>,
    /// Ends the reading once it is set, from whatever thread: what was read by then is the capture.
    pub stop: Arc<AtomicBool>,
    /// Set once nothing more will be written: the file is read to its end, which is not waited at.
    pub is_whole: Arc<AtomicBool>,
    /// After so long without new bytes reading comes back without a frame, to be asked again
    /// ([`Capture::is_waiting`](super::Capture::is_waiting)); `None` is never. What is packed is waited for in any case.
    pub pause: Option<Duration>,
}

/// What the reader of a capture tells the file below it.
#[derive(Default, Debug)]
pub(super) struct Turns {
    /// Nothing more is waited for.
    pub(super) enough: AtomicBool,
    /// Reading may come back without bytes now.
    pub(super) may_pause: AtomicBool,
}

/// A file that is followed.
pub(super) struct Following {
    file: File,
    path: PathBuf,
    follow: Follow,
    read: u64,
    turns: Arc<Turns>,
    /// Since when nothing came.
    quiet: Option<Instant>,
}

impl Following {
    pub(super) fn new(file: File, path: PathBuf, follow: Follow, turns: Arc<Turns>) -> Self {
        Self { file, path, follow, read: 0, turns, quiet: None }
    }

    /// Whether more may still come.
    fn waits(&self, since: Instant) -> bool {
        let is_idle = self.follow.idle.is_some_and(|idle| since.elapsed() >= idle);
        let ended = is_idle || self.turns.enough.load(Ordering::Relaxed);
        // What ended once does not begin again.
        self.turns.enough.store(ended, Ordering::Relaxed);
        !ended && !self.is_stopped()
    }

    /// Whether whoever reads wants to do something else meanwhile.
    fn pauses(&self, since: Instant) -> bool {
        let is_time = self.follow.pause.is_some_and(|pause| since.elapsed() >= pause);
        is_time && self.turns.may_pause.load(Ordering::Relaxed)
    }

    fn is_stopped(&self) -> bool {
        self.follow.stop.load(Ordering::Relaxed)
    }

    /// Fails where the file is no longer the one that is read.
    fn check(&self) -> io::Result<()> {
        let read = self.file.metadata()?;
        if read.len() < self.read {
            return Err(io::Error::other("the file became shorter while it was followed"));
        }
        let named = fs::metadata(&self.path)
            .map_err(|_| io::Error::other("the file was removed while it was followed"))?;
        if is_same(&read, &named) {
            return Ok(());
        }
        Err(io::Error::other("another file was put in the file's place while it was followed"))
    }
}

impl Read for Following {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let asked = Instant::now();
        loop {
            if self.is_stopped() {
                return Ok(0);
            }
            // Asked before the file is: what was written by then is read.
            let is_whole = self.follow.is_whole.load(Ordering::Acquire);
            let read = self.file.read(into)?;
            if read > 0 || into.is_empty() {
                self.read = self.read.saturating_add(read as u64);
                self.quiet = None;
                return Ok(read);
            }
            let quiet = *self.quiet.get_or_insert(asked);
            if is_whole || !self.waits(quiet) {
                return Ok(0);
            }
            self.check()?;
            if self.pauses(asked) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Bytes that come through a pipe, so that reading may come back while there are none.
pub(super) struct Piped {
    portions: Receiver<io::Result<Vec<u8>>>,
    /// What is there of the last portion, from so many bytes on.
    portion: (Vec<u8>, usize),
    follow: Follow,
    turns: Arc<Turns>,
}

impl Piped {
    /// Reads `from` on a thread of its own, which is left alone where it waits for bytes when nobody wants them any more.
    pub(super) fn new(
        mut from: impl Read + Send + 'static,
        follow: Follow,
        turns: Arc<Turns>,
    ) -> io::Result<Self> {
        let (sender, portions) = sync_channel(PORTIONS);
        thread::Builder::new().name("pipe".to_owned()).spawn(move || {
            loop {
                let mut bytes = vec![0; PORTION];
                let read = match from.read(&mut bytes) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    read => read.map(|read| {
                        bytes.truncate(read);
                        bytes
                    }),
                };
                let is_end = !matches!(&read, Ok(bytes) if !bytes.is_empty());
                if sender.send(read).is_err() || is_end {
                    break;
                }
            }
        })?;
        Ok(Self { portions, portion: (Vec::new(), 0), follow, turns })
    }

    /// The next portion; empty at the end.
    fn next(&self) -> io::Result<Vec<u8>> {
        let asked = Instant::now();
        loop {
            if self.follow.stop.load(Ordering::Relaxed) {
                return Ok(Vec::new());
            }
            match self.portions.recv_timeout(PAUSE) {
                Ok(portion) => return portion,
                Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let is_idle = self.follow.idle.is_some_and(|idle| asked.elapsed() >= idle);
            if is_idle || self.turns.enough.load(Ordering::Relaxed) {
                return Ok(Vec::new());
            }
            let is_time = self.follow.pause.is_some_and(|pause| asked.elapsed() >= pause);
            if is_time && self.turns.may_pause.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
    }
}

impl Read for Piped {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.portion.0.len() == self.portion.1 {
            self.portion = (self.next()?, 0);
        }
        let (bytes, at) = &mut self.portion;
        let there = bytes.get(*at..).unwrap_or_default();
        let count = there.len().min(into.len());
        if let (Some(from), Some(to)) = (there.get(..count), into.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        *at += count;
        Ok(count)
    }
}

/// Portions of a pipe that wait to be read, and the bytes of one at the most.
const PORTIONS: usize = 16;
const PORTION: usize = 64 * 1024;

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere a file that is open cannot be replaced, or not be told from another.
#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

/// Between two looks at a file that has not grown.
const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::super::sample::{Blocks, drain, read_all, tiny_pcap, zstd};
    use super::super::{ByteOrder, Capture, Options, Summary};
    use super::*;
    use std::io::Write as _;
    use std::path::Path;

    fn follow(idle: Duration) -> Follow {
        Follow { idle: Some(idle), ..Follow::default() }
    }

    fn open(path: &Path, follow: Follow) -> Capture {
        Capture::open(path, &Options { follow: Some(follow), ..Options::default() }).unwrap()
    }

    /// Writes the bytes in pieces of `step`, from an empty file on, while they are read.
    fn grown(bytes: &[u8], step: usize) -> Summary {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("growing");
        let mut file = File::create(&path).unwrap();
        thread::scope(|scope| {
            scope.spawn(move || {
                for piece in bytes.chunks(step) {
                    thread::sleep(Duration::from_millis(7));
                    file.write_all(piece).unwrap();
                }
            });
            let (frames, summary) = drain(open(&path, follow(Duration::from_millis(700))));
            let (expected, _) = read_all(bytes);
            assert_eq!(frames, expected);
            summary
        })
    }

    #[test]
    fn a_capture_that_grows_is_read_as_if_it_were_finished() {
        let blocks = Blocks::new(ByteOrder::Little).interface(1, 0, &[(2, b"en0")]);
        let blocks = (0..20).fold(blocks, |file, _| file.enhanced(0, 1, b"some bytes", &[(1, b"note")]));
        for (bytes, step) in [(blocks.bytes(), 61), (tiny_pcap(), 5), (zstd(&blocks.bytes()), 13)] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("finished"), &bytes).unwrap();
            let finished = Capture::open(&folder.path().join("finished"), &Options::default()).unwrap();
            let (_, finished) = drain(finished);
            assert_eq!(grown(&bytes, step), finished);
        }
    }

    #[test]
    fn a_set_flag_ends_the_following_and_what_was_read_is_the_capture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("growing");
        fs::write(&path, tiny_pcap()).unwrap();
        let endless = Follow::default();
        let stop = Arc::clone(&endless.stop);
        let mut capture = open(&path, endless);
        assert!(capture.next_frame().is_some() && capture.next_frame().is_some());
        let setter = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            stop.store(true, Ordering::Relaxed);
        });
        assert!(capture.next_frame().is_none());
        setter.join().unwrap();
        let summary = capture.finish();
        assert_eq!((summary.frames, summary.damage.len(), summary.size), (2, 0, 62));
        assert!(summary.sha256.is_some());
    }

    /// Reads a growing file and comes back whenever nothing came for a moment.
    #[test]
    fn reading_comes_back_between_two_pieces_of_a_record_and_loses_nothing() {
        let blocks = Blocks::new(ByteOrder::Little).interface(1, 0, &[(2, b"en0")]);
        let blocks = (0..4).fold(blocks, |file, _| file.enhanced(0, 1, b"some bytes", &[(1, b"note")]));
        for bytes in [blocks.bytes(), tiny_pcap()] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("growing");
            let mut file = File::create(&path).unwrap();
            let (head, rest) = bytes.split_at(29);
            file.write_all(head).unwrap();
            let follow = Follow { pause: Some(Duration::ZERO), ..Follow::default() };
            let is_whole = Arc::clone(&follow.is_whole);
            let mut capture = open(&path, follow);
            let mut pieces = rest.chunks(13);
            let (mut frames, mut waited) = (0, 0);
            loop {
                if let Some(frame) = capture.next_frame() {
                    frames += 1;
                    assert_eq!(frame.number, frames);
                } else if capture.is_waiting() {
                    waited += 1;
                    assert_eq!(capture.so_far().frames, frames);
                    assert_eq!(capture.so_far().damage, []);
                    match pieces.next() {
                        Some(piece) => file.write_all(piece).unwrap(),
                        None => is_whole.store(true, Ordering::Release),
                    }
                } else {
                    break;
                }
            }
            assert!(waited > rest.len() / 13);
            let (expected, summary) = read_all(&bytes);
            assert_eq!(frames, expected.len() as u64);
            let finished = capture.finish();
            assert!(finished.sha256.is_some());
            assert_eq!(Summary { sha256: None, ..finished }, summary);
        }
    }

    /// A pipe into which somebody writes only when told to.
    struct Slow(Receiver<Vec<u8>>);

    impl Read for Slow {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Ok(bytes) = self.0.recv() else { return Ok(0) };
            into[..bytes.len()].copy_from_slice(&bytes);
            Ok(bytes.len())
        }
    }

    #[test]
    fn a_pipe_comes_back_while_it_is_silent_and_ends_where_it_ends() {
        let bytes = tiny_pcap();
        let (sender, receiver) = sync_channel(1);
        let turns = Arc::<Turns>::default();
        let follow = Follow { pause: Some(Duration::from_millis(30)), ..Follow::default() };
        let mut piped = Piped::new(Slow(receiver), follow, Arc::clone(&turns)).unwrap();
        let mut made = Vec::new();
        for piece in bytes.chunks(11) {
            sender.send(piece.to_vec()).unwrap();
            let mut some = [0; 4];
            while made.len() % 11 != piece.len() % 11 || !made.ends_with(piece) {
                let read = piped.read(&mut some).unwrap();
                made.extend_from_slice(&some[..read]);
            }
            turns.may_pause.store(true, Ordering::Relaxed);
            assert_eq!(piped.read(&mut some).unwrap_err().kind(), io::ErrorKind::WouldBlock);
            turns.may_pause.store(false, Ordering::Relaxed);
        }
        drop(sender);
        assert_eq!((piped.read(&mut [0; 4]).unwrap(), piped.read(&mut [0; 4]).unwrap()), (0, 0));
        assert_eq!(made, bytes);
    }

    #[test]
    fn a_silent_pipe_ends_by_the_flag() {
        let (_sender, receiver) = sync_channel(1);
        let follow = Follow::default();
        let stop = Arc::clone(&follow.stop);
        let mut piped = Piped::new(Slow(receiver), follow, Arc::default()).unwrap();
        let reader = thread::spawn(move || piped.read(&mut [0; 4]).unwrap());
        thread::sleep(Duration::from_millis(50));
        assert!(!reader.is_finished());
        stop.store(true, Ordering::Relaxed);
        assert_eq!(reader.join().unwrap(), 0);
    }

    #[test]
    fn damage_ends_the_following() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged");
        fs::write(&path, [&tiny_pcap()[..], &[0xff; 100]].concat()).unwrap();
        let (frames, summary) = drain(open(&path, Follow::default()));
        assert_eq!((frames.len(), summary.damage.len(), summary.size), (2, 1, 162));
    }

    #[test]
    fn a_file_that_shrinks_or_is_replaced_is_damage() {
        let replace = |path: &Path| {
            fs::rename(path, path.with_extension("old")).unwrap();
            fs::write(path, tiny_pcap()).unwrap();
        };
        let shrink = |path: &Path| fs::write(path, &tiny_pcap()[..30]).unwrap();
        let remove = |path: &Path| fs::remove_file(path).unwrap();
        for (case, said) in ["place", "shorter", "removed"].into_iter().enumerate() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("growing");
            fs::write(&path, tiny_pcap()).unwrap();
            let mut capture = open(&path, Follow::default());
            assert!(capture.next_frame().is_some() && capture.next_frame().is_some());
            match case {
                0 => replace(&path),
                1 => shrink(&path),
                _ => remove(&path),
            }
            assert!(capture.next_frame().is_none());
            let summary = capture.finish();
            let damage = summary.damage.first().unwrap();
            assert_eq!((damage.kind, damage.offset, damage.after_frame), ("read_error", 62, 2));
            assert!(damage.what.contains(said), "{}", damage.what);
        }
    }
}
