//! Work that waits for something outside, and is resumed by its task id.
//!
//! Which request is given up, and when. The platform may end a request without a word to us: what belongs to it never comes
//! back, and only its age shows that. So nothing is given up that may still come back, however much else is asked
//! meanwhile; and what finds no room is handed back, never put in another's place.

use std::collections::VecDeque;

use crate::gateway::LONGEST_TIMEOUT;
use postern_jwt::time::{Millis, UnixMillis};

/// How much work may wait.
pub const MOST: usize = 16_384;

/// How long work may wait for one thing. Longer than anything may take that a request waits for: an origin is what may
/// take longest.
pub const LONGEST: Millis = Millis::from_seconds(600);
const _: () = assert!(LONGEST.0 >= LONGEST_TIMEOUT.0.saturating_mul(2));

/// The list.
#[derive(Debug)]
pub struct WaitingList<T> {
    oldest_first: VecDeque<Waiting<T>>,
    next: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    task: u64,
    since: UnixMillis,
    work: T,
}

impl<T> WaitingList<T> {
    /// An empty list, whose first task id is `first`.
    pub const fn new(first: u64) -> Self {
        Self {
            oldest_first: VecDeque::new(),
            next: first,
        }
    }

    /// Takes work in, and gives its task id.
    ///
    /// # Errors
    /// The work itself, when there is no room.
    pub fn add(&mut self, now: UnixMillis, work: T) -> Result<u64, T> {
        if self.oldest_first.len() >= MOST {
            return Err(work);
        }
        let task = self.next;
        self.next = task.wrapping_add(1);
        self.oldest_first.push_back(Waiting {
            task,
            since: now,
            work,
        });
        Ok(task)
    }

    /// The work that has waited too long to come back; to be asked for before each [`Self::add`].
    pub fn given_up(&mut self, now: UnixMillis) -> Vec<T> {
        let is_over = |waiting: &Waiting<T>| now.since(waiting.since) > LONGEST;
        let count = self
            .oldest_first
            .iter()
            .take_while(|waiting| is_over(waiting))
            .count();
        let given_up = self.oldest_first.drain(..count);
        given_up.map(|waiting| waiting.work).collect()
    }

    /// The work of a task id.
    pub fn get(&self, task: u64) -> Option<&T> {
        // What was taken in just now is what is asked for most.
        let mut newest_first = self.oldest_first.iter().rev();
        let found = newest_first.find(|waiting| waiting.task == task)?;
        Some(&found.work)
    }

    /// Fetches the work of a task; `None` when it was given up, or fetched before.
    pub fn take(&mut self, task: u64) -> Option<T> {
        let is_it = |waiting: &Waiting<T>| waiting.task == task;
        let at = self.oldest_first.iter().rposition(is_it)?;
        self.oldest_first.remove(at).map(|waiting| waiting.work)
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, MOST, WaitingList};
    use postern_jwt::time::UnixMillis;

    const fn at(millis: u64) -> UnixMillis {
        UnixMillis(1_700_000_000_000 + millis)
    }

    #[test]
    fn work_is_fetched_once_by_its_ticket() {
        let mut list = WaitingList::new(u64::MAX);
        let tickets: Vec<u64> = ["a", "b", "c"]
            .map(|work| list.add(at(0), work).unwrap())
            .into();
        assert_eq!(tickets, [u64::MAX, 0, 1]);
        assert_eq!(list.get(0), Some(&"b"));
        assert_eq!((list.take(0), list.take(0)), (Some("b"), None));
        assert_eq!((list.take(u64::MAX), list.take(1)), (Some("a"), Some("c")));
        assert_eq!(list.get(7), None);
    }

    /// What an origin may still answer is waited for, however often others ask.
    #[test]
    fn no_request_of_others_gives_up_what_may_come_back() {
        let mut list = WaitingList::new(0);
        let slow = list.add(at(0), "slow").unwrap();
        for second in 1..=300_u64 {
            let now = at(second * 1000);
            assert_eq!(list.given_up(now), [""; 0]);
            let other = list.add(now, "other").unwrap();
            assert_eq!(list.take(other), Some("other"));
        }
        assert_eq!(list.take(slow), Some("slow"));
    }

    #[test]
    fn what_never_comes_back_makes_room_after_its_time() {
        let mut list = WaitingList::new(0);
        for work in 0..3 {
            list.add(at(work), work).unwrap();
        }
        assert_eq!(list.given_up(at(LONGEST.0)), [0; 0]);
        assert_eq!(list.given_up(at(LONGEST.0 + 2)), [0, 1]);
        assert_eq!(list.given_up(at(LONGEST.0 + 2)), [0; 0]);
        assert_eq!(list.take(2), Some(2));
    }

    #[test]
    fn a_full_list_hands_new_work_back_and_keeps_the_old() {
        let mut list = WaitingList::new(0);
        for work in 0..MOST {
            list.add(at(0), work).unwrap();
        }
        assert_eq!(list.add(at(1), MOST), Err(MOST));
        assert_eq!(list.take(0), Some(0));
        assert!(list.add(at(1), MOST).is_ok());
    }

    #[test]
    fn a_clock_that_is_set_back_gives_up_nothing() {
        let mut list = WaitingList::new(0);
        list.add(at(LONGEST.0 * 3), ()).unwrap();
        assert_eq!(list.given_up(at(0)), []);
    }
}
