//! A dialect file as it is written. The doc comments here are the descriptions in `scenarios/dialects/dialect.schema.json`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use toml::Spanned;

/// A dialect of fanout: how a server wants to be spoken to.
///
/// Texts can hold {room}, {id} (the connection's number in the run), the columns of the scenario's feed, and {env.NAME}; `[publish]` also
/// {message} and {seq}. With .json behind the name, as in "{room.json}", a value is escaped for the inside of a JSON string.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "fanout dialect")]
pub struct File {
    /// One sentence for people.
    #[serde(default)]
    pub description: String,
    /// The path of such servers, where the scenario gives none.
    pub path: Option<String>,
    /// The subprotocol that is offered.
    pub subprotocol: Option<String>,
    /// What is said and waited for, in this order, before a connection has joined its room. Left out: it has joined with the upgrade.
    #[serde(default)]
    #[schemars(with = "Vec<StepTable>")]
    pub join: Vec<Spanned<StepTable>>,
    /// How a message becomes a frame. Left out: the message is the frame.
    pub publish: Option<PublishTable>,
    /// What a frame holds. Left out: one message, as it is.
    #[serde(default)]
    pub receive: ReceiveTable,
    /// Signs of life that the server asks for or waits for, beside WebSocket's own pings.
    #[serde(default)]
    #[schemars(with = "Vec<HeartbeatTable>")]
    pub heartbeat: Vec<Spanned<HeartbeatTable>>,
    /// What is said before a connection is closed.
    pub leave: Option<LeaveTable>,
}

/// One of `[[join]]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct StepTable {
    /// Names the step where a connection fails in it.
    pub name: String,
    /// What is said. Left out: the server speaks first.
    #[schemars(with = "Option<String>")]
    pub send: Option<Spanned<String>>,
    /// What the answer must be like. Left out: there is none, and the next step follows at once.
    pub expect: Option<MatchTable>,
    /// What an answer is like that does not let the connection in.
    pub refuse: Option<MatchTable>,
    /// How long the answer may take. Default 10s.
    #[schemars(with = "Option<String>")]
    pub timeout: Option<Spanned<String>>,
}

/// What a part of a frame must be like; all that is given must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct MatchTable {
    /// It is this text.
    pub text: Option<String>,
    /// It begins with this text.
    pub begins: Option<String>,
    /// This text stands in it.
    pub contains: Option<String>,
    /// It is JSON in which something stands at this JSON pointer.
    #[schemars(with = "Option<String>")]
    pub has: Option<Spanned<String>>,
    /// It is JSON in which the value of `is` stands at this JSON pointer.
    #[schemars(with = "Option<String>")]
    pub at: Option<Spanned<String>>,
    /// The value: a text, a number, true or false.
    #[schemars(schema_with = "scalar")]
    pub is: Option<Spanned<toml::Value>>,
}

/// `[publish]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct PublishTable {
    /// The frame, with {message} or {message.json} in it.
    #[schemars(with = "String")]
    pub send: Spanned<String>,
}

/// `[receive]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct ReceiveTable {
    /// How several messages stand in one frame. Default "one": there is only one.
    pub split: Option<SplitWord>,
    /// With split = "array": the JSON pointer to the array. Default "": it is the frame.
    #[schemars(with = "Option<String>")]
    pub list: Option<Spanned<String>>,
    /// What every message begins with, before its JSON; what begins otherwise is none.
    pub prefix: Option<String>,
    /// What a part, behind its prefix, must be like to hold a message.
    pub when: Option<MatchTable>,
    /// JSON pointer to the message: the text of a string, or any other value as it stands. Left out: the part is the message.
    #[schemars(with = "Option<String>")]
    pub message: Option<Spanned<String>>,
}

/// `split`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum SplitWord {
    /// One message a frame.
    One,
    /// One a line.
    Lines,
    /// The elements of a JSON array.
    Array,
}

/// One of `[[heartbeat]]`: `on` and `answer`, or `every` and `send`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct HeartbeatTable {
    /// What the server's question is like.
    pub on: Option<MatchTable>,
    /// What is answered.
    pub answer: Option<String>,
    /// How often something is said without being asked.
    #[schemars(with = "Option<String>")]
    pub every: Option<Spanned<String>>,
    /// What is said then.
    #[schemars(with = "Option<String>")]
    pub send: Option<Spanned<String>>,
}

/// `[leave]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct LeaveTable {
    /// What is said.
    #[schemars(with = "String")]
    pub send: Spanned<String>,
}

fn scalar(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "number", "boolean"] })
}
