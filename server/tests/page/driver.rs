//! A browser to drive: headless Chromium through its WebDriver (W3C WebDriver, JSON over plain HTTP).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Nothing that a page is waited for takes so long, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// The program between us and the browsers.
pub struct Driver {
    child: Child,
    port: u16,
    /// Where it and the browsers leave their files; goes with it.
    _scratch: TempDir,
}

impl Driver {
    /// `Err` says what is missing.
    pub fn start() -> Result<Self, String> {
        let scratch = tempfile::tempdir().unwrap();
        let mut child = Command::new("chromedriver")
            .env("TMPDIR", scratch.path())
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("chromedriver: {error}"))?;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        match port {
            Some(port) => Ok(Self { child, port, _scratch: scratch }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err("chromedriver does not start".to_owned())
            }
        }
    }

    /// A browser of its own, with one page; `None` if there is no browser.
    pub fn open(&self) -> Option<Page<'_>> {
        let flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let session = match self.call("POST", "/session", &wanted) {
            Err(why) if why.contains("cannot find") => return None,
            session => session.unwrap(),
        };
        Some(Page { driver: self, session: format!("/session/{}", session["sessionId"].as_str().unwrap()) })
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).map_err(|error| error.to_string())?;
        let (status, body) = answer(BufReader::new(stream)).map_err(|error| format!("{method} {path}: {error}"))?;
        let value = serde_json::from_slice::<Value>(&body).unwrap()["value"].take();
        if status == 200 { Ok(value) } else { Err(value["message"].to_string()) }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Status and body. The connection stays open after it, whatever we ask for, so it is the length that tells the end.
fn answer(mut stream: BufReader<TcpStream>) -> io::Result<(u16, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    while stream.read_line(&mut head)? > 2 {
        let last = head.lines().next_back().unwrap_or_default().to_ascii_lowercase();
        if let Some(value) = last.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((head.split(' ').nth(1).unwrap().parse().unwrap(), body))
}

/// One page in one browser, which is closed with it.
pub struct Page<'a> {
    driver: &'a Driver,
    session: String,
}

impl Page<'_> {
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        self.driver.call(method, &format!("{}{path}", self.session), body).unwrap()
    }

    pub fn go(&self, url: &str) {
        self.call("POST", "/url", &json!({ "url": url }));
    }

    /// What a JavaScript expression gives.
    pub fn get(&self, expression: &str) -> Value {
        self.call("POST", "/execute/sync", &json!({ "script": format!("return {expression}"), "args": [] }))
    }

    /// Waits until an expression holds.
    pub fn until(&self, expression: &str) {
        let start = Instant::now();
        while self.get(expression) != true {
            let page = || self.get("document.body.innerText");
            assert!(start.elapsed() < PATIENCE, "never {expression} in:\n{}", page().as_str().unwrap());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn find(&self, selector: &str) -> String {
        let found = self.call("POST", "/element", &json!({ "using": "css selector", "value": selector }));
        let id = found.as_object().unwrap().values().next().unwrap().as_str().unwrap();
        format!("/element/{id}")
    }

    /// Types as a person does.
    pub fn type_into(&self, selector: &str, text: &str) {
        self.call("POST", &format!("{}/value", self.find(selector)), &json!({ "text": text }));
    }

    pub fn clear(&self, selector: &str) {
        self.call("POST", &format!("{}/clear", self.find(selector)), &json!({}));
    }

    pub fn click(&self, selector: &str) {
        self.call("POST", &format!("{}/click", self.find(selector)), &json!({}));
    }

    /// Shows the page as a phone of this size does.
    pub fn become_phone(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": size });
        self.call("POST", "/goog/cdp/execute", &command);
    }

    /// What the browser complained about.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.call("POST", "/se/log", &json!({ "type": "browser" }));
        log.as_array().unwrap().iter().map(|entry| entry["message"].to_string()).collect()
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        let _ = self.driver.call("DELETE", &self.session, &json!({}));
    }
}
