//! Structured data (schema.org in JSON-LD): the offers of a product.
