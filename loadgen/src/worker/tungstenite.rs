//! The second client.
use super::*;
pub(super) fn run(_c: Arc<Common>, _s: Share, _o: Receiver<Order>, _w: WakeSlot, _n: UnboundedSender<News>) -> std::io::Result<()> { Ok(()) }
