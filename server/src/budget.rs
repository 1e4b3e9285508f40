//! A number of bytes that may be used, and how many are: how memory is bounded without asking the allocator.

/// Bytes in use against a limit. Only keeps count; whoever allocates asks first and gives back afterwards.
#[derive(Debug, Clone)]
pub struct Budget {
    limit: usize,
    used: usize,
}

impl Budget {
    /// Nothing used of `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, used: 0 }
    }

    /// Counts `bytes` as used if they fit, and says whether they did.
    pub fn take(&mut self, bytes: usize) -> Grant {
        match self.used.checked_add(bytes) {
            Some(used) if used <= self.limit => {
                self.used = used;
                Grant::Given
            }
            _ => Grant::Refused,
        }
    }

    /// Counts `bytes` that were taken before as free again.
    pub fn give_back(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.used, "more given back than was taken");
        self.used = self.used.saturating_sub(bytes);
    }

    /// Bytes in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }
}

/// A budget's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Grant {
    /// The bytes are now counted as used.
    Given,
    /// They would exceed the limit; nothing was counted.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_refuses_what_exceeds_it_and_counts_nothing_then() {
        let mut budget = Budget::new(100);
        assert_eq!(budget.take(60), Grant::Given);
        assert_eq!(budget.take(41), Grant::Refused);
        assert_eq!(budget.take(40), Grant::Given);
        budget.give_back(100);
        assert_eq!(budget.used(), 0);
        assert_eq!(budget.take(usize::MAX), Grant::Refused);
    }
}
