//! The control plane: plan, release, apply results, sweep
