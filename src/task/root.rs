//! What happens at the root, on the stack of the OS thread: looking at timers and at wake-ups from
//! outside, and sleeping.
#![expect(unsafe_code, reason = "switches to tasks; each context belongs to the slot it is in")]

use core::sync::atomic::AtomicU32;
use core::time::Duration;

use crate::arch::{self, Message};
use crate::error::Errno;
use crate::sys::clock::Instant;
use crate::sys::thread;

use super::scheduler::{BUDGET, Scheduler};
use super::slot::{Interruptible, Slot, State, Wake};
use super::{life, report};

impl Scheduler {
    /// Runs tasks until all have ended.
    pub(super) fn drive(&'static self) {
        let mut visit: u32 = 0;
        let mut has_waited = false;
        while self.live.get() > 0 {
            #[cfg(feature = "sim")]
            self.simulation.tick();
            let after_switch = self.hooks.get().after_switch;
            // With a hook every switch comes by here, which would be too often to look outside.
            if after_switch.is_none() || visit.is_multiple_of(BUDGET) || self.ready.is_empty() {
                self.look_outside(has_waited);
            }
            visit = visit.wrapping_add(1);
            has_waited = false;
            let Some(next) = self.pick() else {
                self.wait();
                has_waited = true;
                continue;
            };
            let visits_each_time = after_switch.is_some() || self.is_simulated();
            self.budget.set(if visits_each_time { 0 } else { BUDGET });
            let next = self.choose(next);
            #[cfg(feature = "watchdog")]
            self.watch.leave_root();
            // SAFETY: as in `switch`; a task that comes here finds this context suspended.
            unsafe { arch::switch(&self.root, next, Message::EMPTY) };
            #[cfg(feature = "watchdog")]
            self.watch.enter_root();
            if let Some(ended) = self.doomed.take() {
                life::release(self, ended);
            } else if let Some(check) = after_switch {
                check(self);
            }
        }
    }

    /// Takes the task whose turn it is.
    #[inline(always)]
    fn pick(&self) -> Option<&'static Slot> {
        #[cfg(feature = "sim")]
        let next = self.simulation.pick(self);
        #[cfg(not(feature = "sim"))]
        let next = self.ready.pop();
        next
    }

    #[inline(always)]
    #[cfg_attr(not(feature = "sim"), expect(clippy::unused_self, reason = "no run is simulated"))]
    fn is_simulated(&self) -> bool {
        #[cfg(feature = "sim")]
        let answer = self.simulation.is_on();
        #[cfg(not(feature = "sim"))]
        let answer = false;
        answer
    }

    /// Makes tasks ready whose timer has gone off or whom another thread has unparked, and those for
    /// whom the kernel has an answer. Who has just waited has asked the kernel already.
    #[cfg_attr(not(feature = "epoll"), expect(unused_variables, reason = "nobody asks it"))]
    fn look_outside(&'static self, has_waited: bool) {
        #[cfg(feature = "overflow")]
        if let Some(look) = self.hooks.get().at_look {
            look(self);
        }
        let now = Instant::now().as_nanos();
        self.now.set(now);
        if !self.timers.is_empty() {
            self.timers.advance(now, |place, next| {
                // Who has slept for long is nowhere in the cache.
                arch::prefetch(self.slots().as_ptr().wrapping_add(next));
                if let Some(task) = self.slot_at(place) {
                    self.wake(task, Wake::TimedOut);
                    task.context.prefetch_stack();
                }
            });
        }
        self.inbox.take(|task, call| super::park::answer(self, task, call));
        // With nothing to do the driver is asked when it may wait.
        #[cfg(feature = "epoll")]
        if let Some(port) = self.port()
            && !has_waited
            && !self.ready.is_empty()
        {
            port.poll(self);
        }
    }

    /// Sleeps until a timer goes off or another thread calls.
    fn wait(&'static self) {
        if let Some(trim) = self.hooks.get().before_sleep {
            trim(self);
        }
        let deadline = self.timers.next().map(Instant::from_nanos);
        let ends_by_itself = deadline.is_some() || self.waits_for_the_kernel();
        if !ends_by_itself && !self.inbox.may_be_called() {
            return self.break_deadlock();
        }
        #[cfg(all(feature = "sim", feature = "epoll"))]
        if self.is_simulated() && self.has_kernel_answered() {
            return;
        }
        #[cfg(feature = "sim")]
        if deadline.is_some_and(|deadline| self.simulation.pass_until(deadline.as_nanos())) {
            return;
        }
        #[cfg(feature = "epoll")]
        if deadline.is_some() && self.kernels_slack.get().is_none() {
            self.kernels_slack.set(thread::replace_timer_slack(thread::EXACT));
        }
        let Some(word) = self.inbox.prepare_to_sleep(ends_by_itself) else { return };
        #[cfg(feature = "overflow")]
        if self.hooks.get().at_look.is_some() && self.listener.is_asked() {
            return self.inbox.woken();
        }
        self.sleep(word, deadline);
        self.inbox.woken();
    }

    /// Lets the kernel be as exact as it was before the run, until the next sleep.
    #[cfg(feature = "epoll")]
    pub(crate) fn put_slack_back(&self) {
        if let Some(slack) = self.kernels_slack.take() {
            thread::replace_timer_slack(slack);
        }
    }

    /// Sleeps while the word is 1, or where the kernel is waited for until that has an answer.
    #[cfg_attr(not(feature = "epoll"), expect(clippy::unused_self, reason = "there is no port"))]
    fn sleep(&self, word: &AtomicU32, deadline: Option<Instant>) {
        #[cfg(feature = "epoll")]
        if let Some(port) = self.port() {
            return port.wait(self, deadline);
        }
        match thread::futex_wait(word, 1, deadline) {
            Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => {}
            // It takes nothing that could run out, so somebody forbids it. Then nobody can wake this thread,
            // and it has to look.
            Err(_) => thread::pause(Duration::from_millis(1)),
        }
    }

    /// Whether a task waits for the kernel.
    #[cfg_attr(not(feature = "epoll"), expect(clippy::unused_self, reason = "nobody can"))]
    fn waits_for_the_kernel(&self) -> bool {
        #[cfg(feature = "epoll")]
        let answer = self.port().is_some_and(super::port::Port::is_busy);
        #[cfg(not(feature = "epoll"))]
        let answer = false;
        answer
    }

    /// Asks the kernel, without waiting, and says whether a task can go on. A simulated run does
    /// so before it lets time pass.
    #[cfg(all(feature = "sim", feature = "epoll"))]
    fn has_kernel_answered(&self) -> bool {
        if let Some(port) = self.port() {
            port.poll(self);
        }
        !self.ready.is_empty()
    }

    /// No task can ever run again: says so, and cancels all, which makes their waits fail.
    #[cold]
    fn break_deadlock(&'static self) {
        report::deadlock(self.used_slots().iter(), self.live.get());
        self.deadlocked.set(true);
        for task in self.used_slots() {
            if matches!(task.state.get(), State::Parked) {
                task.limits.cancel_for_good();
                if task.interruptible.get() != Interruptible::Never {
                    self.wake(task, Wake::Cancelled);
                }
            }
        }
        if self.ready.is_empty() {
            report::stuck();
        }
    }
}
