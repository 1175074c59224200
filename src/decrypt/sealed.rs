//! The encrypted part of one direction: which keys hold, and the number of the next record.
//!
//! Input: records in order, and that some were lost. Output: their content. Where it is not sure which keys or which number a
//! record has, those that are possible are tried on copies of it. Must not: try without an end, or read what it opens.

use super::keys::{Random, Secret, Secrets, Traffic};
use super::record::{Content, Head, Opener, Suite};
use super::schedule::next_generation;

/// The keys of one direction, as far as it has come.
pub(super) enum Sealed {
    Thirteen(Box<Thirteen>),
    Twelve(Box<Twelve>),
}

/// TLS 1.2: one set of keys.
pub(super) struct Twelve {
    opener: Opener,
    number: u64,
}

/// TLS 1.3: keys change with what is said (RFC 8446 section 7.3).
pub(super) struct Thirteen {
    secrets: Traffic,
    /// The suite that the server chose, once that is known.
    suite: Option<Suite>,
    epoch: Epoch,
    /// The secret of the epoch, and what follows from it by a suite.
    secret: Option<Secret>,
    opener: Option<(Suite, Opener)>,
    number: u64,
}

/// The stretches of a direction in TLS 1.3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Epoch {
    /// The client's, before the server has answered.
    Early,
    Handshake,
    Application,
}

/// A record that is tried on copies.
pub(super) struct Trial<'a> {
    pub(super) head: Head,
    pub(super) body: &'a [u8],
    pub(super) copy: &'a mut Vec<u8>,
    /// How many tries there still are.
    pub(super) left: &'a mut u32,
}

impl Trial<'_> {
    fn open(&mut self, opener: &Opener, number: u64) -> Option<Content> {
        *self.left = self.left.checked_sub(1)?;
        self.copy.clear();
        self.copy.extend_from_slice(self.body);
        opener.open(number, self.head, self.copy)
    }
}

impl Sealed {
    /// The keys of a direction in TLS 1.2; `None` where the log has no master secret of it.
    pub(super) fn twelve(
        suite: Suite,
        secrets: &Secrets,
        randoms: (&Random, &Random),
        is_client: bool,
    ) -> Option<Self> {
        let opener = Opener::of_master(suite, secrets.master.as_ref()?, randoms, is_client)?;
        Some(Self::Twelve(Box::new(Twelve { opener, number: 0 })))
    }

    /// The keys of a direction in TLS 1.3, whose suite may not be known yet.
    pub(super) fn thirteen(suite: Option<Suite>, secrets: &Secrets, is_client: bool) -> Self {
        let secrets = if is_client { secrets.client } else { secrets.server };
        let (epoch, secret) = match secrets.early {
            Some(early) => (Epoch::Early, Some(early)),
            None => (Epoch::Handshake, secrets.handshake),
        };
        Self::Thirteen(Box::new(Thirteen { secrets, suite, epoch, secret, opener: None, number: 0 }))
    }

    /// The server's suite becomes known.
    pub(super) fn learn(&mut self, suite: Suite) {
        if let Self::Thirteen(keys) = self {
            keys.suite = Some(suite);
        }
    }

    /// Whether early data is being read.
    pub(super) fn is_early(&self) -> bool {
        self.epoch() == Some(Epoch::Early)
    }

    /// The stretch that it is in; `None` in TLS 1.2.
    pub(super) fn epoch(&self) -> Option<Epoch> {
        match self {
            Self::Thirteen(keys) => Some(keys.epoch),
            Self::Twelve(_) => None,
        }
    }

    /// Whether there is a key for the next record, or one after it.
    pub(super) fn has_key(&self) -> bool {
        match self {
            Self::Thirteen(keys) => {
                let is_next = keys.epoch < Epoch::Application && keys.secrets.application.is_some();
                keys.secret.is_some() || is_next
            }
            Self::Twelve(_) => true,
        }
    }

    /// Opens the next record in place. Where it does not open it is lost.
    pub(super) fn open(&mut self, head: Head, body: &mut [u8]) -> Option<Content> {
        let (opener, number) = match self {
            Self::Twelve(keys) => (&keys.opener, &mut keys.number),
            Self::Thirteen(keys) => {
                if keys.opener.is_none() {
                    let suite = keys.suite?;
                    keys.opener = Some((suite, Opener::of_traffic(suite, keys.secret.as_ref()?)?));
                }
                (&keys.opener.as_ref()?.1, &mut keys.number)
            }
        };
        let content = opener.open(*number, head, body);
        *number += 1;
        content
    }

    /// A record was lost that had a number.
    pub(super) fn pass(&mut self) {
        match self {
            Self::Twelve(keys) => keys.number += 1,
            Self::Thirteen(keys) => keys.number += 1,
        }
    }

    /// Opens a record that may have one of `window` further numbers, or the keys that come next.
    pub(super) fn search(&mut self, window: u64, trial: &mut Trial<'_>) -> Option<Content> {
        match self {
            Self::Thirteen(keys) => keys.search(window, trial),
            Self::Twelve(keys) => {
                let numbers = keys.number..=keys.number.saturating_add(window);
                let (number, content) = first(numbers, &keys.opener, trial)?;
                keys.number = number + 1;
                Some(content)
            }
        }
    }

    /// The side has said that its next record has the next keys: after Finished, `EndOfEarlyData` or `KeyUpdate`. Nothing changes
    /// in TLS 1.2.
    pub(super) fn step(&mut self) {
        let Self::Thirteen(keys) = self else { return };
        let next = keys.after(keys.epoch, keys.secret.as_ref());
        (keys.epoch, keys.secret) = next;
        (keys.opener, keys.number) = (None, 0);
    }
}

impl Thirteen {
    /// The stretch after one, with its secret.
    fn after(&self, epoch: Epoch, secret: Option<&Secret>) -> (Epoch, Option<Secret>) {
        match epoch {
            Epoch::Early => (Epoch::Handshake, self.secrets.handshake),
            Epoch::Handshake => (Epoch::Application, self.secrets.application),
            Epoch::Application => {
                let known = self.suite.or(self.opener.as_ref().map(|(suite, _)| *suite));
                let next = known.zip(secret).and_then(|(suite, secret)| next_generation(suite.hash, secret));
                (Epoch::Application, next)
            }
        }
    }

    fn search(&mut self, window: u64, trial: &mut Trial<'_>) -> Option<Content> {
        let (mut epoch, mut secret, mut from) = (self.epoch, self.secret, self.number);
        // Where nothing was lost no stretch was passed over.
        let stretches = if window == 0 { 2 } else { 3 };
        for _ in 0..stretches {
            for suite in self.suites(epoch, secret.as_ref()) {
                let made = secret.as_ref().and_then(|secret| Opener::of_traffic(suite, secret));
                let Some(opener) = made else { continue };
                if let Some((number, content)) = first(from..=from.saturating_add(window), &opener, trial) {
                    (self.epoch, self.secret, self.number) = (epoch, secret, number + 1);
                    self.opener = Some((suite, opener));
                    return Some(content);
                }
            }
            (epoch, secret) = self.after(epoch, secret.as_ref());
            from = 0;
        }
        None
    }

    /// The suites that a stretch may have. Early data has that of the connection before, which the server need not have taken
    /// again.
    fn suites(&self, epoch: Epoch, secret: Option<&Secret>) -> Vec<Suite> {
        let opener = self.opener.as_ref().filter(|_| epoch == self.epoch).map(|(suite, _)| *suite);
        let known = opener.or(self.suite.filter(|_| epoch != Epoch::Early));
        let possible = secret.map_or(&[][..], |secret| Suite::of_secret(secret.bytes().len()));
        known.map_or_else(|| possible.to_vec(), |suite| vec![suite])
    }
}

fn first(
    numbers: std::ops::RangeInclusive<u64>,
    opener: &Opener,
    trial: &mut Trial<'_>,
) -> Option<(u64, Content)> {
    numbers.into_iter().find_map(|number| Some((number, trial.open(opener, number)?)))
}
