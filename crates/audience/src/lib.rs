//! Audience rows, phones, templates and opt-out words
