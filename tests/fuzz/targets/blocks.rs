//! The stream of blocks between the capture program and who writes the evidence. Law: whatever comes, in whatever pieces, the
//! blocks that are given are the stream's, one behind the other.

use borderpost::capture::Blocks;

use super::frames::captures;

pub fn seeds() -> Vec<Vec<u8>> {
    let whole = captures().into_iter().filter_map(|path| std::fs::read(path).ok());
    whole.map(|file| file[..file.len().min(4_000)].to_vec()).collect()
}

pub fn run(data: &[u8]) {
    let mut at = 0;
    let mut blocks = Blocks::new(data);
    while let Ok(Some(block)) = blocks.next_block() {
        assert!(block.bytes.len() >= 12 && data[at..].starts_with(block.bytes));
        at += block.bytes.len();
        let _ = (block.lengths(), block.interface(), block.counts());
    }
    assert!(at + blocks.waiting() == data.len());
    // A part of the stream has the blocks that are whole in it.
    let half = &data[..data.len() / 2];
    let (mut blocks, mut given) = (Blocks::new(half), 0);
    while let Ok(Some(block)) = blocks.next_block() {
        given += block.bytes.len();
    }
    assert!(given <= at);
}
