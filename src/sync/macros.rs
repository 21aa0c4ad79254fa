//! The macro `select!`.

/// Waits for the first of several things and goes on with what it gives.
///
/// ```text
/// select! {
///     biased;                                  // optional: tried in the order written
///     recv(CHANNEL) -> item => …,              // Result<T, RecvError>; any kind of channel, of `sync::cross` too
///     send(CHANNEL, item) -> sent => …,        // Result<(), SendError<T>>
///     join(handle) -> result => …,             // Result<T, JoinError<()>>, of a `mut` handle
///     lock(MUTEX) -> guard => …,               // Result<MutexGuard<T>, Cancelled>
///     read(LOCK) -> guard => …,                // Result<ReadGuard<T>, Cancelled>, of an `RwLock`
///     write(LOCK) -> guard => …,               // Result<WriteGuard<T>, Cancelled>
///     changed(watch) -> changed => …,          // Result<(), RecvError>, of a `mut` watch::Receiver
///     acquire(SEMAPHORE) -> permit => …,       // Result<Permit, Cancelled>
///     acquire(SEMAPHORE, permits) -> permit => …,
///     wait(NOTIFY) -> notified => …,           // anything that implements `sync::select::Wait`
///     park() -> unparked => …,                 // Result<(), Cancelled>, of the task itself
///     readable(stream) -> ready => …,          // Result<(), io::Error>, of whatever is `fd::AsFd`
///     writable(stream) -> ready => …,          // the same
///     accept(listener) -> connection => …,     // as the listener's `accept`
///     recv(signals) -> signal => …,            // Result<Signal, io::Error>
///     wait(child) -> status => …,              // Result<ExitStatus, io::Error>
///     tick(interval) -> moment => …,           // Result<Instant, Cancelled>, of a `mut` interval
///     future(future) -> output => …,           // Result<F::Output, Cancelled>
///     sleep(duration) -> slept => …,           // Result<(), Cancelled>
///     sleep_until(instant) -> slept => …,      // the same
///     default => …,                            // optional: if nothing is ready; then it does not wait
///     cancelled => …,                          // optional: if the task was told to end
/// }
/// ```
///
/// What is in parentheses is evaluated once, in the order written, before anything is tried. If
/// several are ready, each has the same chance. If none is, the task is parked until one happens.
/// Exactly one does: of the others nothing is taken, sent, locked, accepted or read. The item of a `send`
/// that was not chosen is dropped.
///
/// Two arms on one semaphore, or on one `RwLock`, wait one behind the other in its queue, as two tasks
/// would: before the first can be served the second is not.
///
/// The name behind `->` is a pattern, and may be left out. The whole is an expression, and what is
/// behind `=>` may contain `break`, `return` and `?`. There are up to 16 arms.
///
/// # Descriptors
///
/// The arms `readable` and `writable` wait until the kernel says that a call would not have to wait.
/// They take nothing, so read or write in the body: by `try_read` and its like, which do not wait if
/// somebody else has been faster, or by `read` where nobody else can be. Each is asked by one poll(2); if
/// the task parks, `io_uring` gets an entry for each, which is taken back when the task goes on, and
/// epoll is told of each. With `default` nothing is left with the kernel. These two, `accept`, and
/// `recv` and `wait` of signals and children need the feature `epoll`.
///
/// An arm that is ready again and again does not keep others from running: one time in 32, by lot,
/// the task lets them. With `default` it does not.
///
/// # Cancellation
///
/// If the task is told to end while nothing is ready, the arm `cancelled` is taken; without one, the
/// first arm that names its result gets `Cancelled` as its error. One of the two must be there, or
/// `default`, so that a cancelled task does not go round in circles.
///
/// # Panics
///
/// Outside of a task; and as its parts do.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, select, sync::{Channel, Notify}, task, time::Duration};
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// static JOBS: Channel<u32, 4> = Channel::new();
/// static SHUTDOWN: Notify = Notify::new();
///
/// RUNTIME.run(|| {
///     let worker = task::spawn(|| {
///         let mut sum = 0;
///         loop {
///             select! {
///                 recv(JOBS) -> job => sum += job?,
///                 sleep(Duration::from_secs(1)) => println!("nothing to do"),
///                 wait(SHUTDOWN) => break,
///             }
///         }
///         Ok::<_, barecoro::sync::RecvError>(sum)
///     }).unwrap();
///     JOBS.send(40).unwrap();
///     JOBS.send(2).unwrap();
///     task::yield_now();
///     SHUTDOWN.notify_one();
///     assert_eq!(worker.join().unwrap(), Ok(42));
/// }).unwrap();
/// ```
///
/// A proxy, which waits for two sides at a time:
///
/// ```
/// # #[cfg(feature = "net")] {
/// use barecoro::net::UnixStream;
/// use barecoro::time::Duration;
/// use barecoro::{Errno, Runtime, select, task};
///
/// fn proxy(client: &UnixStream, upstream: &UnixStream) -> Result<(), Errno> {
///     let mut buffer = [0; 1024];
///     loop {
///         let (from, to) = select! {
///             readable(client) -> ready => { ready?; (client, upstream) }
///             readable(upstream) -> ready => { ready?; (upstream, client) }
///             sleep(Duration::from_secs(60)) => return Err(Errno::TIMEDOUT),
///         };
///         match from.try_read(&mut buffer) {
///             Ok(0) => return Ok(()),
///             Ok(count) => to.write_all(&buffer[..count])?,
///             Err(error) if error.errno() == Errno::AGAIN => {}
///             Err(error) => return Err(error.into()),
///         }
///     }
/// }
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// RUNTIME.run(|| {
///     let ((ours, client), (upstream, theirs)) = (UnixStream::pair()?, UnixStream::pair()?);
///     let proxy = task::spawn(move || proxy(&client, &upstream)).unwrap();
///     let mut buffer = [0; 8];
///     ours.write_all(b"hello")?;
///     assert_eq!(theirs.read(&mut buffer)?, 5);
///     theirs.write_all(b"bye")?;
///     assert_eq!(ours.read(&mut buffer)?, 3);
///     drop(ours);
///     proxy.join().unwrap()
/// }).unwrap().unwrap();
/// # }
/// ```
#[macro_export]
macro_rules! select {
    (biased; $($arms:tt)+) => { $crate::__select!(@begin false $($arms)+) };
    (biased $(;)?) => { $crate::__select!(@none) };
    ($($arms:tt)+) => { $crate::__select!(@begin true $($arms)+) };
    () => { $crate::__select!(@none) };
}

/// The steps of [`select!`](crate::select): `@next`, `@body` and `@add` take one arm after the other
/// off what was written, `@build` puts all together.
///
/// The state is `{ fair [arms] [body of default] [body of cancelled] [arms with names] [names left] }`.
#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    (@none) => {
        ::core::compile_error!("select! needs at least one arm, such as `recv(CHANNEL) -> item => …`")
    };
    (@begin $fair:tt $($arms:tt)+) => {
        $crate::__select!(@next { $fair [] [] [] [] [
            (A a 0) (B b 1) (C c 2) (D d 3) (E e 4) (F f 5) (G g 6) (H h 7)
            (I i 8) (J j 9) (K k 10) (L l 11) (M m 12) (N n 13) (O o 14) (P p 15)
        ] } $($arms)+)
    };

    // What comes before the body.
    (@next $state:tt) => { $crate::__select!(@build $state) };
    (@next $state:tt default => $($rest:tt)+) => {
        $crate::__select!(@body $state [default] $($rest)+)
    };
    (@next $state:tt cancelled => $($rest:tt)+) => {
        $crate::__select!(@body $state [cancelled] $($rest)+)
    };
    (@next $state:tt $kind:ident ($($of:tt)*) => $($rest:tt)+) => {
        $crate::__select!(@body $state [$kind ($($of)*) ()] $($rest)+)
    };
    (@next $state:tt $kind:ident ($($of:tt)*) -> $name:pat => $($rest:tt)+) => {
        $crate::__select!(@body $state [$kind ($($of)*) ($name)] $($rest)+)
    };
    (@next $state:tt $($rest:tt)+) => {
        ::core::compile_error!(::core::concat!(
            "select! cannot read this arm: write `recv(CHANNEL) -> item => …`, `default => …` or `cancelled => …`, not `",
            ::core::stringify!($($rest)+), "`"
        ))
    };

    // The body: a block with or without a comma, or an expression with one, except at the end.
    (@body $state:tt $head:tt $body:block, $($rest:tt)*) => {
        $crate::__select!(@add $state $head ($body) $($rest)*)
    };
    (@body $state:tt $head:tt $body:block $($rest:tt)*) => {
        $crate::__select!(@add $state $head ($body) $($rest)*)
    };
    (@body $state:tt $head:tt $body:expr, $($rest:tt)*) => {
        $crate::__select!(@add $state $head ($body) $($rest)*)
    };
    (@body $state:tt $head:tt $body:expr) => { $crate::__select!(@add $state $head ($body)) };

    (@add { $fair:tt $arms:tt [] $cancelled:tt $told:tt $names:tt } [default] $body:tt $($rest:tt)*) => {
        $crate::__select!(@next { $fair $arms [$body] $cancelled $told $names } $($rest)*)
    };
    (@add { $fair:tt $arms:tt $default:tt [] $told:tt $names:tt } [cancelled] $body:tt $($rest:tt)*) => {
        $crate::__select!(@next { $fair $arms $default [$body] $told $names } $($rest)*)
    };
    (@add $state:tt [$kind:ident] $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!("select! has more than one `", ::core::stringify!($kind), "`"))
    };
    (@add { $fair:tt $arms:tt $default:tt $cancelled:tt $told:tt [] } $($rest:tt)*) => {
        ::core::compile_error!("select! has more than 16 arms")
    };
    (@add { $fair:tt [$($arms:tt)*] $default:tt $cancelled:tt $told:tt [($T:ident $t:ident $n:tt) $($names:tt)*] }
        [$kind:ident $of:tt ()] $body:tt $($rest:tt)*) => {
        $crate::__select!(@next {
            $fair [$($arms)* ($T $t $n $kind $of (_) $body)] $default $cancelled $told [$($names)*]
        } $($rest)*)
    };
    (@add { $fair:tt [$($arms:tt)*] $default:tt $cancelled:tt [$($told:tt)*] [($T:ident $t:ident $n:tt) $($names:tt)*] }
        [$kind:ident $of:tt $name:tt] $body:tt $($rest:tt)*) => {
        $crate::__select!(@next {
            $fair [$($arms)* ($T $t $n $kind $of $name $body)] $default $cancelled [$($told)* $n] [$($names)*]
        } $($rest)*)
    };

    // Who is told that the task was cancelled.
    (@build { $fair:tt $arms:tt [] [] [] $names:tt }) => {
        ::core::compile_error!("select! could not say that the task was cancelled: give a result a name, as in `recv(CHANNEL) -> item => …`, or add `cancelled => …`")
    };
    (@build { $fair:tt $arms:tt $default:tt [] [$told:tt $($others:tt)*] $names:tt }) => {
        $crate::__select!(@build $fair $arms $default [] $told)
    };
    (@build { $fair:tt $arms:tt $default:tt $cancelled:tt $told:tt $names:tt }) => {
        $crate::__select!(@build $fair $arms $default $cancelled ($crate::sync::select::CANCELLED))
    };
    (@build $fair:tt [$(($T:ident $t:ident $n:tt $kind:ident $of:tt ($name:pat) ($body:expr)))*]
        [$(($default:expr))?] [$(($cancelled:expr))?] $told:tt) => {{
        enum __Selected<$($T),*> {
            $($T($T),)*
            __Default,
            __Cancelled,
        }
        let selected = match ($($crate::__select!(@arm $kind $of),)*) {
            ($(ref mut $t,)*) => {
                let rules = $crate::sync::select::Rules {
                    fair: $fair,
                    has_default: $crate::__select!(@is $($default)?),
                    told: $told,
                };
                match $crate::sync::select::select(&mut [$($crate::sync::select::arm($t)),*], rules) {
                    $(($n, told) => __Selected::$T($crate::sync::select::Take::take($t, told)),)*
                    ($crate::sync::select::DEFAULT, _) => __Selected::__Default,
                    _ => __Selected::__Cancelled,
                }
            }
        };
        match selected {
            $(__Selected::$T($name) => $body,)*
            __Selected::__Default => $crate::__select!(@or_never $($default)?),
            __Selected::__Cancelled => $crate::__select!(@or_never $($cancelled)?),
        }
    }};

    (@is) => { false };
    (@is $default:expr) => { true };
    (@or_never) => { ::core::unreachable!("select! took an arm that it does not have") };
    (@or_never $body:expr) => { $body };

    (@arm recv ($source:expr $(,)?)) => { $crate::sync::select::recv(&$source) };
    (@arm send ($target:expr, $item:expr $(,)?)) => { $crate::sync::select::send(&$target, $item) };
    (@arm wait ($thing:expr $(,)?)) => { $crate::sync::select::wait(&$thing) };
    (@arm join ($handle:expr $(,)?)) => { $crate::sync::select::join(&mut $handle) };
    (@arm lock ($mutex:expr $(,)?)) => { $crate::sync::select::lock(&$mutex) };
    (@arm read ($lock:expr $(,)?)) => { $crate::sync::select::read(&$lock) };
    (@arm write ($lock:expr $(,)?)) => { $crate::sync::select::write(&$lock) };
    (@arm changed ($receiver:expr $(,)?)) => { $crate::sync::select::changed(&mut $receiver) };
    (@arm acquire ($semaphore:expr $(,)?)) => { $crate::sync::select::acquire(&$semaphore, 1) };
    (@arm acquire ($semaphore:expr, $permits:expr $(,)?)) => {
        $crate::sync::select::acquire(&$semaphore, $permits)
    };
    (@arm park ()) => { $crate::sync::select::parked() };
    (@arm sleep ($duration:expr $(,)?)) => { $crate::sync::select::sleep($duration) };
    (@arm sleep_until ($deadline:expr $(,)?)) => { $crate::sync::select::sleep_until($deadline) };
    (@arm tick ($interval:expr $(,)?)) => { $crate::sync::select::tick(&mut $interval) };
    (@arm readable ($stream:expr $(,)?)) => { $crate::sync::select::readable(&$stream) };
    (@arm writable ($stream:expr $(,)?)) => { $crate::sync::select::writable(&$stream) };
    (@arm accept ($listener:expr $(,)?)) => { $crate::sync::select::accept(&$listener) };
    (@arm future ($future:expr $(,)?)) => { $crate::sync::select::future(::core::pin::pin!($future)) };
    (@arm $kind:ident ($($of:tt)*)) => {
        ::core::compile_error!(::core::concat!(
            "select! has no arm `", ::core::stringify!($kind), "(", ::core::stringify!($($of)*),
            ")`: there are recv, send, wait, join, lock, read, write, changed, acquire, park, sleep, sleep_until, tick, readable, writable, accept and future"
        ))
    };
}
