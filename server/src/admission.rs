//! Who may come in: how many connections there are, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The count of WebSocket connections and their limits. Touched when a connection comes or goes, never on the delivery path.
#[derive(Debug)]
pub struct Admission {
    max: usize,
    max_per_address: Option<u32>,
    open: AtomicUsize,
    /// Empty where addresses are not limited.
    addresses: Mutex<HashMap<IpAddr, u32>>,
}

/// Why a connection may not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `--max-connections`.
    #[error("the server holds its {0} connections (--max-connections); try again later")]
    Full(usize),
    /// `--max-per-address`.
    #[error("your address holds its {0} connections (--max-per-address); close one first")]
    AddressFull(u32),
}

impl Refusal {
    /// The HTTP status to answer with.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Full(_) => 503,
            Self::AddressFull(_) => 429,
        }
    }
}

impl Admission {
    /// Nobody is in yet.
    #[must_use]
    pub fn new(max: usize, max_per_address: Option<u32>) -> Arc<Self> {
        let addresses = Mutex::default();
        Arc::new(Self { max, max_per_address, open: AtomicUsize::new(0), addresses })
    }

    /// Lets one connection from `address` in, which is counted until its permit is dropped.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Refusal> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::Full(self.max));
        }
        let mut permit = Permit { admission: Arc::clone(self), address: None };
        if let Some(max) = self.max_per_address {
            let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            let count = addresses.entry(address).or_insert(0);
            if *count >= max {
                return Err(Refusal::AddressFull(max));
            }
            *count += 1;
            permit.address = Some(Box::new(address));
        }
        Ok(permit)
    }
}

/// One connection's place in the count.
#[derive(Debug)]
pub struct Permit {
    admission: Arc<Admission>,
    /// Boxed because it is rarely there and a connection must be small.
    address: Option<Box<IpAddr>>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.address.take() {
            let mut addresses = self.admission.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = addresses.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    addresses.remove(&address);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_counts_until_it_is_dropped() {
        let admission = Admission::new(2, None);
        let here = IpAddr::from([127, 0, 0, 1]);
        let first = admission.enter(here).unwrap();
        let _second = admission.enter(here).unwrap();
        assert_eq!(admission.enter(here).unwrap_err(), Refusal::Full(2));
        drop(first);
        admission.enter(here).unwrap();
    }

    #[test]
    fn one_address_cannot_take_everything() {
        let admission = Admission::new(10, Some(1));
        let (a, b) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let first = admission.enter(a).unwrap();
        assert_eq!(admission.enter(a).unwrap_err().status(), 429);
        let _other = admission.enter(b).unwrap();
        drop(first);
        admission.enter(a).unwrap();
    }
}
