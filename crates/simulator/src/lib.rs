//! A simulated WhatsApp network
