//! One direction of a followed connection: its stream, cut into records, opened in order.
//!
//! Input: parts of the stream, and what is known of the connection. Output: pieces, handed to a sink. A record of which a part is
//! missing is given up with its length; after a larger gap the next plausible head of a record is looked for, and its number.
//! Must not: look at the other direction, except through what the connection knows.

use super::known::Known;
use super::messages::Messages;
use super::piece::{GapReason, Piece, Place, Trouble};
use super::record::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Head, MAX_RECORD};
use super::sealed::{Epoch, Sealed, Trial};
use super::stream::{Part, Stream};
use crate::flow::Side;
use crate::wire::tls;

const HEAD: usize = 5;
/// How many records may have been lost in a gap for the next one's number to be found.
const WINDOW: u64 = 64;
/// Records in a row that do not open before a direction is given up.
const MAX_FAILED: u32 = 16;
/// Tries with other keys and numbers before a direction is given up; what opens sets it back.
const MAX_TRIES: u32 = 4096;
/// The most that waits for the server's hello, in bytes.
const MAX_WAITING: usize = 64 * 1024;
/// Handshake messages (RFC 8446 appendix B.3).
const END_OF_EARLY_DATA: u8 = 5;
const FINISHED: u8 = 20;
const KEY_UPDATE: u8 = 24;
/// The alert that ends a direction (RFC 8446 section 6.1).
const CLOSE_NOTIFY: u8 = 0;

/// One direction.
#[expect(clippy::struct_excessive_bools, reason = "each is a doubt or a turn of its own")]
pub(super) struct Direction {
    side: Side,
    pub(super) stream: Stream,
    is_client: bool,
    /// Whether no segment has begun with a hello so far. What comes before is a proxy's, or of a protocol that turns to TLS.
    pub(super) is_seeking: bool,
    bytes: Vec<u8>,
    /// How many of those are used up.
    read: usize,
    /// How many bytes of the stream belong to a record that was given up.
    skip: usize,
    /// Whether it is not known where the next record begins.
    is_adrift: bool,
    /// Whether numbers or keys of the next record are to be tried.
    is_unsure: bool,
    /// How far numbers may have gone on.
    window: u64,
    /// Whether the direction said that it encrypts from now on (TLS 1.2).
    has_changed: bool,
    sealed: Option<Sealed>,
    messages: Messages,
    failed_in_row: u32,
    tries: u32,
    pub(super) counts: Counts,
    pub(super) trouble: Option<Trouble>,
    /// Whether nothing more is read.
    pub(super) is_over: bool,
}

/// What came of the records of one direction.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Encrypted records that were opened.
    pub opened: u64,
    /// Encrypted records that were whole and did not open.
    pub failed: u64,
    /// Encrypted records that were given up because a part of them is missing.
    pub broken: u64,
    /// Of those, by the snap length.
    pub cut: u64,
    /// Gaps after which it was not known how many records are missing.
    pub gaps: u64,
    /// Bytes of application data, those of early data too.
    pub bytes: u64,
    /// Of those, early data.
    pub early: u64,
}

impl Counts {
    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        self.opened += other.opened;
        self.failed += other.failed;
        self.broken += other.broken;
        self.cut += other.cut;
        self.gaps += other.gaps;
        self.bytes += other.bytes;
        self.early += other.early;
    }
}

/// What became of the record at the front.
enum Step {
    /// It was used, or passed over.
    Taken,
    /// More bytes are needed, or the server's hello.
    Wait,
}

impl Direction {
    /// A direction that has not begun.
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            stream: Stream::default(),
            is_client: false,
            is_seeking: true,
            bytes: Vec::new(),
            read: 0,
            skip: 0,
            is_adrift: false,
            is_unsure: false,
            window: 0,
            has_changed: false,
            sealed: None,
            messages: Messages::default(),
            failed_in_row: 0,
            tries: 0,
            counts: Counts::default(),
            trouble: None,
            is_over: false,
        }
    }

    /// The capture shows nothing of how the direction begins: the next plausible head of a record is looked for.
    pub(super) fn begin_adrift(&mut self) {
        self.is_seeking = false;
        self.is_adrift = true;
        self.is_unsure = true;
        self.window = WINDOW;
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.stream.bytes() + self.bytes.capacity() + self.messages.bytes()
    }

    /// Takes the next part of the stream.
    pub(super) fn push(&mut self, part: Part<'_>, place: &mut Place<'_>) {
        if self.is_over {
            return;
        }
        match part {
            Part::Bytes(bytes) if self.is_seeking && !begins_hello(bytes) => {}
            Part::Bytes(bytes) => {
                self.is_seeking = false;
                let passed = self.skip.min(bytes.len());
                self.skip -= passed;
                self.bytes.extend_from_slice(bytes.get(passed..).unwrap_or_default());
            }
            Part::Cut(_) | Part::Lost(_) if self.is_seeking => {}
            Part::Cut(missing) => self.miss(missing, GapReason::Cut, place),
            Part::Lost(missing) => self.miss(missing, GapReason::Lost, place),
        }
    }

    /// So many bytes will not come.
    fn miss(&mut self, missing: u32, reason: GapReason, place: &mut Place<'_>) {
        let missing = missing as usize;
        if missing <= self.skip {
            self.skip -= missing;
            return;
        }
        let there = self.bytes.get(self.read..).unwrap_or_default();
        let head = there.first_chunk().filter(|head| !self.is_adrift && self.skip == 0 && is_head(**head));
        let rest = head.map(|head| (body_len(*head) + HEAD).saturating_sub(there.len()));
        let len = head.map(|head| body_len(*head));
        self.messages.lose();
        self.is_unsure = true;
        let is_encrypted = self.sealed.is_some() || self.has_changed;
        if let Some((skip, len)) = rest.and_then(|rest| rest.checked_sub(missing)).zip(len) {
            // It lies in one record, whose end is known.
            self.skip = skip;
            match &mut self.sealed {
                Some(sealed) => sealed.pass(),
                // Whether it had a number is not known.
                None => self.window = WINDOW,
            }
            if is_encrypted {
                self.counts.broken += 1;
                self.counts.cut += u64::from(reason == GapReason::Cut);
                place.give(self.is_client, Piece::Gap { bytes: Some(len as u64), reason });
            }
        } else {
            self.skip = 0;
            self.is_adrift = true;
            self.window = WINDOW;
            self.counts.gaps += 1;
            place.give(self.is_client, Piece::Gap { bytes: None, reason });
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.read = 0;
    }

    /// Reads the records that are whole.
    pub(super) fn advance(&mut self, known: &mut Known, place: &mut Place<'_>) {
        self.is_client = known.is_client(self.side);
        while !self.is_over && !known.is_keyless() {
            match self.step(known, place) {
                Ok(Step::Taken) => {}
                Ok(Step::Wait) => break,
                Err(trouble) => self.give_up(trouble, place),
            }
        }
        if self.read > 0 {
            self.bytes.drain(..self.read);
            self.read = 0;
        }
    }

    /// Nothing more of the direction is read.
    pub(super) fn give_up(&mut self, trouble: Trouble, place: &mut Place<'_>) {
        self.trouble.get_or_insert(trouble);
        self.finish(place);
    }

    /// Nothing more comes. What still waited for the server's hello cannot be read.
    pub(super) fn end(&mut self, known: &Known, place: &mut Place<'_>) {
        let is_waiting = !self.is_over && self.sealed.is_none() && !self.bytes.is_empty();
        if is_waiting && known.client().is_some() && known.server().is_none() {
            self.trouble.get_or_insert(Trouble::NoServerHello);
        }
        self.finish(place);
    }

    /// The direction ends.
    fn finish(&mut self, place: &mut Place<'_>) {
        if !std::mem::replace(&mut self.is_over, true) && self.sealed.is_some() {
            place.give(self.is_client, Piece::End);
        }
        (self.bytes, self.read) = (Vec::new(), 0);
        self.messages.begin();
    }

    fn step(&mut self, known: &mut Known, place: &mut Place<'_>) -> Result<Step, Trouble> {
        let there = self.bytes.get(self.read..).unwrap_or_default();
        let Some(head) = there.first_chunk().copied() else { return Ok(Step::Wait) };
        if !is_head(head) {
            if !self.is_adrift {
                // Whatever it is, it is no TLS from here on.
                if self.sealed.is_none() && !self.has_changed {
                    return Err(Trouble::NotTls);
                }
                self.is_adrift = true;
                self.is_unsure = true;
                self.window = WINDOW;
            }
            self.read += 1;
            return Ok(Step::Taken);
        }
        let body = self.read + HEAD..self.read + HEAD + body_len(head);
        if self.bytes.len() < body.end {
            return Ok(Step::Wait);
        }
        let [kind, ..] = head;
        let is_sealed = match kind {
            CHANGE_CIPHER_SPEC => {
                self.change(known)?;
                self.read = body.end;
                return Ok(Step::Taken);
            }
            _ if self.sealed.is_some() => true,
            APPLICATION_DATA => true,
            HANDSHAKE | ALERT if self.has_changed => match known.is_thirteen() {
                Some(is_thirteen) => !is_thirteen,
                None => return self.wait(),
            },
            _ => false,
        };
        // What looks like a handshake in clear may be encrypted where it is not known whether the direction has changed.
        let may_be_sealed = self.is_adrift && known.is_thirteen() == Some(false) && known.suite()?.is_some();
        if !is_sealed && !may_be_sealed {
            if kind == HANDSHAKE {
                self.hear(body.clone(), known, place);
            }
            self.read = body.end;
            return Ok(Step::Taken);
        }
        if self.sealed.is_none() {
            match known.seal(self.is_client)? {
                Some(sealed) => self.seal(sealed),
                None => return self.wait(),
            }
        }
        self.open(head, body, known, place)
    }

    /// Reads handshake messages in clear.
    fn hear(&mut self, body: std::ops::Range<usize>, known: &mut Known, place: &Place<'_>) {
        if self.messages.is_lost() {
            self.messages.begin();
        }
        self.is_adrift = false;
        self.messages.push(self.bytes.get(body).unwrap_or_default());
        while let Some((kind, body)) = self.messages.pop() {
            known.hear(self.side, kind, body, place.keys);
        }
        self.is_client = known.is_client(self.side);
    }

    fn seal(&mut self, sealed: Sealed) {
        // The client may begin with early data, or not; and a suite that the server has not named yet is tried.
        self.is_unsure |= sealed.epoch().is_some();
        self.tries = MAX_TRIES;
        self.messages.begin();
        self.sealed = Some(sealed);
    }

    /// Nothing can be read before the server's hello.
    fn wait(&mut self) -> Result<Step, Trouble> {
        if self.bytes.len() > MAX_WAITING { Err(Trouble::NoServerHello) } else { Ok(Step::Wait) }
    }

    /// The direction says that it encrypts from now on. In TLS 1.3 that means nothing (RFC 8446 section 5).
    fn change(&mut self, known: &Known) -> Result<(), Trouble> {
        if self.sealed.is_some() && known.is_thirteen() == Some(false) && !self.is_adrift {
            return Err(Trouble::Renegotiated);
        }
        self.has_changed = true;
        Ok(())
    }

    /// Opens an encrypted record.
    fn open(
        &mut self,
        head: Head,
        body: std::ops::Range<usize>,
        known: &Known,
        place: &mut Place<'_>,
    ) -> Result<Step, Trouble> {
        let Some(sealed) = &mut self.sealed else { return Ok(Step::Wait) };
        if let Some(suite) = known.suite()? {
            sealed.learn(suite);
        }
        if !sealed.has_key() {
            return Err(Trouble::SecretMissing);
        }
        let before = sealed.epoch();
        let record = self.bytes.get_mut(body.clone()).unwrap_or_default();
        let is_tried = self.is_unsure || self.is_adrift;
        let content = if is_tried {
            let trial = &mut Trial { head, body: record, copy: place.copy, left: &mut self.tries };
            sealed.search(self.window, trial)
        } else {
            sealed.open(head, record)
        };
        let Some(content) = content else {
            return self.fail(body, is_tried, place);
        };
        self.counts.opened += 1;
        (self.failed_in_row, self.tries, self.window) = (0, MAX_TRIES, 0);
        self.is_adrift = false;
        let epoch = sealed.epoch();
        // No message lies across a change of keys, and after the handshake few across records.
        if epoch != before || (epoch == Some(Epoch::Application) && self.messages.is_lost()) {
            self.messages.begin();
        }
        // Where a message is missing keys may change without a word. The suite of early data does not say which one the server
        // chooses.
        let is_open = epoch.is_some_and(|epoch| epoch < Epoch::Application) && self.messages.is_lost();
        self.is_unsure = is_open || sealed.is_early() || (epoch.is_some() && known.suite()?.is_none());
        let copy = std::mem::take(place.copy);
        let all: &[u8] = if is_tried { &copy } else { self.bytes.get(body.clone()).unwrap_or_default() };
        let plain = all.get(content.from..).and_then(|rest| rest.get(..content.len)).unwrap_or_default();
        let opened = Opened {
            is_client: self.is_client,
            sealed,
            messages: &mut self.messages,
            counts: &mut self.counts,
        };
        let is_last = opened.take(content.kind, plain, place);
        *place.copy = copy;
        self.read = body.end;
        if is_last {
            self.finish(place);
        }
        Ok(Step::Taken)
    }

    /// A record did not open.
    fn fail(
        &mut self,
        body: std::ops::Range<usize>,
        is_tried: bool,
        place: &mut Place<'_>,
    ) -> Result<Step, Trouble> {
        if self.tries == 0 {
            return Err(self.lost());
        }
        if self.is_adrift {
            // It only looked like a head.
            self.read += 1;
            return Ok(Step::Taken);
        }
        self.counts.failed += 1;
        self.failed_in_row += 1;
        if self.failed_in_row >= MAX_FAILED {
            return Err(self.lost());
        }
        if is_tried {
            // It may have had the next number, or a lost one before it none.
            self.window = WINDOW;
        }
        let bytes = Some(body.len() as u64);
        place.give(self.is_client, Piece::Gap { bytes, reason: GapReason::Unopened });
        self.messages.lose();
        self.is_unsure = true;
        self.read = body.end;
        Ok(Step::Taken)
    }

    fn lost(&self) -> Trouble {
        if self.counts.opened == 0 { Trouble::KeysDoNotFit } else { Trouble::LostTrack }
    }
}

/// A record that was opened, and what it may change.
struct Opened<'a> {
    is_client: bool,
    sealed: &'a mut Sealed,
    messages: &'a mut Messages,
    counts: &'a mut Counts,
}

impl Opened<'_> {
    /// Hands its content on; whether it is the last of the direction.
    fn take(self, kind: u8, plain: &[u8], place: &mut Place<'_>) -> bool {
        let (at, time) = (place.at, place.time);
        match kind {
            APPLICATION_DATA => {
                let is_early = self.sealed.is_early();
                self.counts.bytes += plain.len() as u64;
                self.counts.early += if is_early { plain.len() as u64 } else { 0 };
                place.give(self.is_client, Piece::Bytes { at, time, bytes: plain, is_early });
            }
            HANDSHAKE => {
                self.messages.push(plain);
                while let Some((kind, body)) = self.messages.pop() {
                    place.give(self.is_client, Piece::Message { at, time, kind, body });
                    if matches!(kind, FINISHED | KEY_UPDATE | END_OF_EARLY_DATA) {
                        self.sealed.step();
                    }
                }
            }
            ALERT => return plain.get(1) == Some(&CLOSE_NOTIFY),
            _ => {}
        }
        false
    }
}

fn body_len(head: Head) -> usize {
    let [_, _, _, high, low] = head;
    usize::from(u16::from_be_bytes([high, low]))
}

/// Whether bytes can be the head of a record.
fn is_head(head: Head) -> bool {
    let [kind, major, minor, ..] = head;
    let is_known = (CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&kind) && major == 3 && minor <= 4;
    is_known && (1..=MAX_RECORD).contains(&body_len(head))
}

/// Whether a segment begins like the record of a hello, as far as it goes.
pub(super) fn begins_hello(bytes: &[u8]) -> bool {
    let [kind, major, minor, hello] = [0, 1, 2, 5].map(|at| bytes.get(at));
    let fits = |byte: Option<&u8>, is: fn(u8) -> bool| byte.is_none_or(|byte| is(*byte));
    kind == Some(&HANDSHAKE)
        && fits(major, |byte| byte == 3)
        && fits(minor, |byte| byte <= 4)
        && fits(hello, |byte| byte == tls::CLIENT_HELLO || byte == tls::SERVER_HELLO)
}
