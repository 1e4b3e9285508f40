//! How much memory the answers to long polls may take: those being made, and those not received yet.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::answer::Refused;

/// Bytes of all of them together. A client that reads nothing keeps its answer until it is out of time, and there may be thousands.
const ALL: usize = 32 << 20;
/// Answers made at once: one message that wakes a crowd must not be copied for all of it before the first has got its own.
const AT_ONCE: usize = 4;

/// The budget.
#[derive(Debug)]
pub struct Answers {
    bytes: Arc<Semaphore>,
    turns: Semaphore,
}

/// What an answer takes of the budget, until it is dropped.
#[derive(Debug)]
pub struct Taken {
    bytes: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Answers {
    /// Nothing is taken.
    pub fn new() -> Self {
        Self { bytes: Arc::new(Semaphore::new(ALL)), turns: Semaphore::new(AT_ONCE) }
    }

    /// The right to read messages and make an answer of them; `None` never, but where the server ends.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// Nothing yet, for an answer.
    pub fn open(&self) -> Taken {
        Taken { bytes: Arc::clone(&self.bytes), taken: None }
    }
}

impl Taken {
    /// Takes so much that it is `bytes` in all. An answer larger than the whole budget may be made where there is no other.
    ///
    /// # Errors
    /// 503 where others have taken too much.
    pub fn raise_to(&mut self, bytes: usize) -> Result<(), Refused> {
        let has = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = bytes.min(ALL).saturating_sub(has);
        let full = || Refused::new(503, "too many answers are on their way, and not received; try again in a moment");
        let more = u32::try_from(more).map_err(|_| full())?;
        let more = Arc::clone(&self.bytes).try_acquire_many_owned(more).map_err(|_| full())?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_received_keeps_others_from_being_made() {
        let answers = Answers::new();
        let mut first = answers.open();
        first.raise_to(ALL - 10).ok().unwrap();
        let mut second = answers.open();
        second.raise_to(5).ok().unwrap();
        second.raise_to(10).ok().unwrap();
        assert_eq!(second.raise_to(11).err().unwrap().status, 503);
        assert_eq!(answers.open().raise_to(1).err().unwrap().status, 503);
        answers.open().raise_to(0).ok().unwrap();
        drop(first);
        answers.open().raise_to(ALL - 10).ok().unwrap();
    }

    #[test]
    fn a_message_larger_than_all_of_it_can_be_had_alone() {
        let answers = Answers::new();
        let mut huge = answers.open();
        huge.raise_to(ALL + 1).ok().unwrap();
        assert!(answers.open().raise_to(1).is_err());
        drop(huge);
        answers.open().raise_to(1).ok().unwrap();
    }

    #[tokio::test]
    async fn a_few_are_made_at_once() {
        let answers = Answers::new();
        let mut turns = Vec::new();
        for _ in 0..AT_ONCE {
            turns.push(answers.turn().await);
        }
        assert!(answers.turns.try_acquire().is_err());
        turns.pop();
        assert!(answers.turn().await.is_some());
    }
}
