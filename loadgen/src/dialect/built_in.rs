//! The dialects that have a name: files like any other, kept with the scenarios.

const FILES: [(&str, &str); 4] = [
    ("chat", include_str!("../../../scenarios/dialects/chat.toml")),
    ("gorilla", include_str!("../../../scenarios/dialects/gorilla.toml")),
    ("centrifugo", include_str!("../../../scenarios/dialects/centrifugo.toml")),
    ("socketio", include_str!("../../../scenarios/dialects/socketio.toml")),
];

/// Every name, the one that adds nothing first.
pub const NAMES: [&str; 5] = [super::PLAIN, "chat", "gorilla", "centrifugo", "socketio"];

/// The text of a dialect that has a name.
pub fn text_of(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
