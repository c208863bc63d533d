//! One user at the other end: reads lines, runs commands, writes what they say.

use embassy_futures::join::join;
use embassy_futures::select::{Either, Either3, select, select3};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embedded_io_async::{Error, ErrorKind, Read, Write};
use heapless::{Deque, String};

use super::command::{Commands, Words};
use super::commands;
use super::console::{Console, Written};
use super::editor::{CTRL_C, Editor, Pressed};
use super::history::History;
use super::telnet::{self, Telnet};
use super::{CommandError, Shell};
use crate::config;
use crate::stack::Stack;
use crate::time::Duration;

/// Bytes that are read and written at once.
const CHUNK: usize = 32;

/// For so long a command goes on when nobody is there to end it.
const LAST: Duration = Duration::from_secs(10);

/// A session.
pub(super) struct Session<'h, 's, 'a, 'c, C, R, W> {
    shell: &'h Shell<'s, 'a, 'c, C>,
    keys: Keys<R>,
    output: W,
    editor: Editor,
    history: History,
    written: Written,
}

/// What is typed.
struct Keys<R> {
    input: R,
    /// What came before it was asked for.
    ahead: Deque<u8, { 2 * CHUNK }>,
    telnet: Option<Telnet>,
    has_ended: bool,
}

impl<R: Read> Keys<R> {
    /// The next byte; `None` if no more are to come.
    async fn next(&mut self) -> Result<Option<u8>, ErrorKind> {
        while self.ahead.is_empty() && !self.has_ended {
            self.fill().await?;
        }
        Ok(self.ahead.pop_front())
    }

    /// Waits for more. To give up loses nothing.
    async fn fill(&mut self) -> Result<(), ErrorKind> {
        let mut chunk = [0; CHUNK];
        let length = self.input.read(&mut chunk).await;
        let length = length.map_err(|error| error.kind())?;
        self.has_ended = length == 0;
        for &byte in chunk.get(..length).unwrap_or_default() {
            let key = match &mut self.telnet {
                Some(telnet) => telnet.key(byte),
                None => Some(byte),
            };
            if key == Some(CTRL_C) {
                self.ahead.clear();
            }
            if let Some(key) = key {
                let _full: Result<(), u8> = self.ahead.push_back(key);
            }
        }
        Ok(())
    }

    /// Waits for Ctrl-C, while a command runs. What is typed beside it waits to be read, and what has
    /// no room here waits at the other end.
    async fn interrupted(&mut self, stack: Stack<'_>) -> Result<(), ErrorKind> {
        loop {
            if self.ahead.front() == Some(&CTRL_C) {
                let _: Option<u8> = self.ahead.pop_front();
                return Ok(());
            }
            if self.has_ended {
                stack.sleep(LAST).await;
                return Ok(());
            }
            if self.ahead.len() > CHUNK {
                core::future::pending::<()>().await;
            }
            self.fill().await?;
        }
    }
}

impl<'h, 's, 'a, 'c, C: Commands, R: Read, W: Write> Session<'h, 's, 'a, 'c, C, R, W> {
    pub(super) const fn new(shell: &'h Shell<'s, 'a, 'c, C>, input: R, output: W) -> Self {
        Self {
            shell,
            keys: Keys {
                input,
                ahead: Deque::new(),
                telnet: match shell.is_telnet {
                    true => Some(Telnet::new()),
                    false => None,
                },
                has_ended: false,
            },
            output,
            editor: Editor::new(),
            history: History::new(),
            written: Written::new(),
        }
    }

    pub(super) async fn run(&mut self) -> Result<(), ErrorKind> {
        if self.keys.telnet.is_some() {
            self.write(&telnet::GREETING).await?;
        }
        while let Some(line) = self.line().await? {
            let line = line.trim();
            if line == "exit" {
                break;
            }
            self.history.push(line.as_bytes());
            self.command(line).await?;
        }
        self.write(b"").await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), ErrorKind> {
        write(&mut self.output, bytes).await
    }

    /// Has a line entered; `None` if there are no more.
    async fn line(&mut self) -> Result<Option<String<{ config::SHELL_LINE }>>, ErrorKind> {
        self.editor.clear();
        self.draw().await?;
        while let Some(key) = self.keys.next().await? {
            if let Some(telnet) = &mut self.keys.telnet {
                let answers = telnet.take_answers();
                if !answers.is_empty() {
                    self.write(&answers).await?;
                }
            }
            match self.editor.press(key, &self.history) {
                Pressed::Nothing => {}
                // More keys are there already: the last one draws.
                Pressed::Changed if !self.keys.ahead.is_empty() => {}
                Pressed::Changed => self.draw().await?,
                Pressed::Refused => self.write(b"\x07").await?,
                Pressed::Entered => {
                    self.draw().await?;
                    self.write(b"\r\n").await?;
                    let line = self.editor.line().try_into();
                    return Ok(Some(line.unwrap_or_default()));
                }
                Pressed::Abandoned => {
                    self.write(b"^C\r\n").await?;
                    self.editor.clear();
                    self.draw().await?;
                }
                Pressed::Ended => {
                    self.write(b"\r\n").await?;
                    return Ok(None);
                }
                Pressed::Complete => self.complete().await?,
                Pressed::Clear => {
                    self.write(b"\x1b[H\x1b[2J").await?;
                    self.draw().await?;
                }
            }
        }
        Ok(None)
    }

    async fn draw(&mut self) -> Result<(), ErrorKind> {
        let drawn = self.editor.draw(self.shell.prompt);
        self.write(drawn.as_bytes()).await
    }

    async fn complete(&mut self) -> Result<(), ErrorKind> {
        let begun: String<{ config::SHELL_LINE }> =
            self.editor.before_cursor().try_into().unwrap_or_default();
        let completion = self.shell.complete(&begun);
        if completion.count == 0 {
            return self.write(b"\x07").await;
        }
        let _fits: bool = self.editor.insert(completion.rest.as_bytes());
        if completion.count == 1 {
            let _fits: bool = self.editor.insert(b" ");
        } else if completion.rest.is_empty() {
            self.write(b"\r\n").await?;
            let shell = self.shell;
            self.show(async |console| shell.list_candidates(&begun, console).await)
                .await?;
        }
        self.draw().await
    }

    async fn command(&mut self, line: &str) -> Result<(), ErrorKind> {
        let shell = self.shell;
        self.show(async |console| shell.execute(line, console).await)
            .await
    }

    /// Does `work` and passes on what it writes, until it ends or is interrupted.
    async fn show(&mut self, work: impl AsyncFnOnce(&Console<'_>)) -> Result<(), ErrorKind> {
        let Self {
            shell,
            keys,
            output,
            written,
            ..
        } = self;
        let done = Signal::<NoopRawMutex, ()>::new();
        let broken = Signal::<NoopRawMutex, ()>::new();
        let console = Console(written);
        let worker = async {
            let interrupted = keys.interrupted(shell.stack);
            let ended = select3(work(&console), interrupted, broken.wait()).await;
            if let Either3::Second(_) = ended {
                // In the middle of a line, maybe. Where there is no room it can be done without.
                let _ = written.try_write(b"^C\r\n");
            }
            done.signal(());
        };
        let writer = async {
            let result = pass_on(written, output, &done).await;
            broken.signal(());
            result
        };
        let ((), result) = join(worker, writer).await;
        // What nobody could take.
        written.clear();
        result
    }
}

/// Writes what is in `written` until all is `done`. It is not to be given up in the middle.
async fn pass_on(
    written: &Written,
    output: &mut impl Write,
    done: &Signal<NoopRawMutex, ()>,
) -> Result<(), ErrorKind> {
    let mut chunk = [0; CHUNK];
    let mut is_done = false;
    loop {
        let length = match written.try_read(&mut chunk) {
            Ok(length) => length,
            Err(_) => {
                output.flush().await.map_err(|error| error.kind())?;
                if is_done {
                    return Ok(());
                }
                match select(written.read(&mut chunk), done.wait()).await {
                    Either::First(length) => length,
                    Either::Second(()) => {
                        is_done = true;
                        continue;
                    }
                }
            }
        };
        let bytes = chunk.get(..length).unwrap_or_default();
        let sent = output.write_all(bytes).await;
        sent.map_err(|error| error.kind())?;
    }
}

async fn write(output: &mut impl Write, bytes: &[u8]) -> Result<(), ErrorKind> {
    let sent = output.write_all(bytes).await;
    sent.map_err(|error| error.kind())?;
    output.flush().await.map_err(|error| error.kind())
}

impl<C: Commands> Shell<'_, '_, '_, C> {
    async fn execute(&self, line: &str, console: &Console<'_>) {
        let mut words = Words::new(line);
        let Some(name) = words.optional() else {
            return;
        };
        let Some(info) = self.infos().find(|info| info.name == name) else {
            console
                .print(format_args!(
                    "there is no command `{name}`; help lists them\n"
                ))
                .await;
            return;
        };
        let result = match commands::BUILT_IN.contains(info) {
            true if name == "help" => self.help(words, console).await,
            true => commands::run(self.stack, &self.services, name, words, console).await,
            false => self.commands.run(name, words, console).await,
        };
        match result {
            Ok(()) => {}
            Err(why @ CommandError::Failed(_)) => {
                console.print(format_args!("{name}: {why}\n")).await;
            }
            Err(why) => {
                let arguments = info.arguments;
                console
                    .print(format_args!("{name}: {why}\nusage: {name} {arguments}\n"))
                    .await;
            }
        }
    }

    async fn help<'l>(
        &self,
        mut words: Words<'l>,
        console: &Console<'_>,
    ) -> Result<(), CommandError<'l>> {
        let wanted = words.optional();
        words.end()?;
        if let Some(word) = wanted {
            let info = self.infos().find(|info| info.name == word);
            let wanted = "a command";
            let info = info.ok_or(CommandError::Wrong { wanted, word })?;
            console
                .print(format_args!(
                    "{}: {}\nusage: {} {}\n",
                    info.name, info.about, info.name, info.arguments
                ))
                .await;
            return Ok(());
        }
        for info in self.infos() {
            console
                .print(format_args!("{:<10} {}\n", info.name, info.about))
                .await;
        }
        console
            .print(format_args!(
                "Tab completes a word, the arrows bring lines back, Ctrl-C ends a command.\n"
            ))
            .await;
        Ok(())
    }
}
