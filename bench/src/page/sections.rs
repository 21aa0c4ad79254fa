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
The machine is shared and its speed drifts, so the subjects take turns round by round, each round \
beginning with another, and the ratio is the median of the rounds' ratios, subject / peer: less is \
better. The spread is the interquartile range of those ratios; a row whose ratio is closer to 1 \
than that is called even, and one whose medians lie the other way round than the rounds' ratios \
says so. `memory` and `million` are run once for each number of tasks, `demo` three times, and \
`instructions` are counted once, as they are the same each time: there no turns are taken, and \
fewer than three rounds have no spread. Absolute values are good for orders of magnitude only. Each \
subject has one processor; the load of `echo` has the other, but for a single connection, where \
server and load share one. \"Flattering\" is work that the processor does better than a program's: \
in the first-level cache, every jump predicted. \"Defeats prediction\" is work where it has to \
guess: calls around the switch, or sixteen bodies.\n";

/// What the table of aims needs to be understood.
pub const AIMS: &str = "\
What this crate set out to reach. Where an aim is about the best peer, the row names the one that \
was best this time among those that have done the same work: without \"embassy, polled\", which \
could not wait for the kernel. \"Within the spread\": half of the rounds lie in a range that is \
wider than the way from the measured value to the aim, so that another run may decide otherwise. \
So it may where there are too few runs for a spread, fewer than three.\n\n";

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
               100,000 with stacks that have no guards. The stacks of this crate begin at different \
               places of their pages, so that their innermost frames do not compete for the same few \
               sets of the first-level cache; those of corosensei, generator and may all begin at the \
               same, as they do for their users, and part of the difference is that. The original's \
               scheme is what this crate started from, written anew from its description: each yield \
               goes back to the main context, by a return that is never predicted, and the main \
               context looks through all slots. monoio's and may's yield lets the same task run \
               again, which is not the same work. `one_runnable`: one task yields while the others \
               are parked. It does not show tasks that do much, have deep stacks, or are woken in \
               random order.",
        plots: &["yield"],
    },
    Section {
        title: "Spawn and join",
        names: &["spawn_join", "spawn_join_batch"],
        text: "One task spawned and joined, or a hundred spawned and then joined, on stacks or \
               allocations that are warm. Labelled cold: on stacks whose memory was given back to the \
               kernel before, which costs a page fault and more for each; futures have no stacks, and \
               the peers beside it are the warm ones. monoio and compio visit the kernel whenever \
               nobody else is ready, which with one task at a time is the case again and again. \
               embassy has no join.",
        plots: &[],
    },
    Section {
        title: "Channels, wake-ups and locks",
        names: &["channel_hop", "wake_ring", "lock"],
        text: "`channel_hop`: sixteen tasks with different bodies in a ring, a channel of capacity n \
               between each and the next, and values that go round. With one value, and n = 1, every \
               hop is a switch in all libraries, and one task at a time is ready: who looks at the \
               kernel whenever nobody else is, as monoio and compio do, pays for that each time. \
               Labelled 4 values: four go round, some tasks apart, so that others are ready; who does \
               not run tasks in the order in which they were woken may handle two values in a turn. \
               With n = 64 as many values go together, and one in 64 hops is a switch. The channels \
               are tokio's mpsc, async-channel on async-executor (smol), local-sync on monoio and \
               compio, glommio's local channel, embassy-sync's for one thread, may's mpsc (without a \
               bound) and Go's. embassy is as on std, with a system call for each wake-up when nobody \
               else is ready, or polled in a loop, a bound: so it never sleeps and could not wait for \
               the kernel. `wake_ring`: a thousand such tasks, each woken by the one before: by \
               `park` or `Notify` in barecoro, tokio's `Notify`, embassy-sync's `Signal`, may's \
               `park`, a channel in Go; labelled waker: by the bare waker and a flag, the least that \
               a future can wait for. `lock`: lock, add one, unlock, in a task, sixteen locks in \
               turn, with nobody else about; glommio's is the write lock of its `RwLock`, monoio's a \
               `Semaphore` of local-sync; those of tokio, smol, may, Go and std can be used by \
               several threads, and use atomic operations. None shows many tasks that wait for the \
               same thing, or several threads.",
        plots: &["channel_hop"],
    },
    Section {
        title: "Timers",
        names: &["timers"],
        text: "A hundred thousand tasks that sleep once, for 1 to 1000 ms, evenly spread: CPU time of \
               the process for each, from the moment when all sleep until all have ended, and how \
               late they woke. Setting the timers up is not in it. barecoro's default, 20 µs, is \
               meant to be no later than async-io was when the aim was set (half by 18 µs, all but a \
               hundredth by 48 µs), and no later than it is in the same run: each is an aim of its \
               own.",
        plots: &["timers_lateness"],
    },
    Section {
        title: "Echo",
        names: &["echo"],
        text: "A TCP echo server for messages of 64 bytes, on the loopback interface: CPU time of the \
               server's process for each request, user and system. Server and load have a processor \
               each; with a single connection they share one, as waking the other processor of a \
               virtual machine costs more than all else. monoio and compio run with the ring's flags \
               that make them fast, and as deep a ring as all, here and elsewhere. The aims for each \
               of our drivers are the best peer's CPU time and latency, and the system calls of the \
               best peer that waits for the kernel in the same way. Requests a second and latencies \
               are what the load saw: it is a closed loop, so that they say more about the load than \
               about the server. Most of the time is the kernel's. It does not show large messages, \
               connections that come and go, or a network card.",
        plots: &["echo", "echo_latency"],
    },
    Section {
        title: "Memory",
        names: &["memory"],
        text: "What the process grows by for a task that waits and holds nothing: resident memory, \
               page tables, and how many mappings it then has. A future is as small as what it holds, \
               and a stack is whole pages unless it is packed. It does not show memory that comes \
               with depth, and that a stack then keeps.",
        plots: &["memory"],
    },
    Section {
        title: "A million tasks",
        names: &["million"],
        text: "`cargo run --release --example million 1000000 guarded` (and `packed`): spawns as many \
               tasks that park, wakes and joins all, and spawns them once more on the warm stacks. \
               The row is about the warm spawn, and the peer is the aim. A cold spawn is the \
               kernel's: a guard and a page of memory, which a virtual machine may have to get from \
               its host first. Waking a million guarded tasks touches 4 GiB. It was run once.",
        plots: &[],
    },
    Section {
        title: "Hello",
        names: &["hello"],
        text: "From the start to the end of a program that writes a line, as its parent sees it, and \
               the size of its file. The kernel's part is the same for all, and most of it for the \
               small ones. All are stripped and compiled to be small: `-Os -s` in C, `-ldflags=\"-s \
               -w\"` in Go, `opt-level=z`, fat LTO and `panic=abort` in Rust. The size of C without \
               libc is its pages': with `-Wl,-z,noseparate-code,--build-id=none` it is 744 bytes.",
        plots: &[],
    },
    Section {
        title: "The demonstration program",
        names: &["demo"],
        text: "`just run-freestanding`: how long it takes, nearly all of which it sleeps, and what \
               its file weighs without symbols. The peer is the aim.",
        plots: &[],
    },
    Section {
        title: "Instructions",
        names: &["instructions"],
        text: "Instructions of an operation, counted by valgrind's callgrind, against a budget: `just \
               check` fails when it is exceeded by more than five per cent. It does not show how long \
               they take: a mispredicted return is one instruction.",
        plots: &[],
    },
];
