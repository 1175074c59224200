//! The program: everything is in [`borderpost::cli`].

fn main() {}
