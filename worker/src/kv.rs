//! Binding to the runtime's own KV: bytes under a key. That of workers-rs brings two serializers and a hash map along.

use js_sys::futures::JsFuture;
use js_sys::{Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use worker::{Env, Error, Result};

#[wasm_bindgen]
extern "C" {
    /// A namespace.
    pub type Kv;

    #[wasm_bindgen(method, catch, js_name = get)]
    fn get(this: &Kv, key: &str, options: &Object) -> std::result::Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = put)]
    fn put(this: &Kv, key: &str, value: &JsValue) -> std::result::Result<Promise, JsValue>;
}

impl Kv {
    /// The namespace that is bound under this name.
    ///
    /// # Errors
    /// None is.
    pub fn of(env: &Env, binding: &str) -> Result<Self> {
        let found = Reflect::get(env, &binding.into())?;
        if found.is_undefined() {
            return Err(Error::BindingError(binding.into()));
        }
        Ok(found.unchecked_into())
    }

    /// The value of a key, which an edge location may keep for so many seconds (30 or more); none if there is none.
    pub async fn read(&self, key: &str, cache_ttl_s: u32) -> Result<Option<Vec<u8>>> {
        let options = Object::new();
        Reflect::set(&options, &"type".into(), &"arrayBuffer".into())?;
        Reflect::set(&options, &"cacheTtl".into(), &cache_ttl_s.into())?;
        let value = JsFuture::from(self.get(key, &options)?).await?;
        Ok((!value.is_null()).then(|| Uint8Array::new(&value).to_vec()))
    }

    /// Writes a value.
    pub async fn write(&self, key: &str, value: &[u8]) -> Result<()> {
        let buffer = Uint8Array::from(value).buffer();
        JsFuture::from(self.put(key, &buffer)?).await?;
        Ok(())
    }
}
