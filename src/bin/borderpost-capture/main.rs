//! The capture program, the only one that ever has rights: opens devices, gives up what rights it has, and writes what it reads to
//! standard output as pcapng. `borderpost capture` starts it.
//!
//! Input: its arguments; frames. Output: blocks on standard output, notices of one line each on standard error. It ends with a signal, or
//! where its standard input or output is closed. Must not: open a path that an argument names, read a frame with a right left that it
//! does not need, or look into a frame.

mod arguments;
#[cfg(target_os = "linux")]
mod attempt;
mod confine;
mod device;
mod filter;
mod interface;
mod shared;

use std::io::{Read as _, Write as _, stdin, stdout};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use borderpost::capture::{Notice, Queue, Refusal, Rights};
use borderpost::source::write::{WriteSection, Writer};
use pcap::BreakLoop;

use crate::arguments::{Arguments, Job};
use crate::device::{Device, Reader};
use crate::shared::{Shared, say};

fn main() -> ExitCode {
    let ended = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Job::Capture(arguments)) => capture(&arguments),
        Ok(Job::List) => list(),
        Ok(Job::Try) => attempt(),
        Err(what) => Err(Refusal::Arguments { what }),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(refusal) => {
            say(&Notice::Refused(refusal));
            ExitCode::from(2)
        }
    }
}

fn list() -> Result<bool, Refusal> {
    for device in interface::list()? {
        drop(writeln!(stdout(), "{}", device.to_line()));
    }
    Ok(true)
}

/// Gives up rights as a capture does, and tries what must be refused then; false where an act was not.
#[cfg(target_os = "linux")]
fn attempt() -> Result<bool, Refusal> {
    let mut rights = confine::give_up_rights()?;
    confine::enter_cage(&mut rights)?;
    confine::read_back(&rights)?;
    Ok(attempt::all())
}

/// Elsewhere there is no cage.
#[cfg(not(target_os = "linux"))]
fn attempt() -> Result<bool, Refusal> {
    Err(Refusal::Arguments { what: "--try: this system has no cage".to_owned() })
}

/// Captures until told to end; false where every interface ended by itself.
fn capture(arguments: &Arguments) -> Result<bool, Refusal> {
    let mut devices = Vec::new();
    for interface in &arguments.interfaces {
        devices.push(Device::open(interface, arguments)?);
    }
    confine::set_pipe_size();
    let mut rights = confine::give_up_rights()?;
    // Threads inherit what is given up above; what follows is given up for all of them at once, after the last was started.
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_signals(&stop)?;
    stop_on_closed_input(&stop);
    let queue = Queue::new(QUEUE);
    let pipe = write_to_output(&queue, &stop);
    let readers: Vec<_> = devices.iter().map(|_| start_reader()).collect();
    confine::enter_cage(&mut rights)?;
    confine::read_back(&rights)?;
    // A filter is text of the user's: it is read by a large library, and so without rights.
    for device in &mut devices {
        device.filter(arguments.filter.as_deref())?;
    }
    let section = section(&rights, arguments);
    let described: Vec<_> = devices.iter().map(|device| device.described(arguments)).collect();
    let writer = Writer::with_section(queue.clone(), &section, &described);
    let writer = writer.map_err(|error| Refusal::Arguments { what: error.to_string() })?;
    let shared = Shared { stop, writer: Arc::new(Mutex::new(writer)) };
    say(&Notice::Began(rights));
    let breaks: Vec<BreakLoop> = devices.iter_mut().map(Device::break_loop).collect();
    let handles = (0..).zip(devices).zip(readers).map(|((number, device), (give, handle))| {
        // The thread waits for it.
        drop(give.send((Reader::new(number, device), shared.clone())));
        handle
    });
    let all_ended = wait(handles.collect(), &breaks);
    let was_told = shared.stop.load(Ordering::Relaxed);
    queue.close();
    drop(pipe.join());
    Ok(was_told || !all_ended)
}

type Reading = (mpsc::Sender<(Reader, Shared)>, thread::JoinHandle<bool>);

/// A thread that reads the device it will be given. It is true where the device ended by itself.
fn start_reader() -> Reading {
    let (give, take) = mpsc::channel::<(Reader, Shared)>();
    (give, thread::spawn(move || take.recv().is_ok_and(|(reader, shared)| reader.run(&shared))))
}

/// Waits for the readers and wakes them meanwhile, so that each looks whether it is to end, and writes its statistics. True
/// where all ended by themselves.
fn wait(handles: Vec<thread::JoinHandle<bool>>, breaks: &[BreakLoop]) -> bool {
    while !handles.iter().all(thread::JoinHandle::is_finished) {
        thread::sleep(WAKE);
        breaks.iter().for_each(BreakLoop::breakloop);
    }
    handles.into_iter().all(|handle| handle.join().unwrap_or(true))
}

fn stop_on_signals(stop: &Arc<AtomicBool>) -> Result<(), Refusal> {
    let stop = Arc::clone(stop);
    ctrlc::set_handler(move || stop.store(true, Ordering::Relaxed))
        .map_err(|error| Refusal::Confinement { what: format!("signals: {error}") })
}

/// Nothing is read from standard input: that it is closed is the message.
fn stop_on_closed_input(stop: &Arc<AtomicBool>) {
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let mut sink = [0; 64];
        while stdin().lock().read(&mut sink).is_ok_and(|read| read > 0) {}
        stop.store(true, Ordering::Relaxed);
    });
}

fn write_to_output(queue: &Queue, stop: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let (queue, stop) = (queue.clone(), Arc::clone(stop));
    thread::spawn(move || {
        let mut blocks = Vec::new();
        while queue.take(&mut blocks) {
            let mut out = stdout().lock();
            if out.write_all(&blocks).and_then(|()| out.flush()).is_err() {
                // Nobody reads any more.
                stop.store(true, Ordering::Relaxed);
                queue.close();
            }
        }
    })
}

/// What the evidence says of how it was made.
fn section(rights: &Rights, arguments: &Arguments) -> WriteSection {
    let mode = if arguments.is_promiscuous { "promiscuous mode" } else { "no promiscuous mode" };
    let (os, host, hardware) = confine::system();
    WriteSection {
        application: concat!("borderpost-capture ", env!("CARGO_PKG_VERSION")).to_owned(),
        os,
        hardware,
        comment: Some(format!(
            "captured{} with {mode}; rights while reading: {}",
            host.map(|host| format!(" on {host}")).unwrap_or_default(),
            rights.summary()
        )),
    }
}

/// The most that waits for the pipe.
const QUEUE: usize = 64 << 20;
/// How often the readers are woken.
const WAKE: Duration = Duration::from_millis(100);
