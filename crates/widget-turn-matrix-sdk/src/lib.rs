//! TURN for Matrix widgets ([MSC3846]) in clients on matrix-sdk.
//!
//! [MSC3846]: https://github.com/matrix-org/matrix-spec-proposals/pull/3846

mod source;

pub use source::MatrixTurnSource;
