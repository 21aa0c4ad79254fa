//! Links the programs without the C start-up files and libraries: loadable at any address, or at a
//! fixed one where the flags ask for code that is.

fn main() {
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let fixed = flags.contains("relocation-model=static");
    let kind = if fixed { "-static" } else { "-static-pie" };
    for argument in ["-nostartfiles", "-nostdlib", kind] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
