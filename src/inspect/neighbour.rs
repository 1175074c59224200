//! Names with digits that were seen for other addresses of the same /24: operators give such blocks to one site.
//!
//! Input: the names that were seen for each address of a capture. Output: for an address without such a name of its own, the country
//! that those of its neighbours agree on. Must not: choose where they disagree.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::client::{Catalogue, Spoken};
use crate::frame::Date;
use crate::place::Witness;

/// The names with digits of one capture, by their /24 and day: a block may be another operator's a year later.
#[derive(Default, Debug)]
pub(super) struct Neighbours(BTreeMap<([u8; 3], Date), Block>);

/// One /24 on one day.
#[derive(Default, Debug)]
struct Block {
    /// The name that spells each address.
    names: BTreeMap<Ipv4Addr, Spoken>,
    /// What they say of the others; nothing where they disagree.
    agreed: Option<Witness>,
    is_disputed: bool,
}

impl Neighbours {
    /// Takes note of the name that spells the address it was seen for, where one of `names` does.
    pub(super) fn note(&mut self, remote: IpAddr, day: Date, names: &[Spoken]) {
        let IpAddr::V4(address) = remote.to_canonical() else { return };
        let said = names.iter().find_map(|spoken| {
            Some((spoken, Catalogue::builtin().neighbour_witness(spoken, IpAddr::V4(address), day)?))
        });
        if let Some((spoken, witness)) = said {
            self.0.entry((block(address), day)).or_default().add(address, spoken, witness);
        }
    }

    /// The name with digits that is known for an address on a day or the days beside it, if any.
    pub(super) fn name(&self, address: Ipv4Addr, day: Date) -> Option<&Spoken> {
        self.near(address, day).find_map(|block| block.names.get(&address))
    }

    /// What the neighbours' names say about an address that has no such name itself.
    pub(super) fn witness(&self, address: IpAddr, day: Date) -> Option<Witness> {
        let IpAddr::V4(address) = address else { return None };
        if self.name(address, day).is_some() || self.near(address, day).any(|block| block.is_disputed) {
            return None;
        }
        let mut agreed = self.near(address, day).filter_map(|block| block.agreed.as_ref());
        let first = agreed.next()?;
        agreed.all(|other| other.claim == first.claim).then(|| first.clone())
    }

    /// The /24 around an address on the day and the days beside it: sessions know no midnight. What is known on a day may
    /// have been seen on the day beside it, so that a name reaches its neighbours at most two days away.
    fn near(&self, address: Ipv4Addr, day: Date) -> impl Iterator<Item = &Block> {
        let days = [day, day.day_before(), day.day_after()];
        days.into_iter().filter_map(move |day| self.0.get(&(block(address), day)))
    }
}

impl Block {
    fn add(&mut self, address: Ipv4Addr, spoken: &Spoken, witness: Witness) {
        self.names.entry(address).or_insert_with(|| spoken.clone());
        self.is_disputed |= self.agreed.as_ref().is_some_and(|agreed| agreed.claim != witness.claim);
        self.agreed = if self.is_disputed { None } else { self.agreed.take().or(Some(witness)) };
    }
}

fn block(address: Ipv4Addr) -> [u8; 3] {
    let [a, b, c, _] = address.octets();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Origin;
    use crate::frame::FrameRef;
    use crate::place::{Claim, WitnessKind};
    use crate::wire::Hostname;

    fn neighbours(names: &[(&str, &str)]) -> Neighbours {
        let mut neighbours = Neighbours::default();
        for (remote, name) in names {
            let host = Hostname::parse(name.as_bytes()).unwrap();
            let spoken = Spoken { host, origin: Origin::Request, frame: FrameRef::new(0, 5) };
            neighbours.note(remote.parse().unwrap(), "2025-03-04".parse().unwrap(), &[spoken]);
        }
        neighbours
    }

    fn said(names: &[(&str, &str)], address: &str) -> Option<Claim> {
        let day = "2025-03-05".parse().unwrap();
        let witness = neighbours(names).witness(address.parse().unwrap(), day)?;
        assert_eq!(witness.kind, WitnessKind::NeighbourName);
        Some(witness.claim)
    }

    const FRANKFURT: (&str, &str) = ("213.244.140.84", "zoomfr84zc.zoom.us");

    #[test]
    fn a_name_with_digits_speaks_for_its_neighbours_and_not_twice_for_itself() {
        let germany = Some(Claim::In("DE".parse::<crate::place::Country>().unwrap().into()));
        assert_eq!(said(&[FRANKFURT], "213.244.140.151"), germany);
        assert_eq!(said(&[FRANKFURT], "213.244.140.84"), None);
        assert_eq!(said(&[FRANKFURT], "213.244.141.84"), None);
        assert_eq!(said(&[FRANKFURT, ("213.244.140.85", "zoomfr85zc.zoom.us")], "213.244.140.151"), germany);
        assert_eq!(
            said(&[("213.244.140.84", "zoomfr85zc.zoom.us")], "213.244.140.151"),
            None,
            "another's digits"
        );
        assert_eq!(said(&[("213.244.140.84", "rwcfra.fra.zoom.us")], "213.244.140.151"), None, "no digits");
    }

    #[test]
    fn a_name_speaks_on_its_day_and_the_days_beside_it() {
        let on = |day: &str| {
            let witness =
                neighbours(&[FRANKFURT]).witness("213.244.140.151".parse().unwrap(), day.parse().unwrap());
            witness.is_some()
        };
        assert_eq!(
            [on("2025-03-03"), on("2025-03-05"), on("2025-03-06"), on("2026-03-04")],
            [true, true, false, false]
        );
    }

    #[test]
    fn neighbours_that_disagree_say_nothing() {
        let three =
            [FRANKFURT, ("213.244.140.85", "zoomam85zc.zoom.us"), ("213.244.140.86", "zoomfr86zc.zoom.us")];
        assert_eq!(said(&three, "213.244.140.151"), None);
        assert!(
            neighbours(&three)
                .name("213.244.140.85".parse().unwrap(), "2025-03-04".parse().unwrap())
                .is_some()
        );
    }
}
