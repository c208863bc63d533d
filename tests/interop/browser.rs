//! The page of the demo in a real browser, told what to do by WebDriver.
//!
//! With `ZONDA_PICTURE=FILE` the picture of the page in the README is taken anew.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::demo::Demo;
use crate::namespace::{PATIENCE, ip, until};

/// Where the driver of the browser listens.
const DRIVER: u16 = 9515;

/// A browser without a window.
struct Browser {
    driver: Child,
    session: String,
    profile: PathBuf,
}

impl Browser {
    fn start() -> Self {
        let driver = Command::new("chromedriver")
            .arg(format!("--port={DRIVER}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let profile = env::temp_dir().join(format!("zonda-browser-{}", process::id()));
        let mut browser = Self {
            driver,
            session: String::new(),
            profile,
        };
        until("the driver listens", || {
            TcpStream::connect(("127.0.0.1", DRIVER)).is_ok()
        });
        let arguments = [
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            format!("--user-data-dir={}", browser.profile.display()),
        ];
        let arguments = arguments
            .map(|argument| format!("\"{argument}\""))
            .join(",");
        let answer = browser.ask(
            "/session",
            &format!(
                r#"{{"capabilities":{{"alwaysMatch":{{"goog:chromeOptions":{{"args":[{arguments}]}}}}}}}}"#
            ),
        );
        let id = answer.split("\"sessionId\":\"").nth(1).expect(&answer);
        browser.session = id.split('"').next().unwrap().to_owned();
        browser
    }

    /// Sends a command; the answer as it is.
    fn ask(&self, path: &str, body: &str) -> String {
        let mut stream = self.send("POST", path, body).unwrap();
        // It leaves the connection open: the answer ends where it says.
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        let (head, length) = loop {
            let mut some = [0; 4096];
            let read = stream.read(&mut some).unwrap();
            assert!(read > 0, "{path}: {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&some[..read]);
            let text = String::from_utf8_lossy(&answer);
            if let Some((head, _)) = text.split_once("\r\n\r\n") {
                let mut fields = head.lines().filter_map(|line| line.split_once(':'));
                let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
                let length: usize = length.expect(head).1.trim().parse().unwrap();
                break (head.to_owned(), length);
            }
        };
        let mut body = answer.split_off(head.len() + 4);
        let rest = (length - body.len()) as u64;
        let _: usize = stream.take(rest).read_to_end(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        assert!(head.contains(" 200 "), "{path}: {head}\n{body}");
        body
    }

    fn send(&self, method: &str, path: &str, body: &str) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", DRIVER))?;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        Ok(stream)
    }

    fn tell(&self, what: &str, body: &str) -> String {
        self.ask(&format!("/session/{}/{what}", self.session), body)
    }

    fn open(&self, url: &str) {
        let _: String = self.tell("url", &format!(r#"{{"url":"{url}"}}"#));
    }

    /// Runs a script without double quotes in the page; its value as text.
    fn run(&self, script: &str) -> String {
        let script = format!(r#"{{"script":"return String({script})","args":[]}}"#);
        let answer = self.tell("execute/sync", &script);
        let value = answer.split("\"value\":\"").nth(1).expect(&answer);
        value.rsplit_once('"').unwrap().0.to_owned()
    }

    /// Waits until a script says this.
    #[track_caller]
    fn until(&self, script: &str, is_so: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let said = self.run(script);
            if is_so(&said) {
                return;
            }
            assert!(Instant::now() < end, "waited in vain: {script}: {said}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The page as on a screen of this size, light or dark.
    fn look(&self, width: u32, height: u32, scheme: &str) {
        let size =
            format!(r#""width":{width},"height":{height},"deviceScaleFactor":1,"mobile":false"#);
        let features = format!(r#"{{"name":"prefers-color-scheme","value":"{scheme}"}}"#);
        for (command, parameters) in [
            ("Emulation.setDeviceMetricsOverride", size),
            (
                "Emulation.setEmulatedMedia",
                format!(r#""features":[{features}]"#),
            ),
        ] {
            let body = format!(r#"{{"cmd":"{command}","params":{{{parameters}}}}}"#);
            let _: String = self.tell("goog/cdp/execute", &body);
        }
    }

    /// Writes a picture of what is seen to a file.
    fn picture(&self, file: &str) {
        let body = r#"{"cmd":"Page.captureScreenshot","params":{}}"#;
        let answer = self.tell("goog/cdp/execute", body);
        let data = answer.split("\"data\":\"").nth(1).expect("a picture");
        let data = data.split('"').next().unwrap();
        let mut decoder = Command::new("base64")
            .arg("--decode")
            .stdin(Stdio::piped())
            .stdout(fs::File::create(file).unwrap())
            .spawn()
            .unwrap();
        let mut input = decoder.stdin.take().unwrap();
        input.write_all(data.as_bytes()).unwrap();
        drop(input);
        assert!(decoder.wait().unwrap().success());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser with the session, but not when it is killed itself.
        if let Ok(mut stream) = self.send("DELETE", &format!("/session/{}", self.session), "") {
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let _ = stream.read(&mut [0; 64]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

#[test]
fn page_of_the_demo_is_alive() {
    in_namespace!("chromium", "chromedriver");
    ip("link set lo up");
    let mut demo = Demo::start("--web 8080");
    let _: String = demo.wait_for("known as zonda.local");
    let browser = Browser::start();
    browser.look(1200, 1180, "light");
    browser.open("http://127.0.0.1:8080/");
    browser.until("document.getElementById('live').className", |kind| {
        kind == "on"
    });
    browser.until("document.getElementById('interfaces').innerText", |text| {
        text.contains("10.0.0.2/24") && text.contains("by DHCP")
    });

    // The plot moves, and what is fetched is on it.
    let plot = "document.getElementById('plot').toDataURL()";
    let before = browser.run(plot);
    browser.until(plot, |now| now != before);
    let fetch = "document.getElementById('load').click()";
    let _: String = browser.run(fetch);
    let button = "document.getElementById('load').textContent";
    browser.until(button, |text| text.starts_with("10 MB in"));
    browser.until("document.getElementById('out').textContent", |rate| {
        rate.contains("Mbit")
    });

    for (form, field, text, answer) in [
        ("ping", "target", "gateway.local", "%C2%B5s"),
        ("dns", "name", "gateway.local", "10.0.0.1"),
        ("ping", "target", "192.0.2.1", "192.0.2.1:%20"),
        ("dns", "name", "nobody.local", "nobody.local:%20"),
    ] {
        let waits = format!("document.querySelector('#{form} button').disabled");
        browser.until(&waits, |waits| waits == "false");
        let _: String = browser.run(&format!(
            "(document.querySelector('[name={field}]').value = '{text}', \
             document.querySelector('#{form} button').click())"
        ));
        let said = format!("encodeURI(document.querySelector('#{form} + pre').textContent)");
        browser.until(&said, |said| said.contains(answer));
    }

    if let Ok(file) = env::var("ZONDA_PICTURE") {
        for pause in [9, 4, 7, 2, 5, 11, 3, 6, 2, 1] {
            let _: String = browser.run(fetch);
            thread::sleep(Duration::from_secs(pause));
        }
        browser.picture(&file);
    }

    // On a phone nothing is beside the screen; in the dark it is dark.
    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = browser.run(ground);
    browser.look(390, 800, "dark");
    browser.until("document.documentElement.scrollWidth <= 390", |fits| {
        fits == "true"
    });
    assert_ne!(browser.run(ground), light);
    drop(browser);
    let _ = demo.stop();
}
