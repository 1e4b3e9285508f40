//! Pure: the forms in which members of a room receive its messages.

use crate::coding::Window;

/// In what form a member receives a room's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// WebSocket frames, as they were published.
    Plain,
    /// Events of an event stream, each in one HTTP chunk: see [`sse`](crate::sse).
    Events,
    /// Messages compressed each by itself, for decoders that keep no history. What is larger than their window stays plain.
    Standalone(Window),
    /// The same, for decoders that keep a history while their room shares none: it is too small, or there is no memory for a compressor.
    Unshared(Window),
    /// Messages that refer to those since the last newcomers came, for decoders that do not have the history of [`Mature`](Self::Mature) yet.
    Nursery(Window),
    /// Messages that refer to all those before, as far as the window reaches.
    Mature(Window),
}

impl Variant {
    /// Whether a decoder must have received what came before in this variant to make sense of what follows.
    #[must_use]
    pub fn keeps_history(self) -> bool {
        matches!(self, Self::Nursery(_) | Self::Mature(_))
    }

    /// Its kind, without the window.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Plain => Kind::Plain,
            Self::Events => Kind::Events,
            Self::Standalone(_) => Kind::Standalone,
            Self::Unshared(_) => Kind::Unshared,
            Self::Nursery(_) => Kind::Nursery,
            Self::Mature(_) => Kind::Mature,
        }
    }
}

/// A variant of any window, as statistics tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// See [`Variant`], here and below.
    Plain,
    /// Events.
    Events,
    /// Without history.
    Standalone,
    /// With a history that nobody shares.
    Unshared,
    /// Acquiring the history.
    Nursery,
    /// Sharing it.
    Mature,
}

impl Kind {
    /// All of them, each at the place that its number is.
    pub const ALL: [Self; 6] =
        [Self::Plain, Self::Events, Self::Standalone, Self::Unshared, Self::Nursery, Self::Mature];

    /// As statistics name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Events => "events",
            Self::Standalone => "standalone",
            Self::Unshared => "unshared",
            Self::Nursery => "nursery",
            Self::Mature => "mature",
        }
    }
}

/// What went through the streams of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Volume {
    /// Messages made into its frames, once for each stream.
    pub messages: u64,
    /// Bytes of their plain frames.
    pub plain_bytes: u64,
    /// Bytes of its own frames.
    pub frame_bytes: u64,
    /// Bytes that sockets took of them, all members together.
    pub sent_bytes: u64,
}

/// The volumes of all kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Volumes([Volume; Kind::ALL.len()]);

impl Volumes {
    /// That of one kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> &Volume {
        &self.0[kind as usize]
    }

    /// The same, to be added to.
    #[inline]
    pub fn of_mut(&mut self, kind: Kind) -> &mut Volume {
        &mut self.0[kind as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_volume() {
        let mut volumes = Volumes::default();
        for kind in Kind::ALL {
            volumes.of_mut(kind).messages += kind as u64;
        }
        assert!(Kind::ALL.iter().enumerate().all(|(i, kind)| volumes.of(*kind).messages == i as u64));
    }
}
