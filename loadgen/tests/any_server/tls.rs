//! TLS against the bundled server and against one that asks for certificates.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::command::server::{Server, free_address};
use super::command::{Stage, adds_up, counts, undisturbed};

/// An authority of one's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key, as PEM.
    fn certifies(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

fn scenario(target: &str) -> String {
    format!(
        r#"
name = "tls"
settle = "100ms"
drain = "2s"
max_schedule_lag = "1s"
[target]
{target}
[[connections]]
name = "subscribers"
count = 40
rooms = 2
[[publishers]]
name = "speakers"
count = 2
rate = 100
payload = {{ size = "20-40000" }}
[[phases]]
name = "steady"
for = "500ms"
"#
    )
}

const ENCRYPTED: &str = "server = { tls_cert = \"cert.pem\", tls_key = \"key.pem\" }";

/// A scenario with certificates beside it: the authority's, and one of its for this name.
fn with_certificates(text: &str, authority: &Authority, name: &str) -> Stage {
    let (cert, key) = authority.certifies(name);
    Stage::new(text).with("ca.pem", authority.pem()).with("cert.pem", cert).with("key.pem", key)
}

/// The bundled server with a certificate for this name.
fn stage(target: &str, authority: &Authority, name: &str) -> Stage {
    with_certificates(&scenario(target), authority, name)
}

#[test]
fn both_clients_count_the_same_under_tls_and_measure_its_handshake_apart() {
    let stage = stage(&format!("{ENCRYPTED}\ntls = {{ ca = \"ca.pem\" }}"), &Authority::new(), "127.0.0.1");
    let [native, tungstenite] = ["native", "tungstenite"].map(|client| {
        let (done, ()) = undisturbed(|| (stage.run_json(&["--client", client]), ()));
        done.exits(0);
        let run = done.run().clone();
        adds_up(&run);
        let d = &run.deliveries;
        assert_eq!(d.expected, run.publishes.sent * 20);
        assert_eq!((d.delivered, d.lost, d.corrupted, d.foreign), (d.expected, 0, 0, 0));
        assert_eq!((run.connect_tls.count, run.connect.count), (42, 42), "subscribers and speakers");
        let (tls, all) = (run.connect_tls.max.unwrap(), run.connect.max.unwrap());
        assert!(tls > 0.0 && tls < all, "{tls} of {all}");
        let own = run.server.as_ref().and_then(|server| server.stats.as_ref()).unwrap();
        assert_eq!(own["connections"], 42, "the server's own counters, asked through TLS");
        counts(&run)
    });
    assert_eq!(native, tungstenite);
}

#[test]
fn a_certificate_of_an_unknown_authority_is_not_trusted_and_the_message_says_what_to_give() {
    let done = stage(ENCRYPTED, &Authority::new(), "127.0.0.1").run(&[]);
    done.exits(1);
    done.says("the server's certificate is not trusted: give target.tls.ca the certificate of its authority");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let done =
        stage(&format!("{ENCRYPTED}\ntls = {{ ca = \"ca.pem\" }}"), &Authority::new(), "elsewhere.test").run(&[]);
    done.exits(1);
    done.says("the server's certificate is for another host name than the url's");
}

#[test]
fn anybody_is_trusted_where_the_scenario_says_so_and_the_report_says_it_too() {
    let stage = stage(&format!("{ENCRYPTED}\ntls = {{ insecure = true }}"), &Authority::new(), "elsewhere.test");
    let (done, ()) = undisturbed(|| (stage.run_json(&[]), ()));
    done.exits(0);
    let run = done.run();
    assert_eq!((run.deliveries.delivered, run.deliveries.lost), (run.deliveries.expected, 0));
    assert!(run.notes.iter().any(|note| note.contains("certificate was not checked")), "{:?}", run.notes);
}

#[test]
fn a_server_without_tls_is_told_apart_from_a_broken_one() {
    let spawn = format!("spawn = [\"{}\", \"serve\", \"--listen\", \"127.0.0.1:{{port}}\"]", super::command::FANOUT);
    let done = Stage::new(&scenario(&format!("{spawn}\ntls = {{ insecure = true }}"))).run(&[]);
    done.exits(1);
    done.says("the server does not speak it on this port: is its url ws:// instead of wss://?");
}

/// Serves whoever comes through TLS to 127.0.0.1 with a certificate of this authority. Ends with the runtime.
async fn strict<F>(
    authority: &Authority,
    serve: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let (cert, key) = authority.certifies("127.0.0.1");
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let provider = Arc::new(default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            loadgen::tls::certificates(cert.as_bytes()).unwrap(),
            loadgen::tls::key(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, serve) = (acceptor.clone(), serve.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream).await;
                }
            });
        }
    });
    address
}

async fn echo(stream: TlsStream<TcpStream>) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_ours_or_the_message_says_that_it_wants_one() {
    let authority = Authority::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let address = runtime.block_on(strict(&authority, echo));
    let run = |tls: &str| {
        let text = format!(
            "name = \"strict\"\nmode = \"echo\"\nmax_schedule_lag = \"1s\"\n[target]\nurl = \"wss://{address}/\"\ntls = {{ ca = \"ca.pem\"{tls} }}\n\
             [[connections]]\nname = \"callers\"\ncount = 5\n[[publishers]]\nname = \"callers\"\nrate = 50\n\
             [[phases]]\nname = \"steady\"\nfor = \"500ms\"\n"
        );
        let stage = with_certificates(&text, &authority, "client.test");
        undisturbed(|| (stage.run_json(&[]), ())).0
    };
    let done = run(", cert = \"cert.pem\", key = \"key.pem\"");
    done.exits(0);
    assert_eq!((done.run().deliveries.delivered, done.run().deliveries.lost), (done.run().deliveries.expected, 0));
    let refused = run("");
    refused.exits(1);
    refused.says("the server wants a certificate of ours: give target.tls.cert and target.tls.key");
}

#[test]
fn a_server_that_is_started_is_asked_through_tls_whether_it_is_ready() {
    let spawn = format!(
        "spawn = [\"{}\", \"serve\", \"--listen\", \"127.0.0.1:{{port}}\", \"--tls-cert\", \"cert.pem\", \"--tls-key\", \"key.pem\"]\n\
         cwd = \".\"\nready = \"/healthz\"\nready_timeout = \"2s\"",
        super::command::FANOUT
    );
    let authority = Authority::new();
    let ready = stage(&format!("{spawn}\ntls = {{ ca = \"ca.pem\" }}"), &authority, "127.0.0.1");
    let (done, ()) = undisturbed(|| (ready.run_json(&[]), ()));
    done.exits(0);
    assert_eq!(done.run().server.as_ref().unwrap().stats.as_ref().unwrap()["draining"], false);
    let done = stage(&format!("{spawn}\ntls = {{}}"), &authority, "127.0.0.1").run(&[]);
    done.exits(1);
    done.says("waited for /healthz to answer 2xx; the last time: TLS: the server's certificate is not trusted: give target.tls.ca");
}

/// Passes everything on to `to`; hangs up after so many bytes have come.
async fn pass_on(stream: TlsStream<TcpStream>, to: SocketAddr, most: u64) {
    let Ok(server) = TcpStream::connect(to).await else { return };
    let (from_client, mut to_client) = tokio::io::split(stream);
    let (mut from_server, mut to_server) = server.into_split();
    let mut from_client = from_client.take(most);
    tokio::select! {
        _ = copy(&mut from_client, &mut to_server) => {}
        _ = copy(&mut from_server, &mut to_client) => {}
    }
}

#[test]
fn publishers_post_through_tls_with_the_same_settings() {
    let authority = Authority::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // Where whoever may publish asks for it.
    let operators = free_address();
    let server = Server::start(&["--admin", &operators.to_string()]);
    let gate = |most| runtime.block_on(strict(&authority, move |stream| pass_on(stream, operators, most)));
    let (open, moody) = (gate(u64::MAX), gate(300_000));
    let stage = |gate: SocketAddr, tls: &str| {
        let text = scenario(&format!("url = \"{}\"\n{tls}", server.url("/broadcast/{room}")));
        let api = format!("name = \"speakers\"\nvia = \"http\"\nurl = \"https://{gate}/publish/{{room}}\"");
        let text = text.replace("name = \"speakers\"", &api);
        with_certificates(&text, &authority, "client.test")
    };
    let shown = "tls = { ca = \"ca.pem\", cert = \"cert.pem\", key = \"key.pem\" }";
    let (done, ()) = undisturbed(|| (stage(open, shown).run_json(&[]), ()));
    done.exits(0);
    let run = done.run();
    adds_up(run);
    assert_eq!((run.publishes.due, run.publishes.sent, run.deliveries.lost), (50, 50, 0));
    assert_eq!(run.deliveries.delivered, 50 * 20);
    let http = run.http.as_ref().unwrap();
    assert_eq!((http.answers.get("200"), http.failed.len()), (Some(&50), 0));
    assert!(run.scenario["target"]["tls"]["certificate"] == true, "{}", run.scenario["target"]);

    // Connections that end in the middle of a message are made again; what was under way is not sent.
    let (done, ()) = undisturbed(|| (stage(moody, shown).run_json(&[]), ()));
    let run = done.run();
    adds_up(run);
    let http = run.http.as_ref().unwrap();
    let failed: u64 = http.failed.values().sum();
    assert!(failed > 0 && run.publishes.sent >= 25, "{http:?}");
    assert_eq!(http.answers["200"] + failed, 50, "{http:?}");

    let unproved = stage(open, "tls = { ca = \"ca.pem\" }").run(&[]);
    unproved.exits(1).says(&format!("cannot publish to https://{open}: TLS: the server wants a certificate of ours"));
    let untrusted = stage(open, "").run(&[]);
    untrusted.exits(1).says("TLS: the server's certificate is not trusted: give target.tls.ca");
}

/// Echoes to the first 8 who come; then it says nothing to one and hangs up on the next, before TLS has begun. Ends with the runtime.
async fn weary(authority: &Authority) -> SocketAddr {
    let inner = strict(authority, echo).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for nth in 0.. {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            tokio::spawn(async move {
                match nth {
                    0..8 => {
                        let Ok(mut server) = TcpStream::connect(inner).await else { return };
                        let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
                    }
                    _ if nth % 2 == 0 => std::future::pending().await,
                    // What has come is read, or the end would be a reset.
                    _ => drop(stream.read(&mut [0; 16_384]).await),
                }
            });
        }
    });
    address
}

#[test]
fn both_clients_name_a_handshake_of_tls_that_ends_too_soon_or_never_alike() {
    let authority = Authority::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let measured = |client: &str| {
        let address = runtime.block_on(weary(&authority));
        let text = format!(
            "name = \"weary\"\nmode = \"echo\"\nmax_schedule_lag = \"1s\"\n[target]\nurl = \"wss://{address}/\"\n\
             tls = {{ ca = \"ca.pem\", cert = \"cert.pem\", key = \"key.pem\" }}\n\
             [[connections]]\nname = \"callers\"\ncount = 14\nramp = 100\n[[publishers]]\nname = \"callers\"\nrate = 50\n\
             [[phases]]\nname = \"steady\"\nfor = \"500ms\"\n"
        );
        with_certificates(&text, &authority, "client.test").run_json(&["--client", client]).run().connections.clone()
    };
    let measured = &measured;
    // A handshake has ten seconds, so both wait for theirs at the same time.
    let [native, tungstenite] = std::thread::scope(|scope| {
        ["native", "tungstenite"].map(|client| scope.spawn(move || measured(client))).map(|run| run.join().unwrap())
    });
    for connections in [&native, &tungstenite] {
        let causes: Vec<&str> = connections.failed_by_cause.keys().map(String::as_str).collect();
        assert_eq!(
            causes,
            ["TLS: closed by the server during the handshake", "TLS: no end of the handshake within 10 s"]
        );
        assert!(connections.opened >= 4 && connections.opened + connections.failed == 14, "{connections:?}");
    }
    assert_eq!(native.failed_by_cause, tungstenite.failed_by_cause);
}
