//! Handshake messages out of the handshake records of one direction (RFC 8446 section 4).
//!
//! Input: the content of handshake records in order. Output: whole messages. Must not: hold more than [`MAX_MESSAGE`] bytes of
//! one; longer ones are passed over.

/// The longest message that is read, in bytes. Chains of certificates are a tenth of it.
const MAX_MESSAGE: usize = 128 * 1024;
const HEAD: usize = 4;

/// The messages of one direction.
#[derive(Default)]
pub(super) struct Messages {
    pending: Vec<u8>,
    /// How many of those were given.
    read: usize,
    /// How many bytes of a message that is too long are still to come.
    over: usize,
    /// Whether bytes are missing, so that it is not known where the next message begins.
    is_lost: bool,
}

impl Messages {
    /// Bytes are missing.
    pub(super) fn lose(&mut self) {
        *self = Self { is_lost: true, ..Self::default() };
    }

    /// Whether it is not known where the next message begins.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// The next record begins with a message: no message lies across a change of keys (RFC 8446 section 5.1).
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }

    /// How many bytes are held.
    pub(super) fn bytes(&self) -> usize {
        self.pending.capacity()
    }

    /// Takes the content of a handshake record.
    pub(super) fn push(&mut self, content: &[u8]) {
        if self.is_lost {
            return;
        }
        let passed = self.over.min(content.len());
        self.over -= passed;
        self.pending.drain(..self.read);
        self.read = 0;
        if self.pending.is_empty() {
            self.pending = Vec::new();
        }
        self.pending.extend_from_slice(content.get(passed..).unwrap_or_default());
    }

    /// The next whole message: its type and its body.
    pub(super) fn pop(&mut self) -> Option<(u8, &[u8])> {
        loop {
            let rest = self.pending.get(self.read..)?;
            let [kind, high, middle, low] = *rest.first_chunk::<HEAD>()?;
            let len = HEAD + u32::from_be_bytes([0, high, middle, low]) as usize;
            if len <= MAX_MESSAGE {
                if rest.len() < len {
                    return None;
                }
                let body = self.read + HEAD..self.read + len;
                self.read += len;
                return Some((kind, self.pending.get(body)?));
            }
            let there = len.min(rest.len());
            self.over = len - there;
            self.read += there;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, len: usize) -> Vec<u8> {
        let [_, high, middle, low] = u32::try_from(len).unwrap().to_be_bytes();
        [vec![kind, high, middle, low], vec![kind; len]].concat()
    }

    #[test]
    fn messages_come_out_however_records_cut_them() {
        let all = [message(1, 5), message(2, 0), message(11, MAX_MESSAGE + 1), message(20, 300)].concat();
        for cut in [1, 3, 7, 1000, 16384, 1 << 20] {
            let (mut messages, mut kinds) = (Messages::default(), Vec::new());
            for record in all.chunks(cut) {
                messages.push(record);
                while let Some((kind, body)) = messages.pop() {
                    kinds.push((kind, body.len()));
                }
                assert!(messages.pending.len() <= MAX_MESSAGE + cut);
            }
            assert_eq!(kinds, [(1, 5), (2, 0), (20, 300)], "{cut}");
        }
    }

    #[test]
    fn after_a_loss_nothing_is_read_until_keys_change() {
        let mut messages = Messages::default();
        messages.push(&message(8, 10)[..5]);
        messages.lose();
        messages.push(&message(20, 10));
        assert!(messages.pop().is_none() && messages.is_lost());
        messages.begin();
        messages.push(&message(4, 10));
        assert_eq!(messages.pop().map(|(kind, _)| kind), Some(4));
    }
}
