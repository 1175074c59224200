//! The table's part on the steps of the tester's script.

use crate::report::lang::Lang;
use crate::report::schema::{Report, Step};
use crate::report::steps::note;
use crate::report::table::{INDENT, Page};
use crate::report::text::{clean, size};

impl Page {
    pub(super) fn steps(&mut self, report: &Report) {
        if report.steps.is_empty() {
            return;
        }
        self.title(&self.lang.word("Steps of the scenario"));
        for step in &report.steps {
            self.step(step);
        }
    }

    fn step(&mut self, s: &Step) {
        self.wrapped(&clean(&s.label), &format!("{:>3}. ", s.id), INDENT);
        for (label, text) in self.step_fields(s) {
            self.field(label, &text);
        }
    }

    /// When and where a step was, what began in it, and what is to be said about it.
    pub(in crate::report) fn step_fields(&self, s: &Step) -> Vec<(&'static str, String)> {
        let frames = self.step_frames(s);
        let time = |time: &Option<String>| time.clone().unwrap_or_else(|| self.lang.word("time unknown"));
        let flows = self.lang.plural(s.client_flows, "flow", "flows");
        let beside = match s.unattributed_flows {
            0 => String::new(),
            more => self.lang.say(", {} not tied to it", &[&self.lang.plural(more, "flow", "flows")]),
        };
        let others = self.lang.plural(s.other_flows, "flow", "flows");
        let bytes = match s.client_flows {
            0 => String::new(),
            _ => self.lang.say("; the client's {} out, {} in", &[&size(s.bytes_out), &size(s.bytes_in)]),
        };
        let mut fields = vec![
            ("", self.lang.say("{} to {}", &[&time(&s.start), &time(&s.end)])),
            ("", format!("{frames}; {}", marked(s, self.lang))),
            (
                "began",
                self.lang.say(
                    "{flows} of the client{beside}, {others} of others{bytes}",
                    &[&flows, &beside, &others, &bytes],
                ),
            ),
        ];
        if !s.destinations.is_empty() {
            let ids: Vec<String> = s.destinations.iter().map(ToString::to_string).collect();
            fields.push(("to", self.lang.say("destinations {}", &[&ids.join(", ")])));
        }
        if s.exclusive {
            fields.push(("", self.lang.word("only the client did anything in it, by the tester's word")));
        }
        fields.extend(note(s, self.lang).map(|note| ("note", clean(&note))));
        fields
    }

    /// Its frames, where it has any.
    pub(in crate::report) fn step_frames(&self, s: &Step) -> String {
        match (s.start_frame, s.end_input.zip(s.end_frame)) {
            (Some(first), Some(last)) => self.frames((s.input, first), last),
            _ if self.has_many_inputs => self.lang.say("no frame, in [{}]", &[&s.input]),
            _ => self.lang.word("no frame"),
        }
    }
}

/// Who marked a step.
pub(in crate::report) fn marked(s: &Step, lang: Lang) -> String {
    match (&s.file, s.line) {
        (Some(file), Some(line)) => lang.say("marked in {}, line {line}", &[&clean(file), &line]),
        _ if s.source == "comment" => lang.word("marked by the packet's comment"),
        _ => lang.word("marked by --mark"),
    }
}
