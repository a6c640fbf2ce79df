//! What of a page goes out, with its quotes in it.

use std::borrow::Cow;

use haggle::page::{Field, Output, Report, Rewriter};

use crate::charset;
use crate::stream::{Reader, Writer};
use crate::visitor::{PageOffers, Visitor};

/// Writes a page with the visitor's prices while it is read; none where it did not come to its end.
pub(super) async fn pump(
    mut reader: Reader,
    writer: Writer,
    visitor: &Visitor,
    path: &str,
) -> Option<Report> {
    let offers = PageOffers::of(visitor, &[]);
    let mut rewriter = Rewriter::new(visitor.snapshot().site(), path, &offers);
    let mut output = Output::default();
    let mut is_begun = false;
    loop {
        match reader.read().await {
            Ok(Some(piece)) if !is_begun && charset::begins_strangely(piece) => {
                let first = piece.to_vec();
                writer.pass_on(first, reader).await;
                return None;
            }
            Ok(Some(piece)) => rewriter.push(piece, &mut output),
            Ok(None) => break,
            Err(error) => {
                writer.abort(&error).await;
                return None;
            }
        }
        is_begun = true;
        if writer.write(&with_quotes(visitor, &mut output).await).await.is_err() {
            // Nobody is there any more.
            reader.cancel().await;
            return None;
        }
        output.bytes.clear();
    }
    let report = rewriter.end(&mut output);
    writer.write(&with_quotes(visitor, &mut output).await).await.ok()?;
    writer.close().await.ok()?;
    Some(report)
}

/// The bytes of an output with the hidden fields in it.
pub(super) async fn with_quotes<'a>(visitor: &Visitor, output: &'a mut Output) -> Cow<'a, [u8]> {
    if output.fields.is_empty() {
        return Cow::Borrowed(&output.bytes);
    }
    let mut bytes = Vec::with_capacity(output.bytes.len() + 1024 * output.fields.len());
    let mut from = 0;
    for Field { at, sku, name } in output.fields.drain(..) {
        bytes.extend_from_slice(output.bytes.get(from..at).unwrap_or_default());
        from = at;
        let Some(quote) = visitor.quote(&sku) else { continue };
        if let Some(token) = visitor.sign(&quote).await {
            let name = name.replace('&', "&amp;").replace('"', "&quot;");
            let field = format!("<input type=\"hidden\" name=\"{name}\" value=\"{token}\">");
            bytes.extend_from_slice(field.as_bytes());
        }
    }
    bytes.extend_from_slice(output.bytes.get(from..).unwrap_or_default());
    Cow::Owned(bytes)
}
