//! Files that users write: registers, marks, baselines, and reports that are read back. Law: an error names the file, and can be printed.

use std::path::Path;

use borderpost::compare::baseline::Baseline;
use borderpost::compare::runs_in;
use borderpost::session::marks;
use borderpost::verdict::Register;

use super::script::Script;

pub fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|above| above.join("captures/study.toml").is_file());
    let mut seeds = Vec::new();
    for (folder, kind) in [("src/verdict/registers", 0), ("captures", 1), ("captures", 2)] {
        let entries =
            root.and_then(|root| std::fs::read_dir(root.join(folder)).ok()).into_iter().flatten().flatten();
        let texts =
            entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "toml"));
        seeds.extend(texts.filter_map(|path| Some([&[kind][..], &std::fs::read(path).ok()?].concat())));
    }
    seeds.push(b"\x03[baseline]\nversion = 1\n\n[[entry]]\nhosts = \"*.zoom.us\"\n".to_vec());
    seeds.push(
        b"\x04{\"schema\":{\"name\":\"borderpost-report\",\"version\":\"1.0\"},\"destinations\":[{}]}"
            .to_vec(),
    );
    seeds.push(b"\x01time,step\n2024-01-01T00:00:00Z,join\n".to_vec());
    seeds
}

pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let kind = script.byte();
    let text = String::from_utf8_lossy(script.rest());
    let error = match kind % 5 {
        0 => Register::parse("made.toml", &text).err().map(|error| error.to_string()),
        1 => marks::parse("made.toml", &text).err().map(|error| error.to_string()),
        3 => Baseline::parse("made.toml", &text).err().map(|error| error.to_string()),
        4 => runs_in("made.json", script.rest(), false).err(),
        _ => marks::parse("made.csv", &text).err().map(|error| error.to_string()),
    };
    if let Some(error) = error {
        assert!(error.contains("made."), "{error}");
    }
}
