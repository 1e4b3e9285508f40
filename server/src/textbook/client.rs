//! One client: a task that reads its messages into the hub, and writes what waits in its queue, a message a write.

use std::future::{Future, pending};
use std::pin::pin;
use std::time::Duration;

use fastwebsockets::{
    FragmentCollectorRead, Frame, OpCode, Payload, WebSocket, WebSocketError, WebSocketRead, WebSocketWrite,
};
use hyper::body::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{ReadHalf, WriteHalf, split};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use wire::CloseCode;

use super::chat;
use super::hub::{Message, Outgoing, Place, Seat};

/// How long a client may take to answer our close frame.
pub(super) const CLOSE_WAIT: Duration = Duration::from_secs(5);

type Stream = TokioIo<Upgraded>;
type Reader = FragmentCollectorRead<ReadHalf<Stream>>;

/// How long a client may be silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heartbeat {
    /// It is pinged every so often.
    pub ping: Option<Duration>,
    /// It is closed when no message and no pong came for so long.
    pub timeout: Option<Duration>,
}

/// Why reading ended.
enum Stop {
    /// The connection broke, or the client hung up.
    Lost,
    Violation(WebSocketError),
    Silent,
}

/// What the last frame written was.
enum Last {
    /// The answer to the client's close frame.
    Answer(CloseCode),
    /// Our own close frame, which the client has to answer.
    Goodbye,
}

/// Serves one client until it or the server ends it.
pub(super) async fn serve(
    mut socket: WebSocket<Stream>,
    seat: Seat,
    queue: Receiver<Outgoing>,
    heartbeat: Heartbeat,
    max_message: usize,
) {
    // fastwebsockets refuses frames of this size and more.
    socket.set_max_message_size(max_message.saturating_add(1));
    let (reader, writer) = socket.split(split);
    // Both stay where they are until the end: a frame that was read or written in part is never given up for another.
    let mut reading = pin!(read(reader, &seat, heartbeat.timeout));
    let mut writing = pin!(write(writer, queue, &seat, heartbeat.ping));
    let code = tokio::select! {
        stop = &mut reading => stopped(&seat, stop),
        last = &mut writing => match last {
            Ok(Last::Answer(code)) => code,
            Ok(Last::Goodbye) => {
                // Whatever ends it now, it was told.
                let _ = timeout(CLOSE_WAIT, reading).await;
                CloseCode::GOING_AWAY
            }
            Err(_) => CloseCode::ABNORMAL,
        },
    };
    seat.hub.count(|tally| *tally.closed.entry(code.0).or_default() += 1);
}

/// Reads until something is wrong. After a close frame it waits for the writer, which ends the connection.
async fn read(reader: WebSocketRead<ReadHalf<Stream>>, seat: &Seat, silence: Option<Duration>) -> Stop {
    let mut reader = FragmentCollectorRead::new(reader);
    loop {
        let frame = match silence {
            // Cut off in the middle of a frame, but nobody will read on.
            Some(silence) => match timeout(silence, next(&mut reader, seat)).await {
                Ok(frame) => frame,
                Err(_) => return Stop::Silent,
            },
            None => next(&mut reader, seat).await,
        };
        let (opcode, payload) = match frame {
            Ok(frame) => (frame.opcode, bytes(frame.payload)),
            Err(WebSocketError::IoError(_) | WebSocketError::UnexpectedEOF | WebSocketError::SendError(_)) => {
                return Stop::Lost;
            }
            Err(error) => return Stop::Violation(error),
        };
        match (opcode, &seat.place) {
            (OpCode::Text | OpCode::Binary, Place::Room(room, _)) => match &seat.who {
                None => seat.hub.publish(room, &Message { opcode, payload }),
                Some(who) => {
                    if let Some(error) = chat::say(seat, room, who, opcode, &payload)
                        && answer(seat, Outgoing::Message(error)).await.is_err()
                    {
                        return Stop::Lost;
                    }
                }
            },
            (OpCode::Text | OpCode::Binary, Place::Echo) => {
                if answer(seat, Outgoing::Message(Message { opcode, payload })).await.is_err() {
                    return Stop::Lost;
                }
            }
            (OpCode::Pong, _) => seat.hub.count(|tally| tally.pongs += 1),
            (OpCode::Close, _) => pending().await,
            (OpCode::Ping | OpCode::Continuation, _) => {}
        }
    }
}

/// The next message, pong or close frame; pings and close frames are answered by way of the queue.
async fn next(reader: &mut Reader, seat: &Seat) -> Result<Frame<'static>, WebSocketError> {
    let mut reply = |frame: Frame<'static>| {
        let outgoing = match frame.opcode {
            OpCode::Pong => Outgoing::Pong(bytes(frame.payload)),
            _ => Outgoing::Close(bytes(frame.payload)),
        };
        answer(seat, outgoing)
    };
    reader.read_frame(&mut reply).await
}

/// Waits for space in the client's own queue. So who does not read what it asked for is not read either.
fn answer(seat: &Seat, outgoing: Outgoing) -> impl Future<Output = Result<(), WebSocketError>> + Send + use<> {
    let queue = seat.queue.clone();
    async move {
        let queue = queue.upgrade().ok_or(WebSocketError::ConnectionClosed)?;
        queue.send(outgoing).await.map_err(|_| WebSocketError::ConnectionClosed)
    }
}

/// Writes what waits, frame by frame, until the client's close frame is answered or the hub has let go of it.
async fn write(
    mut writer: WebSocketWrite<WriteHalf<Stream>>,
    mut queue: Receiver<Outgoing>,
    seat: &Seat,
    every: Option<Duration>,
) -> Result<Last, WebSocketError> {
    let mut pings = every.map(|every| {
        let mut pings = interval_at(Instant::now() + every, every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings
    });
    loop {
        let outgoing = tokio::select! {
            outgoing = queue.recv() => outgoing,
            () = due(&mut pings) => {
                writer.write_frame(Frame::new(true, OpCode::Ping, None, Payload::Borrowed(b""))).await?;
                continue;
            }
        };
        match outgoing {
            Some(Outgoing::Message(Message { opcode, payload })) => {
                writer.write_frame(Frame::new(true, opcode, None, Payload::Borrowed(&payload))).await?;
                seat.sent.count(header_len(payload.len()) + payload.len());
            }
            Some(Outgoing::Pong(payload)) => writer.write_frame(Frame::pong(Payload::Borrowed(&payload))).await?,
            Some(Outgoing::Close(payload)) => {
                writer.write_frame(Frame::close_raw(Payload::Borrowed(&payload))).await?;
                let code = payload.first_chunk().map(|code| CloseCode(u16::from_be_bytes(*code)));
                return Ok(Last::Answer(code.unwrap_or(CloseCode::NO_STATUS)));
            }
            None => {
                writer.write_frame(Frame::close(CloseCode::GOING_AWAY.0, b"the server is stopping")).await?;
                return Ok(Last::Goodbye);
            }
        }
    }
}

async fn due(pings: &mut Option<Interval>) {
    match pings {
        Some(pings) => drop(pings.tick().await),
        None => pending().await,
    }
}

/// Counts what was wrong, and gives the code that stands for it.
fn stopped(seat: &Seat, stop: Stop) -> CloseCode {
    match stop {
        Stop::Lost => CloseCode::ABNORMAL,
        Stop::Silent => CloseCode::POLICY,
        Stop::Violation(error) => {
            seat.hub.count(|tally| *tally.protocol_errors.entry(format!("{error:?}")).or_default() += 1);
            CloseCode::ABNORMAL
        }
    }
}

fn bytes(payload: Payload<'_>) -> Bytes {
    match payload {
        Payload::Bytes(bytes) => bytes.freeze(),
        other => Vec::from(other).into(),
    }
}

/// Bytes of the header of a frame from the server (RFC 6455 section 5.2).
fn header_len(payload: usize) -> usize {
    match payload {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}
