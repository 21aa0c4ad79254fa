//! Random programs of tasks, each run by the runtime and by a model of what it promises: strict
//! turns, first in first out.
#![expect(clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use core::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use barecoro::Runtime;
use barecoro::task::{self, JoinError, JoinHandle};
use proptest::prelude::*;
use support::Trace;

/// What a task of a program does next. Tasks are numbered in the order in which they are spawned,
/// and a number stands for that task modulo how many there are.
#[derive(Clone, Copy, Debug)]
enum Step {
    Yield,
    /// Spawns the next task that was not spawned yet.
    Spawn,
    Park,
    Unpark(usize),
    Cancel(usize),
    /// Joins a *later* task, so that no two wait for each other, if nobody else has.
    Join(usize),
}

/// A task's steps. The first one's are followed by unparking everyone until all have ended, so
/// that it must not wait itself, and no program gets stuck.
type Program = Vec<Vec<Step>>;

/// What happened: who did which of its steps, and how it went.
type Event = (usize, usize, Outcome);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Outcome {
    Begun,
    #[default]
    Fine,
    Cancelled,
    /// It returned the number of the task it has joined.
    Joined(usize),
    /// There was nothing to do it to.
    Nothing,
    /// The task has ended.
    Ended,
}

const MOST_TASKS: usize = 9;

fn program() -> impl Strategy<Value = Program> {
    let step = prop_oneof![
        4 => Just(Step::Yield),
        4 => Just(Step::Spawn),
        4 => Just(Step::Park),
        4 => (0..MOST_TASKS).prop_map(Step::Unpark),
        1 => (0..MOST_TASKS).prop_map(Step::Cancel),
        3 => (0..MOST_TASKS).prop_map(Step::Join),
    ];
    prop::collection::vec(prop::collection::vec(step, 0..14), 1..MOST_TASKS)
}

/// Whether the first task may do it, which must not wait.
fn allowed(number: usize, step: Step) -> bool {
    number != 0 || !matches!(step, Step::Park | Step::Join(_))
}

/// The program in the real runtime.
mod real {
    use super::*;

    struct World {
        program: Program,
        trace: Trace<Event>,
        tasks: RefCell<Vec<(task::Task, Option<JoinHandle<usize>>)>>,
        ended: RefCell<Vec<usize>>,
    }

    pub(super) fn run(program: &Program) -> Vec<Event> {
        static R: Runtime<MOST_TASKS> = Runtime::new();
        let trace = Trace::new();
        let world = World {
            program: program.clone(),
            trace: trace.clone(),
            tasks: RefCell::default(),
            ended: RefCell::default(),
        };
        R.run(|| {
            let world = Rc::new(world);
            world.tasks.borrow_mut().push((task::current(), None));
            body(&world, 0);
            while world.ended.borrow().len() < world.tasks.borrow().len() {
                world.tasks.borrow().iter().for_each(|(task, _)| task.unpark());
                task::yield_now();
            }
        })
        .expect("no deadlock");
        trace.take()
    }

    fn body(world: &Rc<World>, number: usize) -> usize {
        let note = |step, outcome| world.trace.note((number, step, outcome));
        for (index, step) in world.program[number].iter().copied().enumerate() {
            if !allowed(number, step) {
                continue;
            }
            note(index, Outcome::Begun);
            note(index, perform(world, number, step));
        }
        world.ended.borrow_mut().push(number);
        note(world.program[number].len(), Outcome::Ended);
        number
    }

    fn perform(world: &Rc<World>, number: usize, step: Step) -> Outcome {
        let count = world.tasks.borrow().len();
        match step {
            Step::Yield => {
                task::yield_now();
                Outcome::Fine
            }
            Step::Spawn if count == world.program.len() => Outcome::Nothing,
            Step::Spawn => {
                let child = world.clone();
                let handle = task::spawn(move || body(&child, count)).expect("there are slots");
                world.tasks.borrow_mut().push((handle.task(), Some(handle)));
                Outcome::Fine
            }
            Step::Park => match task::park() {
                Ok(()) => Outcome::Fine,
                Err(task::Cancelled) => Outcome::Cancelled,
            },
            Step::Unpark(other) => {
                world.tasks.borrow()[other % count].0.unpark();
                Outcome::Fine
            }
            Step::Cancel(other) => match &world.tasks.borrow()[other % count].1 {
                Some(handle) => {
                    handle.cancel();
                    Outcome::Fine
                }
                None => Outcome::Nothing,
            },
            Step::Join(other) => {
                let other = other % count;
                let handle = (other > number).then(|| world.tasks.borrow_mut()[other].1.take());
                match handle.flatten().map(JoinHandle::join) {
                    None => Outcome::Nothing,
                    Some(Ok(result)) => Outcome::Joined(result),
                    Some(Err(JoinError::Cancelled(handle))) => {
                        world.tasks.borrow_mut()[other].1 = Some(handle);
                        Outcome::Cancelled
                    }
                    Some(Err(error)) => panic!("{error:?}"),
                }
            }
        }
    }
}

/// The program in a model.
mod model {
    use super::*;

    #[derive(Default)]
    struct Task {
        /// The step it does next, or is in the middle of.
        index: usize,
        state: State,
        /// How the step goes that it is in the middle of.
        outcome: Outcome,
        /// Whose handle it holds in the middle of joining.
        joins: Option<usize>,
        token: bool,
        cancelled: bool,
        /// Whether there is a handle that nobody has taken to join it.
        has_handle: bool,
    }

    #[derive(Clone, Copy, Default, PartialEq)]
    enum State {
        /// Between two steps, and ready.
        #[default]
        New,
        /// In the middle of a step, and ready.
        Ready,
        Parked,
        /// Until that task ends.
        Joining(usize),
        Ended,
    }

    struct World<'a> {
        program: &'a Program,
        tasks: Vec<Task>,
        ready: VecDeque<usize>,
        trace: Vec<Event>,
    }

    pub(super) fn run(program: &Program) -> Vec<Event> {
        let mut world = World {
            program,
            tasks: vec![Task::default()],
            ready: VecDeque::from([0]),
            trace: Vec::new(),
        };
        while let Some(number) = world.ready.pop_front() {
            world.turn(number);
        }
        assert!(world.tasks.iter().all(|task| task.state == State::Ended));
        world.trace
    }

    impl World<'_> {
        /// Lets a task go on until it yields, waits or ends.
        fn turn(&mut self, number: usize) {
            if self.tasks[number].state == State::Ready {
                self.finish_step(number, self.tasks[number].outcome);
            }
            let steps = &self.program[number];
            while let Some(step) = steps.get(self.tasks[number].index).copied() {
                if !allowed(number, step) {
                    self.tasks[number].index += 1;
                    continue;
                }
                self.trace.push((number, self.tasks[number].index, Outcome::Begun));
                match self.perform(number, step) {
                    Some(outcome) => self.finish_step(number, outcome),
                    None => return,
                }
            }
            self.end(number);
        }

        fn finish_step(&mut self, number: usize, outcome: Outcome) {
            let task = &mut self.tasks[number];
            self.trace.push((number, task.index, outcome));
            task.index += 1;
            task.state = State::New;
            let joined = task.joins.take();
            if let (Some(joined), Outcome::Cancelled) = (joined, outcome) {
                self.tasks[joined].has_handle = true;
            }
        }

        fn end(&mut self, number: usize) {
            if self.tasks[number].state != State::Ended {
                self.tasks[number].state = State::Ended;
                self.trace.push((number, self.program[number].len(), Outcome::Ended));
            }
            for joiner in 0..self.tasks.len() {
                if self.tasks[joiner].state == State::Joining(number) {
                    self.wake(joiner, Outcome::Joined(number));
                }
            }
            if number == 0 && self.tasks.iter().any(|task| task.state != State::Ended) {
                (0..self.tasks.len()).for_each(|other| self.unpark(other));
                self.ready.push_back(0);
            }
        }

        fn wake(&mut self, number: usize, outcome: Outcome) {
            self.tasks[number].state = State::Ready;
            self.tasks[number].outcome = outcome;
            self.ready.push_back(number);
        }

        fn unpark(&mut self, number: usize) {
            match self.tasks[number].state {
                State::Parked => self.wake(number, Outcome::Fine),
                State::New | State::Ready | State::Joining(_) => self.tasks[number].token = true,
                State::Ended => {}
            }
        }

        /// How a step goes, or nothing if the task does not go on for now.
        fn perform(&mut self, number: usize, step: Step) -> Option<Outcome> {
            let count = self.tasks.len();
            let outcome = match step {
                Step::Yield => {
                    self.wake(number, Outcome::Fine);
                    return None;
                }
                Step::Spawn if count == self.program.len() => Outcome::Nothing,
                Step::Spawn => {
                    self.tasks.push(Task { has_handle: true, ..Task::default() });
                    self.ready.push_back(count);
                    Outcome::Fine
                }
                Step::Park if core::mem::take(&mut self.tasks[number].token) => Outcome::Fine,
                Step::Park if self.tasks[number].cancelled => Outcome::Cancelled,
                Step::Park => {
                    self.tasks[number].state = State::Parked;
                    return None;
                }
                Step::Unpark(other) => {
                    self.unpark(other % count);
                    Outcome::Fine
                }
                Step::Cancel(other) => self.cancel(other % count),
                Step::Join(other) => return self.join(number, other % count),
            };
            Some(outcome)
        }

        fn cancel(&mut self, other: usize) -> Outcome {
            if !self.tasks[other].has_handle {
                return Outcome::Nothing;
            }
            self.tasks[other].cancelled = true;
            match self.tasks[other].state {
                State::Parked | State::Joining(_) => self.wake(other, Outcome::Cancelled),
                State::New | State::Ready | State::Ended => {}
            }
            Outcome::Fine
        }

        fn join(&mut self, number: usize, other: usize) -> Option<Outcome> {
            if other <= number || !self.tasks[other].has_handle {
                return Some(Outcome::Nothing);
            }
            if self.tasks[other].state == State::Ended {
                self.tasks[other].has_handle = false;
                return Some(Outcome::Joined(other));
            }
            if self.tasks[number].cancelled {
                return Some(Outcome::Cancelled);
            }
            self.tasks[other].has_handle = false;
            self.tasks[number].joins = Some(other);
            self.tasks[number].state = State::Joining(other);
            None
        }
    }
}

proptest! {
    // No file of past failures: a failing program is short, and belongs into a test of its own.
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn programs_run_as_the_model_says(program in program()) {
        prop_assert_eq!(real::run(&program), model::run(&program));
    }
}

#[cfg(feature = "time")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 15, failure_persistence: None, ..<_>::default() })]

    /// Each task sleeps a few times, for whole steps of time since the start. All wake, each in
    /// its order, and none before its time; and the first to wake are those with the shortest
    /// first naps.
    #[test]
    fn sleepers_wake_as_a_sorted_list_says(
        naps in prop::collection::vec(prop::collection::vec(0..4_u32, 1..4), 1..20),
    ) {
        use barecoro::time::{self, Duration, Instant};
        const STEP: Duration = Duration::from_millis(3);
        static R: Runtime<21> = Runtime::new();

        let mut expected = Vec::new();
        for (number, naps) in naps.iter().enumerate() {
            let ends = naps.iter().scan(0, |end, nap| { *end += nap; Some(*end) });
            expected.extend(ends.map(|end| (number, end)));
        }
        let trace = Trace::new();
        let in_time = R.run(|| {
            let start = Instant::now() + STEP;
            for (number, naps) in naps.into_iter().enumerate() {
                let trace = trace.clone();
                let sleeper = task::spawn(move || {
                    let mut end = 0;
                    for nap in naps {
                        end += nap;
                        time::sleep_until(start + STEP * end).expect("nobody cancels it");
                        assert!(Instant::now() >= start + STEP * end);
                        trace.note((number, end));
                    }
                });
                drop(sleeper.expect("there are slots"));
            }
            task::yield_now();
            Instant::now() < start
        }).expect("the runtime is free");
        let mut woken = trace.take();
        // On a busy machine the first deadlines may pass before there are sleepers.
        if in_time {
            let mut firsts: Vec<(usize, u32)> = Vec::new();
            for (number, end) in &woken {
                if firsts.iter().all(|(known, _)| known != number) {
                    firsts.push((*number, *end));
                }
            }
            prop_assert!(firsts.is_sorted_by_key(|(number, end)| (*end, *number)), "{:?}", firsts);
        }
        // A stable sort: the order of each task's own naps stays.
        woken.sort_by_key(|(number, _)| *number);
        prop_assert_eq!(woken, expected);
    }
}
