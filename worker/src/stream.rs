//! Bodies, piece by piece: in through a reader with a buffer of ours, out through the runtime's identity stream.
//!
//! The default reader gives pieces of 4 KB, which costs four times as much CPU for a page; a `TransformStream` six
//! times as much. Everything that JavaScript could throw is declared `catch`: an exception out of another import would
//! hang the request.

use std::cell::RefCell;

use js_sys::futures::JsFuture;
use js_sys::{ArrayBuffer, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::ReadableStream;

/// Most bytes that one read gives.
const PIECE_BYTES: u32 = 64 * 1024;

/// Buffers kept for the next pages of this isolate.
const SPARE_BUFFERS: usize = 4;

#[wasm_bindgen]
extern "C" {
    /// A body, as far as we use it.
    type Body;

    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(this: &Body, options: &JsValue) -> Result<ByobReader, JsValue>;

    #[wasm_bindgen(method, catch, js_name = pipeTo)]
    fn pipe_to(this: &Body, writable: &JsValue) -> Result<Promise, JsValue>;

    /// A reader that fills a buffer of the caller.
    type ByobReader;

    #[wasm_bindgen(method, catch)]
    fn read(this: &ByobReader, view: &Uint8Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn cancel(this: &ByobReader) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = releaseLock)]
    fn release_lock(this: &ByobReader) -> Result<(), JsValue>;

    type ReadResult;

    #[wasm_bindgen(method, getter)]
    fn done(this: &ReadResult) -> bool;

    #[wasm_bindgen(method, getter)]
    fn value(this: &ReadResult) -> Option<Uint8Array>;

    /// A pipe: what is written into one end can be read from the other.
    type IdentityTransformStream;

    #[wasm_bindgen(constructor)]
    fn new() -> IdentityTransformStream;

    /// The same, of a length that is said in the response's headers.
    #[wasm_bindgen(extends = IdentityTransformStream)]
    type FixedLengthStream;

    #[wasm_bindgen(constructor, catch)]
    fn of_length(length: f64) -> Result<FixedLengthStream, JsValue>;

    #[wasm_bindgen(method, getter)]
    fn readable(this: &IdentityTransformStream) -> ReadableStream;

    #[wasm_bindgen(method, getter)]
    fn writable(this: &IdentityTransformStream) -> WritableEnd;

    type WritableEnd;

    #[wasm_bindgen(method, catch, js_name = getWriter)]
    fn get_writer(this: &WritableEnd) -> Result<PipeWriter, JsValue>;

    type PipeWriter;

    #[wasm_bindgen(method, catch)]
    fn write(this: &PipeWriter, bytes: &Uint8Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn close(this: &PipeWriter) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn abort(this: &PipeWriter, reason: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = releaseLock)]
    fn release_lock(this: &PipeWriter) -> Result<(), JsValue>;
}

thread_local! {
    /// Asks for a reader that fills our own buffer.
    static BYOB: Object = {
        let options = Object::new();
        // Of a new object, this cannot fail; if it did, there would be no such reader, which every caller expects.
        drop(Reflect::set(&options, &"mode".into(), &"byob".into()));
        options
    };
    static SPARE: RefCell<Vec<Buffer>> = const { RefCell::new(Vec::new()) };
}

/// Where a read puts its bytes: first outside of the wasm's memory, then in it.
struct Buffer {
    outside: ArrayBuffer,
    inside: Vec<u8>,
}

impl Buffer {
    fn new() -> Self {
        SPARE
            .with_borrow_mut(Vec::pop)
            .unwrap_or_else(|| Self { outside: ArrayBuffer::new(PIECE_BYTES), inside: Vec::new() })
    }

    fn keep(self) {
        SPARE.with_borrow_mut(|spare| {
            // A buffer that came back shorter would make each read of another page shorter, or fail.
            if spare.len() < SPARE_BUFFERS && self.outside.byte_length() == PIECE_BYTES {
                spare.push(self);
            }
        });
    }
}

/// Reads a body.
pub struct Reader {
    body: ReadableStream,
    reader: ByobReader,
    /// None while a read has it, or after one has failed.
    buffer: Option<Buffer>,
    /// So many bytes in it are to be read once more.
    again: Option<usize>,
}

/// What became of an attempt to read a body whole.
pub enum Whole {
    /// These are all its bytes.
    Read(Vec<u8>),
    /// It is longer than allowed: its first bytes, and the reader of the others; none where nothing was read.
    TooLong(Vec<u8>, Option<Reader>),
    /// It broke off after these bytes.
    Broken(Vec<u8>, JsValue),
}

impl Reader {
    /// Takes the body of a response over.
    ///
    /// # Errors
    /// Somebody reads it already.
    pub fn of(body: ReadableStream) -> Result<Self, JsValue> {
        let reader = BYOB.with(|options| body.unchecked_ref::<Body>().get_reader(options))?;
        Ok(Self { body, reader, buffer: None, again: None })
    }

    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// The body broke off.
    pub async fn read(&mut self) -> Result<Option<&[u8]>, JsValue> {
        if let Some(length) = self.again.take() {
            return Ok(self.buffer.as_ref().and_then(|buffer| buffer.inside.get(..length)));
        }
        let Buffer { outside, mut inside } = self.buffer.take().unwrap_or_else(Buffer::new);
        let view = Uint8Array::new(&outside);
        let result: ReadResult = JsFuture::from(self.reader.read(&view)?).await?.unchecked_into();
        let Some(value) = result.value() else { return Ok(None) };
        let length = value.length() as usize;
        inside.resize(inside.len().max(length), 0);
        if let Some(room) = inside.get_mut(..length) {
            value.copy_to(room);
        }
        let buffer = self.buffer.insert(Buffer { outside: value.buffer(), inside });
        Ok(if result.done() { None } else { buffer.inside.get(..length) })
    }

    /// Gives the first bytes; the next read gives them once more.
    ///
    /// # Errors
    /// The body broke off.
    pub async fn peek(&mut self) -> Result<&[u8], JsValue> {
        let length = self.read().await?.map(<[u8]>::len);
        self.again = length;
        let buffer = self.buffer.as_ref().zip(length);
        Ok(buffer.and_then(|(buffer, length)| buffer.inside.get(..length)).unwrap_or_default())
    }

    /// The whole body, if it is not longer than `most` bytes.
    pub async fn read_whole(mut self, most: usize) -> Whole {
        let mut bytes = Vec::new();
        loop {
            match self.read().await {
                Ok(Some(piece)) => bytes.extend_from_slice(piece),
                Ok(None) => return Whole::Read(bytes),
                Err(error) => return Whole::Broken(bytes, error),
            }
            if bytes.len() > most {
                return Whole::TooLong(bytes, Some(self));
            }
        }
    }

    /// Tells the sender that nobody reads the rest.
    pub async fn cancel(self) {
        settled(self.reader.cancel()).await;
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            buffer.keep();
        }
    }
}

/// The end of a pipe into which a body is written.
pub struct Writer {
    end: WritableEnd,
    writer: PipeWriter,
}

impl Writer {
    /// A pipe: its writer, and the body that comes out of it.
    ///
    /// # Errors
    /// None is known.
    pub fn new() -> Result<(Self, ReadableStream), JsValue> {
        Self::ends_of(&IdentityTransformStream::new())
    }

    /// A pipe that says beforehand how many bytes come out of it: what breaks off then is seen to have broken off. (The
    /// runtime ends a body of unknown length like a whole one, also those of the shop that it passes on by itself.)
    ///
    /// # Errors
    /// None is known.
    pub fn of_length(bytes: usize) -> Result<(Self, ReadableStream), JsValue> {
        let pipe = FixedLengthStream::of_length(bytes as f64)?;
        Self::ends_of(&pipe)
    }

    fn ends_of(pipe: &IdentityTransformStream) -> Result<(Self, ReadableStream), JsValue> {
        let end = pipe.writable();
        let writer = end.get_writer()?;
        Ok((Self { end, writer }, pipe.readable()))
    }

    /// Writes bytes and waits until they are taken.
    ///
    /// # Errors
    /// The reader has gone away.
    pub async fn write(&self, bytes: &[u8]) -> Result<(), JsValue> {
        if !bytes.is_empty() {
            JsFuture::from(self.writer.write(&Uint8Array::from(bytes))?).await?;
        }
        Ok(())
    }

    /// Ends the body.
    ///
    /// # Errors
    /// The reader has gone away.
    pub async fn close(self) -> Result<(), JsValue> {
        JsFuture::from(self.writer.close()?).await.map(drop)
    }

    /// Breaks the body off, so that nobody takes it for a whole one.
    pub async fn abort(self, reason: &JsValue) {
        settled(self.writer.abort(reason)).await;
    }

    /// Writes bytes, and after them the rest of a body as it comes, to its end.
    pub async fn pass_on(self, first: Vec<u8>, rest: Reader) {
        if self.write(&first).await.is_err() {
            return rest.cancel().await;
        }
        drop(first);
        if self.writer.release_lock().and_then(|()| rest.reader.release_lock()).is_ok() {
            settled(rest.body.unchecked_ref::<Body>().pipe_to(&self.end)).await;
        }
    }
}

/// Waits for something whose failure changes nothing: the other side is gone.
async fn settled(promise: Result<Promise, JsValue>) {
    if let Ok(promise) = promise {
        drop(JsFuture::from(promise).await);
    }
}
