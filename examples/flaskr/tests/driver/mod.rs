//! Headless Chromium, driven with the WebDriver protocol. Tests of several packages use it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD as STANDARD, Engine};
use serde_json::{Value, json};

/// A program that ends with the test.
pub struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    /// Starts `command` and reads what it prints until `find` finds something in a line.
    pub fn start<T>(command: &mut Command, find: impl Fn(&str) -> Option<T>) -> (Program, T) {
        let started = command.stdout(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        let found = lines.map_while(Result::ok).find_map(|line| find(&line));
        let found = found.unwrap_or_else(|| panic!("{command:?} ended without saying where it is"));
        (Program(child), found)
    }

    pub fn driver() -> (Program, String) {
        let port = |line: &str| line.strip_prefix("ChromeDriver was started successfully on port ").map(str::to_owned);
        let (driver, port) = Program::start(Command::new("chromedriver").arg("--port=0"), port);
        (driver, format!("http://127.0.0.1:{}", port.trim_end_matches('.')))
    }
}

/// A browser, controlled with the WebDriver protocol.
pub struct Browser {
    session: String,
}

impl Browser {
    pub fn open(driver: &str) -> Browser {
        let arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=420,900"];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let opened = send(&format!("{driver}/session"), &capabilities).expect("the driver opens a browser");
        let id = opened["sessionId"].as_str().expect("a session has an id").to_owned();
        Browser { session: format!("{driver}/session/{id}") }
    }

    pub fn call(&self, command: &str, parameters: &Value) -> Result<Value, String> {
        send(&format!("{}/{command}", self.session), parameters)
    }

    pub fn goto(&self, url: &str) {
        self.call("url", &json!({"url": url})).expect("the page opens");
    }

    /// Waits for the element that the XPath expression finds.
    pub fn find(&self, path: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match self.call("element", &json!({"using": "xpath", "value": path})) {
                Ok(found) => {
                    let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
                    return id.expect("an element has an id").to_owned();
                }
                Err(error) => assert!(Instant::now() < deadline, "{path} is not on the page: {error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn fill(&self, fields: &[(&str, &str)], button: &str) {
        for (id, text) in fields {
            let field = self.find(&format!("//*[@id='{id}']"));
            self.call(&format!("element/{field}/value"), &json!({"text": text})).expect("the field takes it");
        }
        self.press(button);
    }

    pub fn press(&self, button: &str) {
        let button = self.find(&format!("//button[normalize-space()='{button}']"));
        self.call(&format!("element/{button}/click"), &json!({})).expect("the button can be pressed");
    }

    pub fn run(&self, script: &str) -> Value {
        self.call("execute/sync", &json!({"script": script, "args": []})).expect("the script runs")
    }

    /// Looks at the page as on a screen of this width.
    pub fn resize(&self, width: u32) {
        let screen = json!({"width": width, "height": 720, "deviceScaleFactor": 1, "mobile": width < 800});
        let resized =
            self.call("goog/cdp/execute", &json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": screen}));
        resized.expect("the browser has any size");
    }

    /// Fails if the page scrolls sideways on a phone or on a desk.
    pub fn fits(&self, what: &str) {
        for width in [320, 390, 1280] {
            self.resize(width);
            let page = self.run("const page = document.documentElement; return [page.scrollWidth, page.clientWidth]");
            assert!(page[0].as_u64() <= page[1].as_u64(), "{what} scrolls sideways at {width}: {page}");
        }
        self.resize(420);
    }

    pub fn shows(&self, text: &str) {
        self.find(&format!("//*[contains(text(), '{text}')]"));
    }

    /// Saves a screenshot of the page beside the other artefacts of the tests.
    pub fn picture(&self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../artefacts");
        std::fs::create_dir_all(&folder).expect("the folder for artefacts can be made");
        let capture = json!({"cmd": "Page.captureScreenshot", "params": {}});
        let drawn = self.call("goog/cdp/execute", &capture).expect("the browser draws");
        let png = STANDARD.decode(drawn["data"].as_str().expect("a picture is text")).expect("it is base64");
        std::fs::write(folder.join(name), png).expect("the picture can be kept");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = ureq::delete(&self.session).call();
    }
}

/// One command of the WebDriver protocol: its result, or the driver's error message.
fn send(url: &str, parameters: &Value) -> Result<Value, String> {
    let request = ureq::post(url).config().http_status_as_error(false).build();
    let mut response = request.send_json(parameters).map_err(|error| error.to_string())?;
    let answer: Value = response.body_mut().read_json().map_err(|error| error.to_string())?;
    if response.status().is_success() {
        Ok(answer["value"].clone())
    } else {
        Err(answer["value"]["message"].to_string())
    }
}
