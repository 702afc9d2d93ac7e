//! STUN and ChannelData on a byte stream, cut anyhow: what comes out depends on the bytes alone, and is what went in.

use crate::stun::framing::{Frame, Framing, FramingError, write_frame};

/// The longest frame: a STUN message of 65,532 bytes of attributes, with its header.
const LONGEST: usize = 65_552;

/// The first byte is how the stream is cut, the rest is the stream.
pub fn framing(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else {
        return;
    };
    let whole = read([stream]);
    assert_eq!(read(stream.chunks(usize::from(*cut) + 1)), whole);
    let (frames, error, part) = whole;

    let mut at = 0;
    for frame in frames {
        let stun = matches!(frame, Frame::Stun(_));
        let bytes = frame.into_bytes();
        assert!(bytes.len() <= LONGEST);
        let header = if stun { 20 } else { 4 };
        let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        assert_eq!(bytes.len(), header + length);
        assert_eq!(bytes[0] >> 6, u8::from(!stun));
        assert!(!stun || bytes[4..8] == [0x21, 0x12, 0xa4, 0x42]);
        let mut written = Vec::new();
        write_frame(&bytes, &mut written);
        assert!(stream[at..].starts_with(&bytes));
        assert!(written.starts_with(&bytes) && written.len().is_multiple_of(4));
        at += written.len();
    }
    assert_eq!(part, error.is_none() && at < stream.len(), "what is left");
}

type Read = (Vec<Frame>, Option<FramingError>, bool);

/// What comes out of these pieces, why it ends if it does, and whether a part is left.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut framing = Framing::new();
    let mut frames = Vec::new();
    let mut ended = None;
    for piece in pieces {
        framing.push(piece);
        assert!(!framing.is_http() || framing.has_part());
        loop {
            match framing.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert!(ended.is_none_or(|before| before == error), "for ever");
                    ended = Some(error);
                    break;
                }
            }
            assert_eq!(ended, None, "a frame after the end");
        }
    }
    (frames, ended, framing.has_part())
}
