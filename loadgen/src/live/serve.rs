//! `--serve`: the live page, its figures and Prometheus metrics over HTTP, by a thread of its own that lets all others go first.
//!
//! | path | is |
//! |---|---|
//! | `/` | the page |
//! | `/live.json?from=N` | where the run is, and its seconds from number N on |
//! | `/metrics` | the same for Prometheus |

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use super::scene::{Scene, Update};
use super::{exposition, json, metrics};

/// The page; it loads nothing.
const PAGE: &str = include_str!("page.html");
/// What the page may do: nothing but ask us for figures.
const POLICY: &str =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:";
/// Connections at once.
const AT_ONCE: usize = 32;
/// How long somebody may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);
/// After a failure to accept.
const BACKOFF: Duration = Duration::from_millis(100);

/// Where live figures are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At(pub SocketAddr);

impl FromStr for At {
    type Err = String;

    /// `9100`, `:9100` (both on loopback) or `ADDRESS:9100`.
    fn from_str(text: &str) -> Result<Self, String> {
        let port = text.strip_prefix(':').unwrap_or(text).parse::<u16>();
        let address = match port {
            Ok(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            Err(_) => text
                .parse()
                .map_err(|_| "write a port such as 9100, or an address such as 127.0.0.1:9100".to_owned())?,
        };
        Ok(At(address))
    }
}

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another program listens there.
    #[error(
        "cannot serve live figures at {0}: another program listens there; give --serve another port, or 0 for any that is free"
    )]
    Taken(SocketAddr),
    /// Any other reason.
    #[error("cannot serve live figures at {0}: {1}")]
    Listen(SocketAddr, io::Error),
}

/// Serves what it is told, run after run.
#[derive(Debug)]
pub struct Page {
    address: SocketAddr,
    door: Door,
}

#[derive(Debug)]
enum Door {
    /// Listens; who connects waits until the first run begins.
    Closed(TcpListener),
    /// The thread answers.
    Open(UnboundedSender<Update>),
    /// There is no thread.
    Broken,
}

impl Page {
    /// Listens.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn listen(at: At) -> Result<Self, ServeError> {
        let error = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => ServeError::Taken(at.0),
            _ => ServeError::Listen(at.0, error),
        };
        let listener = TcpListener::bind(at.0).map_err(error)?;
        listener.set_nonblocking(true).map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        Ok(Page { address, door: Door::Closed(listener) })
    }

    /// Where it listens, as a URL that opens on this machine.
    #[must_use]
    pub fn url(&self) -> String {
        let ip = match self.address.ip() {
            ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            ip => ip,
        };
        format!("http://{}/", SocketAddr::new(ip, self.address.port()))
    }

    /// Tells what happens. The thread starts with the first run, on the CPUs that are the load generator's by then.
    pub fn tell(&mut self, update: Update) {
        if let Door::Closed(_) = self.door
            && let Door::Closed(listener) = std::mem::replace(&mut self.door, Door::Broken)
        {
            let (send, receive) = unbounded_channel();
            let thread = std::thread::Builder::new().name("live".to_owned()).spawn(move || {
                let _ = net::step_back();
                serve(listener, receive);
            });
            if thread.is_ok() {
                self.door = Door::Open(send);
            }
        }
        if let Door::Open(updates) = &self.door {
            // A thread that has ended has said why.
            let _ = updates.send(update);
        }
    }
}

/// Answers until nobody tells anything any more.
fn serve(listener: TcpListener, mut updates: UnboundedReceiver<Update>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot serve live figures: {error}");
            return;
        }
    };
    let scene = Rc::new(RefCell::new(Scene::default()));
    LocalSet::new().block_on(&runtime, async {
        let guests = tokio::task::spawn_local(welcome(listener, Rc::clone(&scene)));
        while let Some(update) = updates.recv().await {
            scene.borrow_mut().take(update);
        }
        guests.abort();
    });
}

async fn welcome(listener: TcpListener, scene: Rc<RefCell<Scene>>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("cannot serve live figures: {error}");
            return;
        }
    };
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BACKOFF).await;
            continue;
        };
        let scene = Rc::clone(&scene);
        tokio::task::spawn_local(async move {
            let answer = service_fn(|request| {
                let response = answer(&request, &scene.borrow());
                std::future::ready(Ok::<_, Infallible>(response))
            });
            // Somebody who hangs up is no error of the run's.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .max_buf_size(16 << 10)
                .serve_connection(TokioIo::new(stream), answer)
                .await;
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, scene: &Scene) -> Response<Full<Bytes>> {
    let (status, kind, body) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/") => (StatusCode::OK, "text/html; charset=utf-8", PAGE.to_owned()),
        (&Method::GET | &Method::HEAD, "/live.json") => {
            (StatusCode::OK, "application/json", json::document(scene, from(request.uri().query())))
        }
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, exposition::CONTENT_TYPE, metrics::text(scene)),
        (&Method::GET | &Method::HEAD, _) => {
            (StatusCode::NOT_FOUND, "text/plain", "there is /, /live.json and /metrics\n".to_owned())
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

/// The number in `from=N`; 0 without one.
fn from(query: Option<&str>) -> usize {
    let pairs = query.unwrap_or_default().split('&');
    pairs.filter_map(|pair| pair.strip_prefix("from=")?.parse().ok()).next().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_means_loopback() {
        let local = |port| Ok(At(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
        assert_eq!("9100".parse(), local(9100));
        assert_eq!(":9100".parse(), local(9100));
        assert_eq!("0.0.0.0:9100".parse(), Ok(At(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9100)))));
        assert!("localhost:9100".parse::<At>().is_err_and(|error| error.contains("127.0.0.1:9100")));
        assert!("99999".parse::<At>().is_err());
    }

    #[test]
    fn a_port_that_is_taken_is_said_before_the_run() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = Page::listen(At(other.local_addr().unwrap())).unwrap_err().to_string();
        assert!(error.contains("another program listens there") && error.contains("--serve"), "{error}");
    }

    #[test]
    fn who_asks_for_what_is_new_names_the_second() {
        assert_eq!([None, Some("from=17"), Some("x=1&from=3"), Some("from=x")].map(from), [0, 17, 3, 0]);
    }

    #[test]
    fn the_page_loads_nothing_from_anywhere() {
        for outside in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!PAGE.contains(outside), "{outside}");
        }
    }
}
