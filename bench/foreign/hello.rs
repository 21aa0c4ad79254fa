//! Rust with std.

fn main() {
    println!("hello, world");
}
