//! The terminal: taken, drawn on, and given back as it was.
//!
//! Input: frames. Output: what differs from the frame before, on standard error or, where that is no terminal, standard output.
//! Must not: leave the terminal in another state than it was found in, however the program ends.

use std::io::{self, IsTerminal as _, Stderr, Stdout, Write, stderr, stdout};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Once};
use std::thread;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// Whether there is a terminal that a screen can be drawn on.
pub(in crate::cli) fn is_there() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    (stderr().is_terminal() || stdout().is_terminal()) && (cfg!(windows) || !is_dumb)
}

/// Gives the terminal back, where it is taken. May be called from anywhere, more than once.
pub(in crate::cli) fn restore() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        // Nothing can be done where the terminal is gone.
        drop(disable_raw_mode());
        drop(execute!(Out::new(), LeaveAlternateScreen, Show));
    }
}

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The stream that leads to the terminal.
enum Out {
    Error(Stderr),
    Output(Stdout),
}

impl Out {
    fn new() -> Self {
        if stderr().is_terminal() { Self::Error(stderr()) } else { Self::Output(stdout()) }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Error(out) => out.write(bytes),
            Self::Output(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Error(out) => out.flush(),
            Self::Output(out) => out.flush(),
        }
    }
}

/// What is typed, and changes of the size. They are read by a thread of their own, which nobody waits for: of a terminal that went
/// away, reading never comes back.
pub(super) struct Keys {
    events: Receiver<Event>,
    is_open: Arc<AtomicBool>,
}

impl Keys {
    pub(super) fn open() -> io::Result<Self> {
        let (sender, events) = sync_channel(64);
        let is_open = Arc::new(AtomicBool::new(true));
        let wanted = Arc::clone(&is_open);
        thread::Builder::new().name("keys".to_owned()).spawn(move || {
            while wanted.load(Ordering::Relaxed) {
                match event::poll(TURN) {
                    Ok(false) => {}
                    Ok(true) if event::read().is_ok_and(|event| sender.send(event).is_ok()) => {}
                    Ok(true) | Err(_) => break,
                }
            }
        })?;
        Ok(Self { events, is_open })
    }

    /// The next one, where it comes within a moment. Where none comes any more, the screen goes on without keys.
    pub(super) fn next(&self, within: Duration) -> Option<Event> {
        match self.events.recv_timeout(within) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                thread::sleep(within);
                None
            }
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.is_open.store(false, Ordering::Relaxed);
    }
}

/// Between two looks at whether keys are still wanted.
const TURN: Duration = Duration::from_millis(50);

/// A terminal that is taken. It is given back where this goes away.
///
/// What is inside never goes away by itself: it would write to the terminal once more, and panic where that is gone.
pub(super) struct Screen(ManuallyDrop<Terminal<CrosstermBackend<io::BufWriter<Out>>>>);

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        restore_where_it_panics();
        IS_TAKEN.store(true, Ordering::SeqCst);
        let opened = enable_raw_mode()
            .and_then(|()| execute!(Out::new(), EnterAlternateScreen, Hide))
            // A frame is written in one go.
            .and_then(|()| {
                Terminal::new(CrosstermBackend::new(io::BufWriter::with_capacity(1 << 16, Out::new())))
            });
        if opened.is_err() {
            restore();
        }
        opened.map(|terminal| Self(ManuallyDrop::new(terminal)))
    }

    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        self.0.draw(|frame| draw(frame.buffer_mut())).map(|_| ())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// What a panic says is to be read on the terminal as it was.
fn restore_where_it_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            restore();
            before(info);
        }));
    });
}
