//! Links the program without the C start-up files and libraries, loadable at any address.

fn main() {
    for argument in ["-nostartfiles", "-nostdlib", "-static-pie"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
