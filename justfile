# The project's commands. `just` without arguments lists them.

set shell := ["bash", "-euo", "pipefail", "-c"]

# What a program without libc needs of the crate, and of the linker.
freestanding_features := "start,panic-handler,io,time,mem"
# What waits for the kernel, and all that needs no other program.
io_features := "net,fs,process,signal,sync,io"
all_features := io_features + ",mem,sim,watchdog"
example_features := freestanding_features + ",net,fs,process,signal,sync,uring,errno-text"
frames := "-C force-frame-pointers=yes --remap-path-prefix=" + env("CARGO_HOME", env("HOME") / ".cargo") + "/registry/src/="
link := "-C target-feature=+crt-static -C link-arg=-nostartfiles -C link-arg=-nostdlib -C link-arg=-static-pie -C link-arg=-Wl,-T,linker.ld,-z,noexecstack,-z,pack-relative-relocs,--no-eh-frame-hdr,--build-id=none"

[private]
default:
    @just --list --unsorted

# Tests may panic, and are less particular.
allowed_in_tests := "-A clippy::pedantic -A clippy::unwrap_used -A clippy::expect_used -A clippy::panic -A clippy::wildcard_enum_match_arm -A clippy::std_instead_of_core -A clippy::large_stack_arrays -A clippy::print_stdout -A clippy::vec_box -A clippy::unnecessary_safety_comment -A unreachable_pub -A unnameable_types -A missing_docs -A let_underscore_drop -A clippy::map_identity"

# Build and run the demonstration program, without libc.
run-freestanding:
    @program=$(just build-freestanding) && exec "$program"

# Build an example without libc and run it: just example echo 127.0.0.1:7000
[positional-arguments]
example name *arguments:
    @program=$(just build-freestanding stable example "$1" '{{example_features}}' release) && shift && exec "$program" "$@"

# Build a freestanding program and print its path. toolchain: auto, nightly, debian or stable
build-freestanding toolchain="auto" kind="bin" name="freestanding" features=freestanding_features profile="freestanding":
    #!/usr/bin/env bash
    set -euo pipefail
    toolchain='{{toolchain}}'
    if [ "$toolchain" = auto ]; then
        toolchain=$(just toolchain)
        case $toolchain in
            stable) echo "building with stable Rust and its own core; \`just setup\` brings a toolchain that builds core for x86_64-unknown-linux-none.json" >&2 ;;
            *) echo "building core and program for x86_64-unknown-linux-none.json ($toolchain toolchain); \`just build-freestanding stable\` uses stable Rust" >&2 ;;
        esac
    fi
    arguments=(build --quiet --no-default-features --features '{{features}}' --profile '{{profile}}' '--{{kind}}' '{{name}}')
    core=(-Z build-std=core -Z build-std-features=optimize_for_size -Z json-target-spec --target x86_64-unknown-linux-none.json)
    case $toolchain in
        nightly) RUSTFLAGS='{{frames}}' cargo +nightly "${arguments[@]}" "${core[@]}" >&2; target=x86_64-unknown-linux-none ;;
        debian) RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc RUSTFLAGS='{{frames}}' /usr/bin/cargo "${arguments[@]}" "${core[@]}" >&2; target=x86_64-unknown-linux-none ;;
        stable) RUSTFLAGS='{{frames}} {{link}}' cargo "${arguments[@]}" --target x86_64-unknown-linux-gnu >&2; target=x86_64-unknown-linux-gnu ;;
        *) echo "there is no toolchain '$toolchain': auto, nightly, debian or stable" >&2; exit 2 ;;
    esac
    folder='{{profile}}'; if [ "$folder" = dev ]; then folder=debug; fi
    if [ '{{kind}}' = example ]; then folder=$folder/examples; fi
    echo "${CARGO_TARGET_DIR:-target}/$target/$folder/{{name}}"

# Say which toolchain can build core: nightly with rust-src, Debian's rustc-web, or else stable.
toolchain:
    #!/usr/bin/env bash
    set -euo pipefail
    has_core() { [ -e "$("$@" --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library/core/Cargo.toml" ]; }
    if has_core rustc +nightly; then echo nightly
    elif [ -x /usr/bin/cargo ] && has_core /usr/bin/rustc; then echo debian
    else echo stable; fi

# Prove that the demonstration program stands on the kernel alone.
prove toolchain="auto":
    @.ci/prove "$(just build-freestanding '{{toolchain}}')"

# Start the example `init` as the first process of a system, in QEMU.
boot: (need "boot")
    @.ci/boot "$(just build-freestanding stable example init '{{freestanding_features}},fs,process,sync' release)"

# Run all tests.
test: (need "test") (need "boot")
    cargo test --workspace
    cargo test --workspace --features std --quiet
    cargo test --workspace --features {{all_features}},fp-env --quiet
    cargo test --workspace --features {{io_features}} --release --quiet
    RUSTFLAGS='--cfg barecoro_driver="epoll"' RUSTDOCFLAGS='--cfg barecoro_driver="epoll"' CARGO_TARGET_DIR=target/epoll cargo test --doc --features {{io_features}} --quiet
    RUSTFLAGS="--cfg barecoro_no_guard_markers" CARGO_TARGET_DIR=target/no-guard-markers cargo test --lib --test coroutine --test coroutine_drop --test coroutine_stacks --test runtime --test stacks --test tasks --test overflow --test faults --test cancel --test deadline --test deadlock --test model --test park --test scope --test sleep --test soundness --test schedules --features io,sim --quiet
    CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 cargo test --release --quiet --features fp-env --test registers

# Check everything, as CI does.
check: (need "test") (need "boot") (need "check")
    cargo fmt --check
    cargo fmt --check --manifest-path bench/Cargo.toml
    cargo fmt --check --manifest-path bench/instructions/Cargo.toml
    cargo fmt --check --manifest-path bench/hello/Cargo.toml
    cargo fmt --check --manifest-path examples/standalone/Cargo.toml
    cargo clippy --lib --features {{all_features}},start -- -D warnings
    cargo clippy --lib --features std,fp-env,sim,valgrind -- -D warnings
    cargo clippy --lib --features asan -- -D warnings
    cargo clippy --lib --no-default-features -- -D warnings
    cargo clippy --tests --features {{all_features}},std -- -D warnings {{allowed_in_tests}}
    cargo clippy --no-default-features --features {{example_features}} --bins --example hello --example init --example echo --example httpd --example pipeline --example pipeline_channels --example supervise -- -D warnings -A clippy::large_stack_arrays
    cargo clippy --example million -- -D warnings -A clippy::print_stdout -A clippy::std_instead_of_core
    cargo clippy --manifest-path bench/Cargo.toml --all-targets -- -D warnings
    cargo clippy --release {{counted}} -- -D warnings
    cargo test --manifest-path bench/Cargo.toml --quiet
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --features {{all_features}},start
    cargo hack check --feature-powerset --depth 2 --no-dev-deps --lib --mutually-exclusive-features std,panic-handler --mutually-exclusive-features asan,panic-handler
    just test
    just prove stable
    just prove auto
    just instructions
    just miri
    just loom
    just valgrind
    just asan
    just test-old-kernel

# Run the tests under valgrind.
valgrind: (need "test")
    @.ci/under valgrind

# Run the tests with AddressSanitizer, where the nightly toolchain has it.
asan:
    @.ci/under asan

# Run the tests on Debian's kernel 6.1, in QEMU.
test-old-kernel: (need "boot")
    @.ci/old-kernel

# Run the tests of the data structures under Miri, where the toolchain has it.
miri:
    #!/usr/bin/env bash
    set -euo pipefail
    if cargo +nightly miri --version >/dev/null 2>&1; then
        cargo +nightly miri test --lib -- collections:: text:: error::
    else
        echo "SKIPPED: Miri is not installed for the nightly toolchain (rustup +nightly component add miri)" >&2
    fi

# Check what crosses threads in all orders of events, by loom.
loom:
    RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test --lib --release --no-default-features --features sync,epoll --quiet -- loom

# Compare with other crates, all of it (under 30 minutes) or one benchmark: just bench yield; see docs/performance.md.
bench *arguments: (need "bench")
    cargo run --release --manifest-path bench/Cargo.toml -- {{arguments}}

# The same with fewer and shorter rounds: under 2 minutes, not counting the build.
bench-quick *arguments: (need "bench")
    cargo run --release --manifest-path bench/Cargo.toml -- --quick {{arguments}}

counted := "--manifest-path bench/instructions/Cargo.toml --target-dir target/bench/instructions --target x86_64-unknown-linux-gnu"

# Count the instructions of a switch and the like, and fail if they exceed bench/budget.json.
instructions: (need "test")
    cargo run --release --quiet {{counted}}

# Build the documentation.
doc:
    cargo doc --no-deps --features {{all_features}},start

# Install what the other commands need and is missing.
setup:
    @.ci/setup all

[private]
need what:
    @.ci/setup '{{what}}'
