//! Pure: buckets that connections share, over all shards, because they come from one address or belong to one user.
//!
//! The lock is taken when a connection comes or goes; a message takes its token with one compare-and-swap.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bucket::SharedBucket;
use crate::forwarded::network;
use crate::rate::Class;

/// Buckets without a connection are looked through when there are more than so many, and then when there are twice as many as were left.
const LOOKED_THROUGH: usize = 1024;
/// If so many are left even then, they are all forgotten, full or not: memory comes first.
const MAX_UNUSED: usize = 256 << 10;

/// What connections have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// The address that they come from (for IPv6 the /64 network, which is one customer's), users apart from others, because their
    /// limits may differ.
    Address(IpAddr, Class),
    /// The user whose they are.
    User(Arc<str>),
}

impl Key {
    /// The key of connections from `address`.
    #[must_use]
    pub fn address(address: IpAddr, class: Class) -> Self {
        Self::Address(network(address), class)
    }
}

/// All shared buckets of a server.
#[derive(Debug, Default)]
pub struct Shares {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    buckets: HashMap<Key, Shared>,
    /// Buckets without a connection.
    unused: usize,
    /// How many of those were left when they were last looked through.
    left: usize,
}

#[derive(Debug, Default)]
struct Shared {
    bucket: Arc<SharedBucket>,
    connections: u32,
}

/// One connection's hold on a shared bucket.
#[derive(Debug)]
pub struct Share {
    shares: Arc<Shares>,
    key: Key,
    bucket: Arc<SharedBucket>,
}

impl Shares {
    /// The bucket of `key`, for one more connection. A bucket whose connections have all gone is kept until it is full again, so that
    /// connecting anew buys nothing.
    #[must_use]
    pub fn of(self: &Arc<Self>, key: Key, now: u64) -> Share {
        let mut table = self.table();
        if table.unused > LOOKED_THROUGH.max(2 * table.left) {
            table.look_through(now);
        }
        let known = table.buckets.get(&key).is_some_and(|shared| shared.connections == 0);
        table.unused -= usize::from(known);
        let shared = table.buckets.entry(key.clone()).or_default();
        shared.connections += 1;
        let bucket = Arc::clone(&shared.bucket);
        drop(table);
        Share { shares: Arc::clone(self), key, bucket }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    #[cold]
    fn look_through(&mut self, now: u64) {
        self.buckets.retain(|_, shared| shared.connections > 0 || !shared.bucket.is_full(now));
        self.count_unused();
        if self.unused > MAX_UNUSED {
            self.buckets.retain(|_, shared| shared.connections > 0);
            self.count_unused();
        }
        self.left = self.unused;
    }

    fn count_unused(&mut self) {
        self.unused = self.buckets.values().filter(|shared| shared.connections == 0).count();
    }
}

impl Share {
    /// What the connection takes from.
    #[must_use]
    pub fn bucket(&self) -> &SharedBucket {
        &self.bucket
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut table = self.shares.table();
        if let Some(shared) = table.buckets.get_mut(&self.key) {
            shared.connections -= 1;
            table.unused += usize::from(shared.connections == 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::{Decision, Limit};

    fn address(n: u32) -> Key {
        Key::address(IpAddr::from(n.to_be_bytes()), Class::Anonymous)
    }

    #[test]
    fn connections_of_one_key_take_from_one_bucket() {
        let (shares, limit) = (Arc::<Shares>::default(), Limit::messages(1.0, 1));
        let [one, two, other] = [7, 7, 8].map(|n| shares.of(address(n), 0));
        assert_eq!(one.bucket().take(&limit, 0, 1), Decision::Pass);
        assert_ne!(two.bucket().take(&limit, 0, 1), Decision::Pass);
        assert_eq!(other.bucket().take(&limit, 0, 1), Decision::Pass);
    }

    #[test]
    fn connecting_anew_buys_nothing() {
        let (shares, limit) = (Arc::<Shares>::default(), Limit::messages(1.0, 1));
        assert_eq!(shares.of(address(7), 0).bucket().take(&limit, 0, 1), Decision::Pass);
        assert_ne!(shares.of(address(7), 5).bucket().take(&limit, 5, 1), Decision::Pass);
    }

    #[test]
    fn keys_without_a_connection_are_forgotten_once_their_buckets_are_full() {
        let (shares, limit) = (Arc::<Shares>::default(), Limit::messages(1.0, 1));
        let stays = shares.of(address(1_000_000), 0);
        for n in 0..100_000 {
            // A millisecond apart: about a thousand of them are not full yet.
            let now = u64::from(n) * 1_000_000;
            assert_eq!(shares.of(address(n), now).bucket().take(&limit, now, 1), Decision::Pass);
        }
        let held = shares.table().buckets.len();
        assert!((1000..5000).contains(&held), "{held}");
        assert!(shares.table().buckets.contains_key(&stays.key));
    }

    #[test]
    fn an_address_is_a_network_for_ipv6_and_the_same_however_it_is_written() {
        let key = |text: &str| Key::address(text.parse().unwrap(), Class::Anonymous);
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_ne!(key("192.0.2.1"), Key::address("192.0.2.1".parse().unwrap(), Class::User));
    }
}
