//! Pure: whether a request may come in by what it presents, and what it may do then.

use std::sync::Arc;

use super::jwt::{Jwt, JwtError};
use super::presented::Unpresentable;
use super::rooms::Rooms;
use super::tokens::Tokens;

/// What somebody may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// Who it is; `None` without a token.
    pub user: Option<Arc<str>>,
    /// Where.
    pub rooms: Rooms,
}

/// What becomes of requests without a token, where tokens are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Anonymous {
    /// They may go to every room, without a user's name.
    Allow,
    /// They are refused.
    #[default]
    Refuse,
}

/// Everything that tokens are checked against. With nothing in it, everybody may come in.
#[derive(Debug, Default)]
pub struct Gate {
    /// From `--auth-tokens`.
    pub tokens: Option<Tokens>,
    /// From `--auth-jwt-key`.
    pub jwt: Option<Jwt>,
    /// Those without a token.
    pub anonymous: Anonymous,
}

/// Why somebody may not come in. Never says what was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Nothing was presented.
    #[error("this server asks for a token: send Authorization: Bearer TOKEN, or from a browser ?token=TOKEN")]
    Missing,
    /// Something else than a token was.
    #[error("{0}")]
    Unpresentable(#[from] Unpresentable),
    /// A token that nobody knows.
    #[error("the token is not one that this server knows")]
    Unknown,
    /// A signed one that does not hold.
    #[error("{0}")]
    Jwt(#[from] JwtError),
    /// A good one, for other rooms.
    #[error("the token does not open this room")]
    Room,
}

impl AuthError {
    /// The HTTP status to answer with.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Room => 403,
            _ => 401,
        }
    }

    /// The challenge that goes with a 401 (RFC 6750 section 3).
    #[must_use]
    pub fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::Missing => Some("Bearer"),
            Self::Unpresentable(_) => Some("Bearer error=\"invalid_request\""),
            Self::Unknown | Self::Jwt(_) => Some("Bearer error=\"invalid_token\""),
            Self::Room => None,
        }
    }
}

impl Gate {
    /// Whether there are tokens at all.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.tokens.is_some() || self.jwt.is_some()
    }

    /// What the holder of `token`, if any, may do at `now`, in seconds since 1970; and that `room`, if any, is a part of it.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub fn admit(
        &self,
        token: Result<Option<&str>, Unpresentable>,
        room: Option<&str>,
        now: u64,
    ) -> Result<Grant, AuthError> {
        if self.tokens.is_none() && self.jwt.is_none() {
            return Ok(Grant::default());
        }
        let grant = match token? {
            Some(token) => self.holder(token, now)?,
            None if self.anonymous == Anonymous::Allow => Grant::default(),
            None => return Err(AuthError::Missing),
        };
        if room.is_none_or(|room| grant.rooms.contain(room)) { Ok(grant) } else { Err(AuthError::Room) }
    }

    fn holder(&self, token: &str, now: u64) -> Result<Grant, AuthError> {
        if let Some(grant) = self.tokens.as_ref().and_then(|tokens| tokens.find(token)) {
            return Ok(grant.clone());
        }
        match &self.jwt {
            Some(jwt) => Ok(jwt.verify(token, now)?),
            None => Err(AuthError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(anonymous: Anonymous) -> Gate {
        let tokens = Tokens::parse("[[token]]\ntoken = \"sesame\"\nuser = \"ali\"\nrooms = [\"cave\"]\n").unwrap();
        Gate { tokens: Some(tokens), jwt: None, anonymous }
    }

    #[test]
    fn without_authentication_everybody_may_go_everywhere() {
        let open = Gate::default();
        for token in [Ok(None), Ok(Some("whatever")), Err(Unpresentable::Header)] {
            assert_eq!(open.admit(token, Some("any"), 0), Ok(Grant::default()));
        }
    }

    #[test]
    fn a_token_opens_its_rooms() {
        let gate = gate(Anonymous::Refuse);
        assert_eq!(gate.admit(Ok(Some("sesame")), Some("cave"), 0).unwrap().user.as_deref(), Some("ali"));
        assert_eq!(gate.admit(Ok(Some("sesame")), None, 0).unwrap().user.as_deref(), Some("ali"));
        let other = gate.admit(Ok(Some("sesame")), Some("treasury"), 0).unwrap_err();
        assert_eq!((other, other.status(), other.challenge()), (AuthError::Room, 403, None));
    }

    #[test]
    fn no_token_and_a_bad_one_are_told_apart_and_both_refused() {
        for (token, error, challenge) in [
            (Ok(None), AuthError::Missing, "Bearer"),
            (Ok(Some("seasame")), AuthError::Unknown, "Bearer error=\"invalid_token\""),
            (
                Err(Unpresentable::Header),
                AuthError::Unpresentable(Unpresentable::Header),
                "Bearer error=\"invalid_request\"",
            ),
        ] {
            let refused = gate(Anonymous::Refuse).admit(token, Some("cave"), 0).unwrap_err();
            assert_eq!((refused, refused.status(), refused.challenge()), (error, 401, Some(challenge)));
        }
    }

    #[test]
    fn where_the_anonymous_are_allowed_a_bad_token_is_still_refused() {
        let gate = gate(Anonymous::Allow);
        assert_eq!(gate.admit(Ok(None), Some("anywhere"), 0), Ok(Grant::default()));
        assert_eq!(gate.admit(Ok(Some("wrong")), Some("cave"), 0), Err(AuthError::Unknown));
        assert_eq!(gate.admit(Ok(Some("sesame")), Some("anywhere"), 0), Err(AuthError::Room));
    }
}
