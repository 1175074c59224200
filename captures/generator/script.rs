//! Plays a scenario: every step in turn, each with randomness of its own, all into one trace.
//!
//! Input: a [`Scenario`]. Output: its frames in order of time. Must not: know a protocol.

use super::frame::{Path, Sent, Trace};
use super::random::Random;
use super::scenario::{Connect, Host, MILLISECOND, Scenario, Stack, Step};
use super::stand_in::Ends;
use super::{Result, dns, quic, tls, zoom};

/// Everything that crosses the client's interface, from first to last.
pub(crate) fn play(scenario: &Scenario) -> Result<Vec<Sent>> {
    let mut trace = Trace::default();
    let seed = Random::new(scenario.seed);
    for (number, step) in scenario.steps.iter().enumerate() {
        let random = seed.part(&format!("step {number}"));
        play_step(&mut trace, scenario, step, &random)
            .map_err(|error| format!("step {} ({step:?}): {error}", number + 1))?;
    }
    Ok(trace.into_frames())
}

fn play_step(trace: &mut Trace, scenario: &Scenario, step: &Step, random: &Random) -> Result<()> {
    let client = &scenario.client;
    match step {
        Step::Dns(lookup) => {
            for (order, name) in (0..).zip(&lookup.hosts) {
                let at = lookup.at.0 + order * MILLISECOND;
                dns::lookup(trace, client, host(scenario, name)?, at, &random.part(name))?;
            }
        }
        Step::Connect(step) => connect(trace, scenario, step, random)?,
        Step::Stun(stun) => {
            let port = dns::ephemeral_port(&mut random.part("port"));
            for name in &stun.hosts {
                let path = Path::new(client, port, host(scenario, name)?, stun.port, false);
                zoom::stun(trace, path.ok_or("the host has no IPv4 address")?, stun.at.0, random);
            }
        }
        Step::Meeting(meeting) => {
            let router = host(scenario, &meeting.host)?;
            for (order, kind) in (0..).zip(&meeting.sockets) {
                let port = dns::ephemeral_port(&mut random.part(&format!("port {order}")));
                let path = Path::new(client, port, router, meeting.port, false);
                let path = path.ok_or("the media router has no IPv4 address")?;
                zoom::socket(trace, path, meeting, scenario.start, order, *kind, random);
            }
        }
    }
    Ok(())
}

fn connect(trace: &mut Trace, scenario: &Scenario, step: &Connect, random: &Random) -> Result<()> {
    let host = host(scenario, &step.host)?;
    let port = dns::ephemeral_port(&mut random.part("port"));
    let path = Path::new(&scenario.client, port, host, host.port, step.ipv6);
    let path = path.ok_or("client and host have no address in the same family")?;
    let ends = Ends::new(host, scenario.start, random)?;
    if host.stack == Stack::Quic {
        quic::connect(trace, step, host, &ends, path, random)
    } else {
        tls::connect(trace, step, host, &ends, path, random)
    }
}

fn host<'a>(scenario: &'a Scenario, name: &str) -> Result<&'a Host> {
    Ok(scenario.host(name).ok_or("no such host")?)
}
