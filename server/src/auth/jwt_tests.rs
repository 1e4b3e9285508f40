use super::*;
use jsonwebtoken::{EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

const SECRET: &[u8] = b"a secret of more than thirty-two bytes";
const NOW: u64 = 1_800_000_000;
// Made for these tests, and used nowhere else.
const RSA: &[u8] = include_bytes!("testdata/rsa.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("testdata/rsa-public.pem");

fn claims() -> Value {
    json!({ "sub": "alice", "exp": NOW + 60 })
}

fn signed(claims: &Value) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

fn jwt() -> Jwt {
    Jwt::new(SECRET, None, None).unwrap()
}

fn verify(claims: &Value) -> Result<Grant, JwtError> {
    jwt().verify(&signed(claims), NOW)
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

#[test]
fn a_token_gives_its_user_and_rooms() {
    let grant = verify(&claims()).unwrap();
    assert_eq!((grant.user.as_deref(), grant.rooms), (Some("alice"), Rooms::All));
    let some = verify(&json!({ "sub": "bob", "exp": NOW + 60, "rooms": ["lobby", "team-*"], "other": 1 })).unwrap();
    assert!(some.rooms.contain("team-a") && !some.rooms.contain("cave"));
}

#[test]
fn every_algorithm_of_a_key_is_taken_and_no_other() {
    let (p256, p384, ed) = (
        rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap(),
        rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(),
        rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(),
    );
    let ec = |pair: &rcgen::KeyPair| EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
    let rsa = EncodingKey::from_rsa_pem(RSA).unwrap();
    let secret = EncodingKey::from_secret(SECRET);
    // ring reads Ed25519 keys without the public half only in this form.
    let ed_key = EncodingKey::from_ed_der(ed.serialized_der());
    use Algorithm::*;
    let keys: [(&str, Vec<u8>, EncodingKey, &[Algorithm]); 5] = [
        ("secret", SECRET.to_vec(), secret, &[HS256, HS384, HS512]),
        ("RSA", RSA_PUBLIC.to_vec(), rsa, &[RS256, RS384, RS512, PS256, PS384, PS512]),
        ("P-256", p256.public_key_pem().into_bytes(), ec(&p256), &[ES256]),
        ("P-384", p384.public_key_pem().into_bytes(), ec(&p384), &[ES384]),
        ("Ed25519", ed.public_key_pem().into_bytes(), ed_key, &[EdDSA]),
    ];
    for (verifier, public, _, _) in &keys {
        let jwt = Jwt::new(public, None, None).unwrap();
        for (signer, _, private, algorithms) in &keys {
            for algorithm in *algorithms {
                let token = encode(&Header::new(*algorithm), &claims(), private).unwrap();
                let verdict = jwt.verify(&token, NOW);
                assert_eq!(verdict.is_ok(), verifier == signer, "{verifier} checks {algorithm:?}: {verdict:?}");
            }
        }
    }
}

#[test]
fn a_token_without_a_signature_is_refused() {
    for algorithm in ["none", "None", "NONE", ""] {
        let unsigned = format!("{}.{}.", part(&json!({ "alg": algorithm, "typ": "JWT" })), part(&claims()));
        assert_eq!(jwt().verify(&unsigned, NOW), Err(JwtError::Malformed), "{algorithm}");
    }
    let (head, _) = signed(&claims()).rsplit_once('.').map(|(head, tail)| (head.to_owned(), tail.to_owned())).unwrap();
    assert_eq!(jwt().verify(&format!("{head}."), NOW), Err(JwtError::Signature));
}

#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    let confused = encode(&Header::default(), &claims(), &EncodingKey::from_secret(RSA_PUBLIC)).unwrap();
    let jwt = Jwt::new(RSA_PUBLIC, None, None).unwrap();
    assert_eq!(jwt.verify(&confused, NOW), Err(JwtError::Algorithm));
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let header =
        Header { jku: Some("http://127.0.0.1/keys".to_owned()), kid: Some("other".to_owned()), ..Header::default() };
    let token = encode(&header, &claims(), &EncodingKey::from_secret(b"another secret of thirty-two bytes")).unwrap();
    assert_eq!(jwt().verify(&token, NOW), Err(JwtError::Signature));
}

#[test]
fn a_token_with_critical_extensions_is_refused() {
    let head = part(&json!({ "alg": "HS256", "crit": ["b64"], "b64": false }));
    let message = format!("{head}.{}", part(&claims()));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(SECRET), Algorithm::HS256).unwrap();
    assert_eq!(jwt().verify(&format!("{message}.{signature}"), NOW), Err(JwtError::Malformed));
}

#[test]
fn a_token_is_good_from_nbf_to_exp_give_or_take_half_a_minute() {
    let at = |exp: i64, nbf: i64| {
        let now = NOW as i64;
        verify(&json!({ "sub": "a", "exp": now + exp, "nbf": now + nbf })).map(drop)
    };
    assert_eq!(at(1, 0), Ok(()));
    assert_eq!(at(-29, 0), Ok(()));
    assert_eq!(at(-30, 0), Err(JwtError::Expired));
    assert_eq!(at(60, 30), Ok(()));
    assert_eq!(at(60, 31), Err(JwtError::NotYet));
}

#[test]
fn claims_that_are_missing_or_of_another_type_are_not_overlooked() {
    for wrong in [
        json!({ "sub": "a" }),
        json!({ "exp": NOW + 60 }),
        json!({ "sub": "a", "exp": "never" }),
        json!({ "sub": "a", "exp": null }),
        json!({ "sub": "", "exp": NOW + 60 }),
        json!({ "sub": 5, "exp": NOW + 60 }),
        json!({ "sub": "a", "exp": NOW + 60, "nbf": "later" }),
        json!({ "sub": "a", "exp": NOW + 60, "rooms": "lobby" }),
        json!({ "sub": "a", "exp": NOW + 60, "rooms": [1] }),
        json!(["sub", "exp"]),
    ] {
        assert_eq!(verify(&wrong), Err(JwtError::Claims), "{wrong}");
    }
}

#[test]
fn audience_and_issuer_must_be_there_and_right_where_they_are_asked_for() {
    let jwt = Jwt::new(SECRET, Some("fanout"), Some("me")).unwrap();
    let says = |aud: Value, iss: Value| {
        jwt.verify(&signed(&json!({ "sub": "a", "exp": NOW + 60, "aud": aud, "iss": iss })), NOW).map(drop)
    };
    assert_eq!(says(json!("fanout"), json!("me")), Ok(()));
    assert_eq!(says(json!(["other", "fanout"]), json!("me")), Ok(()));
    assert_eq!(says(json!("other"), json!("me")), Err(JwtError::Audience));
    assert_eq!(says(json!(null), json!("me")), Err(JwtError::Audience));
    assert_eq!(says(json!(5), json!("me")), Err(JwtError::Audience));
    assert_eq!(says(json!("fanout"), json!("you")), Err(JwtError::Issuer));
    assert_eq!(says(json!("fanout"), json!(null)), Err(JwtError::Issuer));
    // Where they are not asked for, they may say anything.
    verify(&json!({ "sub": "a", "exp": NOW + 60, "aud": "x", "iss": 5 })).unwrap();
}

#[test]
fn a_key_that_cannot_be_used_says_what_to_do() {
    let error = |file: &[u8]| Jwt::new(file, None, None).unwrap_err();
    assert_eq!(error(b"short\n"), JwtKeyError::TooShort(5));
    assert_eq!(error(RSA), JwtKeyError::Private);
    assert_eq!(error(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), JwtKeyError::NotPublic);
    assert_eq!(error(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), JwtKeyError::NotPublic);
}

#[test]
fn the_secrets_line_end_is_not_a_part_of_it() {
    for end in [&b"\n"[..], b"\r\n"] {
        Jwt::new(&[SECRET, end].concat(), None, None).unwrap().verify(&signed(&claims()), NOW).unwrap();
    }
}

#[test]
fn debug_output_does_not_show_the_key() {
    assert!(!format!("{:?}", jwt()).contains("97, 32"));
    assert_eq!(format!("{:?}", jwt()), "Jwt { algorithms: [HS256, HS384, HS512], .. }");
}

proptest! {
    /// Nothing but what was signed is let in, and nothing panics.
    #[test]
    fn a_changed_token_is_refused(at in any::<prop::sample::Index>(), byte in 0x21_u8..0x7f) {
        let token = signed(&claims());
        let mut changed = token.clone().into_bytes();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        prop_assert!(jwt().verify(&String::from_utf8(changed).unwrap(), NOW).is_err());
    }

    #[test]
    fn nonsense_is_refused(token in "\\PC{0,80}") {
        prop_assert!(jwt().verify(&token, NOW).is_err());
    }
}
