//! Authentication: from the token that a request presents to a user and the rooms that are open to them.
//!
//! Without `--auth-tokens` and `--auth-jwt-key` nothing is asked for. Tokens and keys appear in no log, answer or counter. A token counts
//! when a connection begins: one that expires later, or is taken out of the file, does not end the connections that it opened.
//!
//! | file | holds |
//! |---|---|
//! | `presented` | pure: the token in a request |
//! | `gate` | pure: everything that tokens are checked against, and the answer |
//! | `tokens` | pure: the file of `--auth-tokens` |
//! | `jwt` | pure: signed tokens and the key for them |
//! | `rooms` | pure: the rooms that a token opens |
//! | `digest` | pure: SHA-256, compared in constant time |
//! | `files` | reading the files |

mod digest;
mod files;
mod gate;
mod jwt;
mod presented;
mod rooms;
mod tokens;

pub use files::{AuthFileError, AuthFiles};
pub use gate::{Anonymous, AuthError, Gate, Grant};
pub use jwt::{Jwt, JwtError, JwtKeyError};
pub use presented::{Unpresentable, presented};
pub use rooms::Rooms;
pub use tokens::{TokenFileError, TokenProblem, Tokens};
