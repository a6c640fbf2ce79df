//! Prices in embedded data: JSON, JSON in an attribute, and assignments in scripts.
