//! Waiting for the first of several things.
#![expect(unsafe_code, reason = "links what lies in the caller's frame")]

use core::cell::Cell;
use core::fmt;
use core::panic::Location;

use crate::task::{Cancelled, Look, Scheduler, WaitError, Waiting, What};
use crate::time::{Duration, Instant};

#[cfg(feature = "epoll")]
pub use super::attempt::Accept;
#[cfg(feature = "epoll")]
#[doc(hidden)]
pub use super::attempt::{Attempt, Attempting, Interest, accept, readable, writable};
pub use super::awaiting::Join;
#[doc(hidden)]
pub use super::awaiting::{Awaiting, Joining, future, join};
#[doc(hidden)]
pub use super::broadcast::{Receiving as ReceivingAll, Sending as SendingAll};
#[doc(hidden)]
pub use super::channel::{Receiving, Sending};
#[doc(hidden)]
pub use super::group::Leaving;
#[doc(hidden)]
pub use super::mutex::LockArm;
use super::mutex::Mutex;
#[doc(hidden)]
pub use super::notify::Notified;
#[doc(hidden)]
pub use super::once::Setting;
#[doc(hidden)]
pub use super::oneshot::Receiving as ReceivingOnce;
#[doc(hidden)]
pub use super::parked::{Parked, parked};
use super::rwlock::RwLock;
#[doc(hidden)]
pub use super::rwlock::{Reading, Writing};
#[doc(hidden)]
pub use super::semaphore::Acquire;
use super::semaphore::Semaphore;
#[doc(hidden)]
pub use super::tick::{Tick, tick};
use super::wait::Waiter;
#[doc(hidden)]
pub use super::wait::{Arm, Take};
use super::watch;
#[doc(hidden)]
pub use super::watch::Changing;

/// What `select!` can receive from, by `recv(…)`.
pub trait Receive {
    /// Receiving from it.
    #[doc(hidden)]
    type Arm<'a>: Take
    where
        Self: 'a;

    #[doc(hidden)]
    fn arm(&self) -> Self::Arm<'_>;
}

/// What `select!` can send to, by `send(…, item)`.
pub trait SendTo<T> {
    /// Sending to it.
    #[doc(hidden)]
    type Arm<'a>: Take
    where
        Self: 'a;

    #[doc(hidden)]
    fn arm(&self, item: T) -> Self::Arm<'_>;
}

/// What `select!` can wait for, by `wait(…)`.
pub trait Wait {
    /// Waiting for it.
    #[doc(hidden)]
    type Arm<'a>: Take
    where
        Self: 'a;

    #[doc(hidden)]
    fn arm(&self) -> Self::Arm<'_>;
}

macro_rules! forward {
    ($trait:ident $(<$item:ident>)?, $($argument:ident)?) => {
        forward!(@ $trait $(<$item>)?, $($argument)?, &'r S);
        forward!(@ $trait $(<$item>)?, $($argument)?, &'r mut S);
    };
    (@ $trait:ident $(<$item:ident>)?, $($argument:ident)?, $reference:ty) => {
        impl<'r, S: $trait $(<$item>)? + ?Sized $(, $item)?> $trait $(<$item>)? for $reference {
            type Arm<'a> = S::Arm<'a> where Self: 'a;

            fn arm(&self $(, $argument: $item)?) -> Self::Arm<'_> {
                S::arm(self $(, $argument)?)
            }
        }
    };
}

forward!(Receive,);
forward!(SendTo<T>, item);
forward!(Wait,);

/// No name of an arm's: none is ready, and there is `default`.
#[doc(hidden)]
pub const DEFAULT: usize = usize::MAX;
/// The task was cancelled, and no arm is to be told.
#[doc(hidden)]
pub const CANCELLED: usize = usize::MAX - 1;

/// How a `select!` chooses.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Whether the order of trying is drawn by lot.
    pub fair: bool,
    /// Whether it does not wait.
    pub has_default: bool,
    /// Which arm is told that the task was cancelled, or [`CANCELLED`].
    pub told: usize,
}

/// The most arms.
const MOST: usize = 16;

/// Waits for the first of the arms that happens. Returns which, and whether it is only told of a
/// cancellation.
///
/// # Panics
///
/// If there are more than 16.
#[doc(hidden)]
#[track_caller]
pub fn select(arms: &mut [&mut dyn Arm], rules: Rules) -> (usize, bool) {
    assert!(arms.len() <= MOST, "select! was given more than {MOST} arms: write it as a macro");
    // They stay lent to this alone, so that nobody links them meanwhile.
    let arms: &[&mut dyn Arm] = arms;
    let place = Location::caller();
    loop {
        let scheduler = Scheduler::here("select!");
        let look = Look::begin(scheduler);
        let order = Order::new(scheduler, arms.len(), rules.fair);
        if let Some(ready) =
            order.iter().find(|arm| arms.get(*arm).is_some_and(|arm| arm.try_now()))
        {
            let is_served = arms.get(ready).is_some_and(|arm| arm.comes_from_outside());
            // Who never has to wait would never let others run: one time in 32 it does.
            if is_served && !rules.has_default {
                let scheduler = Scheduler::here("select!");
                if scheduler.draw() >> 59 == 0 {
                    scheduler.yield_to_root();
                }
            }
            return (ready, false);
        }
        if rules.has_default {
            return (DEFAULT, false);
        }
        let scheduler = Scheduler::here("select!");
        if !look.is_current(scheduler) {
            match scheduler.let_others_run() {
                Ok(()) => continue,
                Err(Cancelled) => return (rules.told, true),
            }
        }
        // In its poll, a future may have made something ready that was tried before it.
        if arms.iter().any(|arm| arm.calls_users())
            && let Some(ready) = order
                .iter()
                .find(|arm| arms.get(*arm).is_some_and(|arm| !arm.calls_users() && arm.try_now()))
        {
            return (ready, false);
        }
        let waiting = Waiting::at(What::Select, None, place);
        match park(scheduler, &look, arms, &order, waiting) {
            Ok(Some(arm)) => return (arm, false),
            Ok(None) => {}
            Err(Cancelled) => return (rules.told, true),
        }
    }
}

/// Parks until an arm fires or reaches its deadline, or until they are to be tried again.
fn park(
    scheduler: &Scheduler,
    look: &Look,
    arms: &[&mut dyn Arm],
    order: &Order,
    waiting: Waiting,
) -> Result<Option<usize>, Cancelled> {
    let waiter = Waiter::new(scheduler);
    let mut earliest: Option<(Instant, usize)> = None;
    // If several wait in one queue, the first is served.
    for index in order.iter() {
        let Some(arm) = arms.get(index) else { continue };
        // SAFETY: all are borrowed, as is the waiter here, until they are unlinked below. Nobody else
        // links them, as they are borrowed mutably; and each once, as it is there once, and so are the
        // numbers in an order, of which there are as many as arms.
        unsafe { arm.link(&waiter, u32::try_from(index).unwrap_or(0)) };
        if let Some(deadline) = arm.deadline()
            && earliest.is_none_or(|(earliest, _)| deadline < earliest)
        {
            earliest = Some((deadline, index));
        }
    }
    let ended = match earliest {
        // Something may have happened meanwhile.
        _ if !look.is_current(scheduler) => Ok(()),
        None => scheduler.block(waiting).map_err(|_| WaitError::Cancelled),
        Some((deadline, _)) => scheduler.block_until(waiting, deadline),
    };
    // From here on nothing fires, also while an arm waits to be unlinked.
    let fired = waiter.close();
    for arm in arms {
        // SAFETY: it was linked above, as the order has all of them, and is unlinked below.
        unsafe { arm.withdraw() };
    }
    for arm in arms {
        // SAFETY: it was linked above, and the waiter is still there.
        unsafe { arm.unlink() };
    }
    if let Some(fired) = fired {
        return Ok(usize::try_from(fired).ok());
    }
    match ended {
        Ok(()) => Ok(None),
        Err(WaitError::TimedOut) => Ok(earliest.map(|(_, arm)| arm)),
        Err(WaitError::Cancelled) => Err(Cancelled),
    }
}

/// In which order arms are tried.
struct Order {
    arms: [u8; MOST],
    count: usize,
}

impl Order {
    /// As written, or else each order as likely as any other (Fisher and Yates, 1938; Durstenfeld,
    /// 1964).
    fn new(scheduler: &Scheduler, count: usize, fair: bool) -> Self {
        const WRITTEN: [u8; MOST] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        let mut order = Self { arms: WRITTEN, count };
        if fair && count > 1 {
            let mut lot = scheduler.draw() >> 8;
            for last in (1..count).rev() {
                let choices = last as u64 + 1;
                // 16 factorial is less than 2 to the power of 45, of 56 bits.
                order.arms.swap(last, usize::try_from(lot % choices).unwrap_or(0));
                lot /= choices;
            }
        }
        order
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.arms.iter().take(self.count).map(|arm| usize::from(*arm))
    }
}

/// An arm, whichever it is.
#[doc(hidden)]
pub fn arm<A: Take>(arm: &mut A) -> &mut dyn Arm {
    arm
}

/// What `recv(…)` stands for.
pub fn recv<S: Receive + ?Sized>(source: &S) -> S::Arm<'_> {
    source.arm()
}

/// What `send(…, item)` stands for.
pub fn send<T, S: SendTo<T> + ?Sized>(target: &S, item: T) -> S::Arm<'_> {
    target.arm(item)
}

/// What `wait(…)` stands for.
pub fn wait<W: Wait + ?Sized>(thing: &W) -> W::Arm<'_> {
    thing.arm()
}

/// What `lock(…)` stands for.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> LockArm<'_, T> {
    LockArm::new(mutex)
}

/// What `read(…)` stands for.
pub fn read<T: ?Sized>(lock: &RwLock<T>) -> Reading<'_, T> {
    Reading::new(lock)
}

/// What `write(…)` stands for.
pub fn write<T: ?Sized>(lock: &RwLock<T>) -> Writing<'_, T> {
    Writing::new(lock)
}

/// What `changed(…)` stands for.
pub fn changed<'a, T>(receiver: &'a mut watch::Receiver<'_, T>) -> Changing<'a, T> {
    Changing::new(receiver)
}

/// What `acquire(…)` stands for.
pub fn acquire(semaphore: &Semaphore, permits: usize) -> Acquire<'_> {
    Acquire::new(semaphore, permits)
}

/// What `sleep(…)` stands for.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { deadline: Instant::now() + duration, is_new: Cell::new(!duration.is_zero()) }
}

/// What `sleep_until(…)` stands for.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, is_new: Cell::new(false) }
}

/// A deadline among other things.
pub struct Sleep {
    deadline: Instant,
    /// Whether it was just set, so that the clock need not be asked.
    is_new: Cell<bool>,
}

impl Arm for Sleep {
    fn try_now(&self) -> bool {
        !self.is_new.take() && Instant::now() >= self.deadline
    }

    unsafe fn link(&self, _waiter: &Waiter, _index: u32) {}

    unsafe fn unlink(&self) {}

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }
}

impl Take for Sleep {
    type Output = Result<(), Cancelled>;

    fn take(&self, cancelled: bool) -> Self::Output {
        if cancelled { Err(Cancelled) } else { Ok(()) }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").finish_non_exhaustive()
    }
}
