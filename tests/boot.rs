//! The example `init` as the first process of a system, in QEMU, judged by its serial console.
//!
//! The kernel is Debian's 6.1, which knows no guard markers: the guards there are mappings.

mod common;

#[test]
fn init_mounts_runs_reaps_and_switches_off() {
    let output = common::just(&["boot"]);
    let console = String::from_utf8_lossy(&output.stdout);
    let lines = console.lines().map(str::trim_end).collect::<Vec<_>>();
    let place = |text: &str| {
        let found = lines.iter().position(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("no line with {text:?} in:\n{console}"))
    };
    let mounted = place("init: mounted /dev, /proc and /sys");
    // The three services take turns.
    let steps = ["network", "storage", "clock"].map(|name| place(&format!("init: {name}: step 2")));
    assert!(steps.is_sorted() && mounted < steps[0], "{console}");
    assert!(steps[2] < place("init: network: step 3"), "{console}");
    assert!(place("ended: exit code 0") > mounted, "{console}");
    // PID 1 has inherited a process that it has not started.
    let orphan = place("init: orphan");
    assert!(lines[orphan].ends_with("ended: exit code 7"), "{console}");
    // It has been told to stop by that one, and lets the services end.
    let stopping = place("init: stopping on SIGTERM");
    let off = place("init: switching off");
    assert!(mounted < stopping && stopping < off, "{console}");
    assert!(orphan < off && off < place("reboot: Power down"), "{console}");
}
