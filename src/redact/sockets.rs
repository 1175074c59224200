//! Whose sockets were open, without what else that tells.
//!
//! Input: the processes and sockets that a capture names. Output: those on which a finding rests, as blocks. Of a path only the name
//! of the program is kept, and which programs are in one folder. Must not: name a program that is not the client's.

use std::collections::BTreeMap;

use super::address::Addresses;
use crate::client::Catalogue;
use crate::source::owners::{
    Ancestor, OwnedSocket, OwnerProcess, Owners, SocketEnds, process_block, socket_block,
};

/// What is kept of the sockets, and how many sockets are and are not.
#[derive(Default, Debug)]
pub(super) struct Shown {
    pub(super) blocks: Vec<u8>,
    pub(super) kept: u64,
    pub(super) dropped: u64,
}

/// Goes through all that is said of sockets.
pub(super) fn sockets(owners: &Owners, addresses: &mut Addresses) -> Shown {
    let mut folders = Folders::default();
    let mut kept = Shown::default();
    let mut numbers: Vec<Option<u32>> = Vec::new();
    for (number, process) in (0..).zip(&owners.processes) {
        let shown = of_client(process, &mut folders);
        numbers.push(shown.as_ref().map(|_| number));
        kept.blocks.extend(shown.iter().flat_map(|process| process_block(number, process)));
    }
    for socket in &owners.sockets {
        let OwnedSocket { ends, process, method, since, until } = *socket;
        let number = numbers.get(process as usize).copied().flatten().filter(|_| method.is_reliable());
        let Some(number) = number else {
            kept.dropped += 1;
            continue;
        };
        let mut shown = |mut end: std::net::SocketAddr| {
            end.set_ip(addresses.map(end.ip()));
            end
        };
        let ends = SocketEnds::new(ends.is_tcp, shown(ends.local), shown(ends.remote));
        kept.kept += 1;
        kept.blocks.extend(socket_block(number, &ends, method, since, false));
        kept.blocks.extend(until.iter().flat_map(|until| socket_block(number, &ends, method, *until, true)));
    }
    kept
}

/// What is kept of a process, where it is the client's.
fn of_client(process: &OwnerProcess, folders: &mut Folders) -> Option<OwnerProcess> {
    let catalogue = Catalogue::builtin();
    let method = crate::frame::ProcessMethod::Socket;
    let is_client = |name: &str| catalogue.is_process(name, method);
    if !is_client(&process.name) && catalogue.starter(&process.path, &process.parents, method).is_none() {
        return None;
    }
    let parents = process.parents.iter().filter(|parent| is_client(&parent.name));
    let parents: Vec<Ancestor> = parents
        .map(|parent| Ancestor {
            pid: parent.pid,
            name: base(&parent.name).to_owned(),
            path: folders.hide(&parent.path),
        })
        .collect();
    Some(OwnerProcess {
        uid: None,
        name: base(&process.name).to_owned(),
        path: folders.hide(&process.path),
        parents,
        ..process.clone()
    })
}

/// The stand-ins of folders, the same for the same name.
#[derive(Default, Debug)]
struct Folders(BTreeMap<String, usize>);

impl Folders {
    /// The path with stand-ins for its folders but the usual ones. What ends as a bundle of macOS goes on to.
    fn hide(&mut self, path: &str) -> String {
        let Some((folders, program)) = path.rfind(['/', '\\']).and_then(|at| path.split_at_checked(at + 1))
        else {
            return path.to_owned();
        };
        let mut shown = String::new();
        for folder in folders.split_inclusive(['/', '\\']) {
            let name = folder.trim_end_matches(['/', '\\']);
            let separator = folder.get(name.len()..).unwrap_or_default();
            shown.push_str(&self.stand_in(name));
            shown.push_str(separator);
        }
        shown + program
    }

    fn stand_in(&mut self, name: &str) -> String {
        if USUAL.contains(&name) {
            return name.to_owned();
        }
        let next = self.0.len() + 1;
        let number = *self.0.entry(name.to_lowercase()).or_insert(next);
        let suffix = if name.to_lowercase().ends_with(".app") { ".app" } else { "" };
        format!("d{number}{suffix}")
    }
}

fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// Folders that say nothing about anybody.
const USUAL: &[&str] =
    &["", "usr", "bin", "sbin", "local", "opt", "snap", "tmp", "C:", "Program Files", "Applications"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_their_program_and_which_folders_are_the_same() {
        let mut folders = Folders::default();
        assert_eq!(folders.hide("/home/alice/zoom/zoom"), "/d1/d2/d3/zoom");
        assert_eq!(folders.hide("/home/alice/zoom/view"), "/d1/d2/d3/view");
        assert_eq!(folders.hide("/usr/bin/zoom"), "/usr/bin/zoom");
        assert_eq!(folders.hide(r"C:\Users\alice\Zoom\bin\Zoom.exe"), r"C:\d4\d2\d3\bin\Zoom.exe");
        assert_eq!(
            folders.hide("/Applications/zoom.us.app/Contents/MacOS/zoom.us"),
            "/Applications/d5.app/d6/d7/zoom.us"
        );
        assert_eq!(folders.hide("zoom"), "zoom");
        assert_eq!(folders.hide(""), "");
    }

    #[test]
    fn programs_that_are_not_the_clients_are_not_named() {
        let process = |name: &str, path: &str, parents: &[(&str, &str)]| OwnerProcess {
            pid: 7,
            uid: Some(1_000),
            started: None,
            name: name.to_owned(),
            path: path.to_owned(),
            asked: "sock_diag".to_owned(),
            parents: parents
                .iter()
                .map(|(name, path)| Ancestor { pid: 1, name: (*name).to_owned(), path: (*path).to_owned() })
                .collect(),
        };
        let mut folders = Folders::default();
        let shell = ("secret-script", "/home/alice/secret-script");
        assert_eq!(of_client(&process("firefox", "/usr/bin/firefox", &[shell]), &mut folders), None);
        let zoom = of_client(&process("zoom", "/home/alice/zoom/zoom", &[shell]), &mut folders).unwrap();
        assert_eq!((zoom.uid, zoom.parents.len(), zoom.path.as_str()), (None, 0, "/d1/d2/d3/zoom"));
        let parents = [("zoom", "/home/alice/zoom/zoom"), shell];
        let helper = of_client(&process("view", "/home/alice/zoom/view", &parents), &mut folders).unwrap();
        assert_eq!((helper.parents.len(), helper.path.as_str()), (1, "/d1/d2/d3/view"));
        assert!(of_client(&helper, &mut Folders::default()).is_some(), "the copy says the same");
        assert!(!format!("{helper:?}").contains("alice"));
    }
}
