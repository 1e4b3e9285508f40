//! A table with stable small numbers as keys that grows in chunks, so that nothing is ever copied and little is reserved unused.

const CHUNK: usize = 1024;
const NONE: u32 = u32::MAX;

#[derive(Debug)]
enum Slot<T> {
    Free { next: u32 },
    Taken(T),
}

/// The table. Keys are reused, newest first.
#[derive(Debug)]
pub struct Slab<T> {
    chunks: Vec<Box<[Slot<T>]>>,
    free: u32,
    len: usize,
}

impl<T> Slab<T> {
    pub fn new() -> Self {
        Self { chunks: Vec::new(), free: NONE, len: 0 }
    }

    /// Entries in use.
    pub fn len(&self) -> usize {
        self.len
    }

    /// One more than the largest key there can be.
    pub fn bound(&self) -> u32 {
        (self.chunks.len() * CHUNK) as u32
    }

    pub fn insert(&mut self, value: T) -> u32 {
        if self.free == NONE {
            let first = self.bound();
            let next = |i: u32| if i as usize + 1 < CHUNK { first + i + 1 } else { NONE };
            self.chunks.push((0..CHUNK as u32).map(|i| Slot::Free { next: next(i) }).collect());
            self.free = first;
        }
        let key = self.free;
        let slot = &mut self.chunks[key as usize / CHUNK][key as usize % CHUNK];
        if let Slot::Free { next } = slot {
            self.free = *next;
        }
        *slot = Slot::Taken(value);
        self.len += 1;
        key
    }

    #[inline]
    pub fn get(&self, key: u32) -> Option<&T> {
        match self.chunks.get(key as usize / CHUNK)?.get(key as usize % CHUNK) {
            Some(Slot::Taken(value)) => Some(value),
            _ => None,
        }
    }

    #[inline]
    pub fn get_mut(&mut self, key: u32) -> Option<&mut T> {
        match self.chunks.get_mut(key as usize / CHUNK)?.get_mut(key as usize % CHUNK) {
            Some(Slot::Taken(value)) => Some(value),
            _ => None,
        }
    }

    pub fn remove(&mut self, key: u32) -> Option<T> {
        let slot = self.chunks.get_mut(key as usize / CHUNK)?.get_mut(key as usize % CHUNK)?;
        if let Slot::Free { .. } = slot {
            return None;
        }
        let taken = std::mem::replace(slot, Slot::Free { next: self.free });
        self.free = key;
        self.len -= 1;
        if self.len == 0 {
            // A crowd that has left leaves no memory behind.
            *self = Self::new();
        }
        match taken {
            Slot::Taken(value) => Some(value),
            Slot::Free { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_find_their_values_and_are_reused() {
        let mut slab = Slab::new();
        let keys: Vec<u32> = (0..3000).map(|i| slab.insert(i)).collect();
        assert!(keys.iter().zip(0..).all(|(key, i)| slab.get(*key) == Some(&i)));
        assert_eq!(slab.remove(keys[5]), Some(5));
        assert_eq!(slab.remove(keys[5]), None);
        assert_eq!(slab.insert(99), keys[5]);
        assert_eq!((slab.len(), slab.bound()), (3000, 3 * CHUNK as u32));
    }

    #[test]
    fn an_emptied_slab_holds_no_memory() {
        let mut slab = Slab::new();
        let keys: Vec<u32> = (0..3000).map(|i| slab.insert(i)).collect();
        for key in keys {
            slab.remove(key);
        }
        assert_eq!(slab.bound(), 0);
        assert_eq!(slab.get(0), None);
    }
}
