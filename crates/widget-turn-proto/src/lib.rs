//! TURN for Matrix widgets (MSC3846): the protocol, without I/O.
