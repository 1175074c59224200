//! Plays a scenario: every step in turn, each with randomness of its own, all into one trace; then what is around them:
//! the VPN that carries them, the window in which they are captured, the comments beside them.
//!
//! Input: a [`Scenario`]. Output: its frames in order of time. Must not: know a protocol.

use super::frame::{Path, Sent, Trace};
use super::random::Random;
use super::scenario::{
    Browser, Client, Comment, Connect, Host, MILLISECOND, Meeting, Scenario, Seconds, Stack, Step, Vpn,
};
use super::stand_in::Ends;
use super::{Result, browser, dns, quic, tls, wireguard, zoom};

/// Everything that crosses the client's interface, from first to last.
pub(crate) fn play(scenario: &Scenario) -> Result<Vec<Sent>> {
    let seed = Random::new(scenario.seed);
    let (mut trace, mut inside) = (Trace::default(), Trace::default());
    let with_host = |vpn| -> Result<(&Vpn, &Host)> { Ok((vpn, host(scenario, &vpn.host)?)) };
    let vpn = scenario.vpn.as_ref().map(with_host).transpose()?;
    let client_inside = vpn.map(|(vpn, host)| (vpn.at, vpn.inside(&scenario.client, host.rtt_ms)));
    for (number, step) in scenario.steps.iter().enumerate() {
        let random = seed.part(&format!("step {number}"));
        let (trace, client) = match &client_inside {
            Some((since, client)) if step.at() > *since => (&mut inside, client),
            _ => (&mut trace, &scenario.client),
        };
        play_step(trace, scenario, client, step, &random)
            .map_err(|error| format!("step {} ({step:?}): {error}", number + 1))?;
    }
    if let Some((vpn, host)) = vpn {
        let (client, random) = (&scenario.client, seed.part("vpn"));
        let port = dns::ephemeral_port(&mut random.part("port"));
        let path =
            Path::new(client, port, host, vpn.port, false).ok_or("the VPN's end has no IPv4 address")?;
        wireguard::carry(&mut trace, path, client, vpn.at.0, &inside.into_frames(), &random)?;
    }
    let mut frames = trace.into_frames();
    if let Some(window) = scenario.window {
        frames.retain(|frame| (window.from..window.until).contains(&Seconds(frame.at)));
    }
    annotate(&mut frames, &scenario.comments)?;
    Ok(frames)
}

/// Writes each comment beside the first frame at or after its time.
fn annotate(frames: &mut [Sent], comments: &[Comment]) -> Result<()> {
    for comment in comments {
        let free = frames.iter_mut().find(|frame| frame.at >= comment.at.0 && frame.comment.is_none());
        let frame = free.ok_or_else(|| format!("no frame is left for the comment {:?}", comment.text))?;
        frame.comment = Some(comment.text.clone());
    }
    Ok(())
}

fn play_step(
    trace: &mut Trace,
    scenario: &Scenario,
    client: &Client,
    step: &Step,
    random: &Random,
) -> Result<()> {
    match step {
        Step::Dns(lookup) => {
            for (order, name) in (0..).zip(&lookup.hosts) {
                let at = lookup.at.0 + order * MILLISECOND;
                dns::lookup(trace, client, host(scenario, name)?, at, &random.part(name))?;
            }
        }
        Step::Connect(step) => connect(trace, scenario, client, step, random)?,
        Step::Stun(stun) => {
            let port = dns::ephemeral_port(&mut random.part("port"));
            for name in &stun.hosts {
                let path = Path::new(client, port, host(scenario, name)?, stun.port, false);
                zoom::stun(trace, path.ok_or("the host has no IPv4 address")?, stun.at.0, random);
            }
        }
        Step::Meeting(step) => meeting(trace, scenario, client, step, random)?,
        Step::Browser(step) => page(trace, scenario, client, step, random)?,
    }
    Ok(())
}

fn connect(
    trace: &mut Trace,
    scenario: &Scenario,
    client: &Client,
    step: &Connect,
    random: &Random,
) -> Result<()> {
    let host = host(scenario, &step.host)?;
    let port = dns::ephemeral_port(&mut random.part("port"));
    let path = Path::new(client, port, host, host.port, step.ipv6).ok_or(NO_PATH)?;
    let ends = Ends::new(host, scenario.start, random)?;
    if host.stack == Stack::Quic {
        quic::connect(trace, step, host, &ends, path, random)
    } else {
        tls::connect(trace, step, host, &ends, path, random)
    }
}

fn meeting(
    trace: &mut Trace,
    scenario: &Scenario,
    client: &Client,
    step: &Meeting,
    random: &Random,
) -> Result<()> {
    let router = host(scenario, &step.host)?;
    for (order, kind) in (0..).zip(&step.sockets) {
        let port = dns::ephemeral_port(&mut random.part(&format!("port {order}")));
        let path = Path::new(client, port, router, step.port, step.ipv6).ok_or(NO_PATH)?;
        zoom::socket(trace, path, step, scenario.start, order, *kind, random);
    }
    Ok(())
}

fn page(
    trace: &mut Trace,
    scenario: &Scenario,
    client: &Client,
    step: &Browser,
    random: &Random,
) -> Result<()> {
    let gateway = host(scenario, &step.host)?;
    let alpn = Some("webrtc".to_owned());
    let media = Host { stack: Stack::Dtls, alpn, ..gateway.clone() };
    let seen_as = client.seen_as(step.ipv6).ok_or(NO_PATH)?;
    for (order, kind) in (0..).zip(&step.sessions) {
        let random_port = &mut random.part(&format!("port {order}"));
        let path = Path::new(client, dns::ephemeral_port(random_port), gateway, step.port, step.ipv6);
        let ends = Ends::new(&media, scenario.start, &random.part(&format!("ends {order}")))?;
        browser::session(trace, path.ok_or(NO_PATH)?, step, &ends, (order, *kind), seen_as, random)?;
    }
    Ok(())
}

fn host<'a>(scenario: &'a Scenario, name: &str) -> Result<&'a Host> {
    Ok(scenario.host(name).ok_or("no such host")?)
}

const NO_PATH: &str = "client and host have no address in the same family";
