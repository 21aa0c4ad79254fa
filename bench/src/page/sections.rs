//! What the page says of each benchmark.

/// A part of the page.
pub struct Section {
    pub title: &'static str,
    /// The names of its benchmarks.
    pub names: &'static [&'static str],
    /// What is measured, and what that does not show.
    pub text: &'static str,
    pub plots: &'static [&'static str],
}

/// How it is measured.
pub const METHOD: &str = "\
The machine is shared and its speed drifts, so the subjects take turns round by round, and the ratio \
is the median of the rounds' ratios, subject / peer: less is better. The spread is the interquartile \
range of those ratios. Absolute values are good for orders of magnitude only. All subjects run on one \
processor, but for `echo`, where the load has the other.\n";

/// All of it, in order.
pub const SECTIONS: &[Section] = &[
    Section {
        title: "Round trip",
        names: &["round_trip", "round_trip_outlined", "round_trip_deep"],
        text: "One coroutine resumed and suspended in a tight loop, with a word in and a word out. \
               `round_trip` flatters: all is in the first-level cache and every jump is predicted. \
               `…_outlined` suspends in a function that is not inlined, `…_deep` three functions \
               deep, where the processor's predictor of returns has to get through the switch. None \
               shows what a program pays; see the yields.",
        plots: &[],
    },
    Section {
        title: "Yield",
        names: &["yield", "one_runnable"],
        text: "A switch among n tasks with 16 different bodies, each of which touches its stack or \
               future. corosensei, generator and Boost.Context have no scheduler: their coroutines \
               stand in an array and are resumed in turn, a resume and a suspend for each switch; at \
               100,000 with stacks that have no guards. monoio's and may's yield lets the same task \
               run again, which is not the same work. `one_runnable`: one task yields while the \
               others are parked. It does not show tasks that do much, have deep stacks, or are woken \
               in random order.",
        plots: &["yield"],
    },
    Section {
        title: "Spawn and join",
        names: &["spawn_join", "spawn_join_batch"],
        text: "One task spawned and joined, or a hundred spawned and then joined, on stacks or \
               allocations that are warm. It does not show the first task on a new stack, which costs \
               page faults: some microseconds.",
        plots: &[],
    },
    Section {
        title: "Timers",
        names: &["timers"],
        text: "A hundred thousand tasks that sleep once, for 1 to 1000 ms, evenly spread: CPU time of \
               the process for each, from the moment when all sleep until all have ended, and how \
               late they woke. Setting the timers up is not in it.",
        plots: &[],
    },
    Section {
        title: "Echo",
        names: &["echo"],
        text: "A TCP echo server for messages of 64 bytes, on the loopback interface: CPU time of the \
               server's process for each request, user and system. Server and load have a processor \
               each; with a single connection they share one, as waking the other processor of a \
               virtual machine costs more than all else. monoio and compio run with the ring's flags \
               that make them fast. Requests a second and latencies are what the load saw: it is a \
               closed loop, so that they say more about the load than about the server. Most of the \
               time is the kernel's. It does not show large messages, connections that come and go, \
               or a network card.",
        plots: &["echo", "echo_latency"],
    },
    Section {
        title: "Memory",
        names: &["memory"],
        text: "What the process grows by for a task that waits and holds nothing: resident memory, \
               page tables, and how many mappings it then has. A future is as small as what it holds, \
               and a stack is whole pages unless it is packed. It does not show memory that comes with \
               depth, and that a stack then keeps.",
        plots: &["memory"],
    },
    Section {
        title: "Hello",
        names: &["hello"],
        text: "From the start to the end of a program that writes a line, as its parent sees it, and \
               the size of its file. The kernel's part is the same for all, and most of it for the \
               small ones.",
        plots: &[],
    },
    Section {
        title: "Instructions",
        names: &["instructions"],
        text: "Instructions of an operation, counted by valgrind's callgrind, against a budget that \
               fails the benchmark when it is exceeded by more than five per cent. It does not show \
               how long they take: a mispredicted return is one instruction.",
        plots: &[],
    },
];
