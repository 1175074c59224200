//! A document as a page that needs nothing else.

use askama::Template;

use crate::report::document::Document;
use crate::report::html::{STYLE, policy};
use crate::report::lang::Lang;

/// Writes a document.
#[must_use]
pub fn document(document: &Document) -> String {
    let page = Plain { policy: policy(), style: STYLE, document, lang: document.lang };
    // Memory takes what is written, and no value of the template can fail to be shown.
    page.render().unwrap_or_default()
}

#[derive(Template)]
#[template(path = "document.html")]
struct Plain<'a> {
    policy: String,
    style: &'static str,
    document: &'a Document,
    lang: Lang,
}
