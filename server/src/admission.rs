//! Who may come in: how many connections there are, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::forwarded::network;
use crate::shares::Shares;

/// Connections that may wait for their answer however low `--max-connections` is.
const WAITING: usize = 64;
/// Of the descriptors beyond `--max-connections`, those that waiting connections may use; the others are for operators and files.
const SPARE: usize = 400;

/// Connections of one address that may wait, however low `--max-per-address` is: a browser opens six at once.
const WAITING_PER_ADDRESS: u32 = 8;

/// The count of WebSocket connections and their limits. Touched when a connection comes or goes, never on the delivery path.
#[derive(Debug)]
pub struct Admission {
    max: usize,
    max_per_address: Option<u32>,
    open: AtomicUsize,
    /// Connections that were accepted and have not been answered.
    waiting: AtomicUsize,
    /// Empty where addresses are not limited.
    addresses: Mutex<HashMap<IpAddr, Count>>,
    /// Rates of several connections together.
    shares: Arc<Shares>,
}

/// One address's connections.
#[derive(Debug, Default)]
struct Count {
    open: u32,
    waiting: u32,
}

/// Who a connection belongs to, as far as its handshake tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// Where it comes from.
    pub address: IpAddr,
    /// The user that its token names; `None` without one.
    pub user: Option<Arc<str>>,
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
        let (open, waiting, shares) = (AtomicUsize::new(0), AtomicUsize::new(0), Arc::default());
        Arc::new(Self { max, max_per_address, open, waiting, addresses, shares })
    }

    /// A place for a connection until its request is answered; `None` if too many wait: a quarter of `--max-connections` and
    /// 64 more, or so many that with the open ones they would use up the descriptors. So those who connect and say nothing take
    /// neither the descriptors that open connections have, nor the last ones, which operators need. Under `--max-per-address`, also `None`
    /// if so many (or eight, if that is more) wait from `address`, unless that is not known yet.
    #[must_use]
    pub fn wait(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Waiting> {
        let open = self.open.load(Ordering::Relaxed);
        let most = (self.max / 4 + WAITING).min((self.max + SPARE).saturating_sub(open));
        let mut place = Waiting { admission: Arc::clone(self), address: None };
        // Dropping the place takes it out of the counts again.
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= most {
            return None;
        }
        if let (Some(max), Some(address)) = (self.max_per_address, address) {
            let address = network(address);
            let mut addresses = self.addresses();
            let count = addresses.entry(address).or_default();
            if count.waiting >= max.max(WAITING_PER_ADDRESS) {
                drop(addresses);
                return None;
            }
            count.waiting += 1;
            place.address = Some(address);
        }
        Some(place)
    }

    /// Lets one connection from `address` in, which is counted until its permit is dropped. Of an IPv6 address only the network counts
    /// ([`network`]).
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
            let mut addresses = self.addresses();
            let address = network(address);
            let count = addresses.entry(address).or_default();
            if count.open >= max {
                drop(addresses);
                return Err(Refusal::AddressFull(max));
            }
            count.open += 1;
            permit.address = Some(Box::new(address));
        }
        Ok(permit)
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, Count>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes an address's counts, and forgets it if it has nothing any more.
    fn uncount(&self, address: IpAddr, change: impl FnOnce(&mut Count)) {
        let mut addresses = self.addresses();
        if let Some(count) = addresses.get_mut(&address) {
            change(count);
            if count.open == 0 && count.waiting == 0 {
                addresses.remove(&address);
            }
        }
    }
}

/// One connection's place among those that wait.
#[derive(Debug)]
pub struct Waiting {
    admission: Arc<Admission>,
    /// Where it is counted among its address's.
    address: Option<IpAddr>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.admission.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.address {
            self.admission.uncount(address, |count| count.waiting -= 1);
        }
    }
}

/// One connection's place in the count.
#[derive(Debug)]
pub struct Permit {
    admission: Arc<Admission>,
    /// Boxed because it is rarely there and a connection must be small.
    address: Option<Box<IpAddr>>,
}

impl Permit {
    /// The buckets that connections share.
    #[must_use]
    pub fn shares(&self) -> &Arc<Shares> {
        &self.admission.shares
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.address.take() {
            self.admission.uncount(*address, |count| count.open -= 1);
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

    #[test]
    fn a_customers_ipv6_addresses_share_one_limit() {
        let admission = Admission::new(10, Some(1));
        let first = admission.enter("2001:db8:0:1::1".parse().unwrap()).unwrap();
        assert_eq!(admission.enter("2001:db8:0:1:ffff::2".parse().unwrap()).unwrap_err(), Refusal::AddressFull(1));
        let _neighbour = admission.enter("2001:db8:0:2::1".parse().unwrap()).unwrap();
        drop(first);
        admission.enter("2001:db8:0:1::3".parse().unwrap()).unwrap();
    }

    #[test]
    fn those_who_wait_cannot_take_everything() {
        let admission = Admission::new(1000, None);
        let mut waiting: Vec<_> = std::iter::from_fn(|| admission.wait(None)).collect();
        assert_eq!(waiting.len(), 1000 / 4 + WAITING);
        waiting.pop();
        waiting.push(admission.wait(None).unwrap());
        assert!(admission.wait(None).is_none());
    }

    #[test]
    fn one_address_cannot_take_all_the_places_to_wait() {
        let admission = Admission::new(1000, Some(10));
        let address = |text: &str| Some(text.parse().unwrap());
        let wait = |i| admission.wait(address(&format!("2001:db8:0:1::{i:x}")));
        let mut waiting: Vec<_> = (0..).map_while(wait).collect();
        assert_eq!(waiting.len(), 10);
        let _neighbour = admission.wait(address("2001:db8:0:2::1")).unwrap();
        let _proxied = admission.wait(None).unwrap();
        let _open = admission.enter("2001:db8:0:1::1".parse().unwrap()).unwrap();
        waiting.pop();
        waiting.push(wait(11).unwrap());
        assert!(wait(12).is_none());
        assert_eq!(admission.waiting.load(Ordering::Relaxed), 12);
        drop(waiting);
        assert_eq!(admission.addresses().len(), 2);
    }

    #[test]
    fn a_browser_may_wait_with_several_connections_under_any_limit() {
        let admission = Admission::new(1000, Some(1));
        let here = Some(IpAddr::from([127, 0, 0, 1]));
        assert_eq!(std::iter::from_fn(|| admission.wait(here)).collect::<Vec<_>>().len(), WAITING_PER_ADDRESS as usize);
    }

    #[test]
    fn those_who_wait_leave_descriptors_to_operators_when_the_server_is_full() {
        let admission = Admission::new(10_000, None);
        let _open: Vec<_> = (0..10_000).map(|_| admission.enter(IpAddr::from([127, 0, 0, 1])).unwrap()).collect();
        assert_eq!(std::iter::from_fn(|| admission.wait(None)).collect::<Vec<_>>().len(), SPARE);
    }
}
