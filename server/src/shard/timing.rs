//! What happens because time passes: pings, silent peers, closes without an answer, rooms that nobody uses.

use wire::CloseCode;

use super::connection::{Connection, Dialect, Farewell, Ping, Stage};
use super::leaving::CLOSE_WAIT;
use super::turn::Shard;
use super::writing::rename_in;
use crate::config::Config;
use crate::room::LagPolicy;

impl Shard {
    /// Looks at everything that is due.
    pub(super) fn expire(&mut self) {
        while let Some(id) = self.wheel.pop(self.now) {
            self.connection_due(id);
        }
        while let Some(room) = self.rooms.pop_due(self.now) {
            self.room_due(room);
        }
        self.end_delays();
    }

    /// Has a connection looked at when it may have been silent for too long (without pings, silence means nothing), or when a message
    /// that it is in the middle of may have taken too long.
    pub(super) fn schedule_ping(&mut self, id: u32) {
        let Some(connection) = self.connections.get(id) else { return };
        let heard = connection.last_heard(self.now);
        let silence = ping_after(id, &self.config).map(|interval| match connection.ping {
            Ping::NotSent => heard + interval,
            // Once it has answered, it is due for the next ping, so it is looked at in time for that.
            Ping::Sent => {
                let close = self.config.pong_timeout.map_or(u64::MAX, |after| heard + after);
                close.min(self.now + interval)
            }
        });
        let message = self.limiting.message_due(id, connection, self.now);
        match silence.into_iter().chain(message).min() {
            Some(due) => self.wheel.schedule(id, due, self.now),
            None => self.wheel.cancel(id),
        }
    }

    fn connection_due(&mut self, id: u32) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let silent = self.now - connection.last_heard(self.now);
        match connection.stage {
            // While parked we do not read, so silence means nothing.
            Stage::Reserved | Stage::Parked => {}
            Stage::Open => {
                if !self.is_too_slow(id) {
                    self.silence(id, silent);
                }
            }
            // As little as here.
            Stage::Delayed => {
                connection.alive(self.now);
                self.schedule_ping(id);
            }
            Stage::Paused => match self.config.write_timeout {
                Some(timeout) if silent >= timeout => self.lost(id),
                Some(timeout) => self.wheel.schedule(id, self.now + timeout - silent, self.now),
                None => {}
            },
            Stage::Closing | Stage::Finishing(_) if silent >= CLOSE_WAIT => self.end(id),
            Stage::Closing | Stage::Finishing(_) => self.wheel.schedule(id, self.now + CLOSE_WAIT - silent, self.now),
        }
    }

    /// An open connection that was looked at in time: asks for a sign of life, or gives it up if it was asked.
    fn silence(&mut self, id: u32, silent: u64) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        match connection.ping {
            // It never answers: that the connection lives shows when it takes what is written.
            _ if connection.dialect == Dialect::Events => {
                if ping_after(id, &self.config).is_some_and(|after| silent >= after) {
                    connection.alive(self.now);
                    connection.outbox.get_or_insert_default().comment();
                    self.send_private(id);
                }
            }
            Ping::NotSent if ping_after(id, &self.config).is_some_and(|after| silent >= after) => {
                self.counters.pings += 1;
                send_ping(connection);
                self.send_private(id);
            }
            Ping::Sent if self.config.pong_timeout.is_some_and(|timeout| silent >= timeout) => {
                let reason = "nothing was received for too long, not even a pong";
                return self.close(id, Farewell::new(CloseCode::POLICY, reason));
            }
            Ping::NotSent | Ping::Sent => {}
        }
        self.schedule_ping(id);
    }

    fn room_due(&mut self, id: u32) {
        self.announce(id);
        let (now, retain) = (self.now, self.config.room_retain);
        let awaited = self.polling.awaits(id);
        let Some(entry) = self.rooms.get_mut(id) else { return };
        let post = &self.post;
        let mut due = entry.dissolve_unused(id, retain, now, &mut |to, letter| post.down(to, letter));
        let unused = entry.is_alone() && entry.room.members() == 0 && !entry.room.is_dirty() && !awaited;
        if unused && entry.empty_since + retain <= now {
            return self.rooms.drop_room(id, &mut self.accounts);
        }
        let mut earlier = |at: u64| due = Some(due.map_or(at, |due| due.min(at)));
        if let Some(at) = entry.presence.as_ref().and_then(|presence| presence.due()) {
            earlier(at);
        }
        if unused {
            earlier(entry.empty_since + retain);
        }
        if entry.room.log_bytes() > 0 {
            if entry.room.last_publish() + retain <= now {
                entry.room.rest(&mut self.accounts, &mut rename_in(&mut self.connections, id));
                entry.room.forget_history(&mut self.accounts);
            }
            // If a slow member still needs it, ask again in a while.
            if entry.room.log_bytes() > 0 {
                earlier((entry.room.last_publish() + retain).max(now + retain / 4));
            }
        }
        if let (Some(timeout), LagPolicy::Disconnect) = (self.config.write_timeout, self.config.lag_policy)
            && let Some(since) = entry.room.expire(now.saturating_sub(timeout))
        {
            earlier(since + timeout);
        }
        if let Some(due) = due {
            self.rooms.wake_at(id, due, now);
        }
        self.see_off(id);
    }
}

fn send_ping(connection: &mut Connection) {
    connection.ping = Ping::Sent;
    connection.outbox.get_or_insert_default().ping();
}

/// The silence after which a connection is pinged, in nanoseconds: up to a tenth less than asked for, by its number, so that a crowd that
/// came at once is not pinged at once for ever.
fn ping_after(id: u32, config: &Config) -> Option<u64> {
    let part = u64::from(id.wrapping_mul(2_654_435_769) >> 16);
    config.ping_interval.map(|interval| interval - interval / 10 / (1 << 16) * part)
}
