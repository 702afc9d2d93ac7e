//! TURN for Matrix widgets (MSC3846) on tokio.
