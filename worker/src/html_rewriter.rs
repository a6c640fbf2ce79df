//! Binding to the runtime's own streaming `HTMLRewriter` (workers-rs has none): page bytes never enter the wasm.
//!
//! Everything that JavaScript could throw is declared `catch`: an exception out of another import would hang the
//! request. A handler must never fail: the runtime would cut the page there, with status 200.

use js_sys::{Function, Object, Reflect};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The rewriter: handlers are added, then one response is transformed.
    #[wasm_bindgen(js_name = HTMLRewriter)]
    pub type HtmlRewriter;

    #[wasm_bindgen(constructor, js_class = "HTMLRewriter")]
    pub fn new() -> HtmlRewriter;

    /// Adds handlers for the elements of a selector; throws for a selector that is not supported.
    #[wasm_bindgen(method, catch, js_class = "HTMLRewriter", js_name = on)]
    pub fn on(this: &HtmlRewriter, selector: &str, handlers: &JsValue) -> Result<HtmlRewriter, JsValue>;

    /// Adds handlers for the whole document.
    #[wasm_bindgen(method, catch, js_class = "HTMLRewriter", js_name = onDocument)]
    pub fn on_document(this: &HtmlRewriter, handlers: &JsValue) -> Result<HtmlRewriter, JsValue>;

    /// Returns a response whose body streams through the handlers.
    #[wasm_bindgen(method, catch, js_class = "HTMLRewriter")]
    pub fn transform(this: &HtmlRewriter, response: &web_sys::Response)
    -> Result<web_sys::Response, JsValue>;

    /// An element's start tag (not the DOM's; never use `dyn_into`).
    #[wasm_bindgen(js_name = Element)]
    pub type Element;

    /// Value of an attribute as it stands in the page, if there is one.
    #[wasm_bindgen(method, catch, js_name = getAttribute)]
    pub fn get_attribute(this: &Element, name: &str) -> Result<Option<String>, JsValue>;

    /// Calls back at the end tag; throws for elements that have none.
    #[wasm_bindgen(method, catch, js_name = onEndTag)]
    pub fn on_end_tag(this: &Element, handler: &Function) -> Result<JsValue, JsValue>;

    /// An end tag.
    #[wasm_bindgen(js_name = EndTag)]
    pub type EndTag;

    /// Inserts before the tag.
    #[wasm_bindgen(method, catch)]
    pub fn before(this: &EndTag, content: &str, options: &JsValue) -> Result<JsValue, JsValue>;

    /// A piece of a text, in the page's own spelling (entities stay).
    #[wasm_bindgen(js_name = Text)]
    pub type TextChunk;

    /// The piece; the last one of a text is empty.
    #[wasm_bindgen(method, getter)]
    pub fn text(this: &TextChunk) -> String;

    /// Whether the text ends here.
    #[wasm_bindgen(method, getter, js_name = lastInTextNode)]
    pub fn last_in_text_node(this: &TextChunk) -> bool;

    /// Puts another text in the place of this piece.
    #[wasm_bindgen(method, catch)]
    pub fn replace(this: &TextChunk, content: &str, options: &JsValue) -> Result<JsValue, JsValue>;

    /// Inserts before this piece.
    #[wasm_bindgen(method, catch)]
    pub fn before(this: &TextChunk, content: &str, options: &JsValue) -> Result<JsValue, JsValue>;

    /// Leaves the piece out.
    #[wasm_bindgen(method, catch)]
    pub fn remove(this: &TextChunk) -> Result<JsValue, JsValue>;

    /// The end of the document.
    #[wasm_bindgen(js_name = DocumentEnd)]
    pub type DocumentEnd;

    /// Appends to the document.
    #[wasm_bindgen(method, catch)]
    pub fn append(this: &DocumentEnd, content: &str, options: &JsValue) -> Result<JsValue, JsValue>;
}

/// `{ html: true }`: the content is markup already, or the page's own spelling.
pub fn as_html() -> JsValue {
    object(&[("html", &JsValue::TRUE)])
}

/// `{ name: value, … }`.
pub fn object(fields: &[(&str, &JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // Setting a field of a plain new object cannot fail.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}
