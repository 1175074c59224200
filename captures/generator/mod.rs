//! The generator of the project's captures: a scenario in, a pcapng file and its manifest out.
//!
//! Nothing in a made capture comes from real traffic. TLS handshakes are spoken by rustls, QUIC by quinn-proto, DNS by
//! hickory-proto; Zoom's layer follows the published descriptions of it. The same scenario gives the same bytes on
//! every machine, as long as `Cargo.lock` keeps those packages where they are.

use std::error::Error;
use std::fs;
use std::path::Path;

mod browser;
mod dns;
mod dtls;
mod frame;
mod manifest;
mod quic;
mod random;
mod scenario;
mod script;
mod stand_in;
mod tcp;
mod tls;
mod wireguard;
mod write;
mod zoom;

/// Whatever stopped the generator; it is only ever shown.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Raised with every change that makes other captures from the same scenarios.
pub(crate) const VERSION: u32 = 1;

/// What every made capture and its manifest say about their origin.
pub(crate) const NOTICE: &str = "made by this project's generator; no real traffic";

/// A finished capture, in memory.
#[derive(Debug)]
pub(crate) struct Made {
    /// The pcapng file.
    pub(crate) capture: Vec<u8>,
    /// Its manifest, a TOML file.
    pub(crate) manifest: String,
}

impl Made {
    /// Writes both files into `folder`.
    pub(crate) fn save(&self, folder: &Path, name: &str) -> Result<()> {
        fs::write(folder.join(format!("{name}.pcapng")), &self.capture)?;
        Ok(fs::write(folder.join(format!("{name}.manifest.toml")), &self.manifest)?)
    }
}

/// The names of all scenarios of `folder`, in order.
pub(crate) fn scenarios(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.join("scenarios"))? {
        let file = entry?.file_name();
        names.extend(file.to_str().and_then(|file| file.strip_suffix(".toml")).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// Makes the capture of `folder`'s scenario `name`.
pub(crate) fn make(folder: &Path, name: &str) -> Result<Made> {
    let text = fs::read_to_string(folder.join(format!("scenarios/{name}.toml")))
        .map_err(|error| format!("cannot read scenario {name}: {error}"))?;
    let scenario = scenario::Scenario::parse(&format!("scenarios/{name}.toml"), &text)?;
    let frames = script::play(&scenario).map_err(|error| format!("scenario {name}: {error}"))?;
    let capture = write::pcapng(&scenario, &frames)?;
    let manifest = manifest::text(name, &scenario, &frames, &capture);
    Ok(Made { capture, manifest })
}
