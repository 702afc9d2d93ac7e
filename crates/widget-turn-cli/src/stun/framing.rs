//! STUN messages and ChannelData on a byte stream (TCP or TLS): RFC 8489 section 6.2.2 and RFC 8656 section 12.5.
//!
//! Both carry their own length. A STUN message is a multiple of 4 bytes long; ChannelData of any length is padded to a
//! multiple of 4 on a stream, and only there. Frames have no padding on this side of the module.

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// One whole message from the stream, without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A STUN message: header and attributes. Only its first 8 bytes have been looked at.
    Stun(Vec<u8>),
    /// ChannelData: channel number, length, data.
    ChannelData(Vec<u8>),
}

impl Frame {
    /// The bytes of the message, as they would stand in a datagram.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Stun(bytes) | Self::ChannelData(bytes) => bytes,
        }
    }
}

/// Why a stream is not, or no longer, one of STUN messages and ChannelData. There is no way to find the next frame in
/// such a stream: close it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FramingError {
    /// A frame starts with bits that neither kind starts with.
    #[error(
        "expected a STUN message (0x00 to 0x3f) or ChannelData (0x40 to 0x7f), got a frame that starts with {0:#04x}"
    )]
    FirstByte(u8),
    /// The length of a STUN message, in bytes, is not a multiple of 4.
    #[error("expected a STUN message whose length is a multiple of 4, got {0} bytes")]
    StunLength(u16),
    /// A STUN message without the magic cookie.
    #[error("expected the STUN magic cookie 2112a442, got {0:08x}")]
    MagicCookie(u32),
}

/// Cuts a byte stream into frames.
///
/// Memory is bounded by the longest frame (65,552 bytes) and what was pushed last, as long as [`next_frame`] is called until
/// it has no more before the next [`push`].
///
/// [`next_frame`]: Self::next_frame
/// [`push`]: Self::push
#[derive(Debug, Default)]
pub(crate) struct Framing {
    /// Bytes that have arrived; those before `read` have been handed out.
    buffer: Vec<u8>,
    read: usize,
    error: Option<FramingError>,
}

impl Framing {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream, any number of them. After an error they are dropped.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.buffer.drain(..self.read);
            self.read = 0;
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Whether bytes have come that are no whole frame yet.
    pub(crate) fn has_part(&self) -> bool {
        self.read < self.buffer.len()
    }

    /// Whether what has come is the beginning of an HTTP response, which looks like that of ChannelData.
    pub(crate) fn is_http(&self) -> bool {
        self.buffer[self.read..].starts_with(b"HTTP/")
    }

    /// The next frame, or `None` until more bytes are pushed.
    ///
    /// # Errors
    ///
    /// As soon as the bytes cannot be the start of a frame, and for ever after.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>, FramingError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        self.cut().inspect_err(|error| {
            self.error = Some(*error);
            self.buffer = Vec::new();
            self.read = 0;
        })
    }

    fn cut(&mut self) -> Result<Option<Frame>, FramingError> {
        let waiting = &self.buffer[self.read..];
        let Some(header) = Header::read(waiting)? else {
            return Ok(None);
        };
        let length = header.length();
        let padded = length.next_multiple_of(4);
        if waiting.len() < padded {
            return Ok(None);
        }
        let bytes = waiting[..length].to_vec();
        self.read += padded;
        Ok(Some(match header {
            Header::Stun { .. } => Frame::Stun(bytes),
            Header::ChannelData { .. } => Frame::ChannelData(bytes),
        }))
    }
}

/// Appends a whole STUN message or ChannelData to what is to be written to a stream, with padding where it needs some.
pub(crate) fn write_frame(message: &[u8], stream: &mut Vec<u8>) {
    stream.extend_from_slice(message);
    let padding = message.len().next_multiple_of(4) - message.len();
    stream.extend_from_slice(&[0; 3][..padding]);
}

enum Header {
    Stun { attributes: u16 },
    ChannelData { data: u16 },
}

impl Header {
    /// Reads a header from the start of `bytes`; `None` if more bytes are needed.
    fn read(bytes: &[u8]) -> Result<Option<Self>, FramingError> {
        let Some(first) = bytes.first() else {
            return Ok(None);
        };
        if first >> 6 > 0b01 {
            return Err(FramingError::FirstByte(*first));
        }
        let Some(length) = bytes.get(2..4) else {
            return Ok(None);
        };
        let length = u16::from_be_bytes([length[0], length[1]]);
        if first >> 6 == 0b01 {
            return Ok(Some(Self::ChannelData { data: length }));
        }
        if !length.is_multiple_of(4) {
            return Err(FramingError::StunLength(length));
        }
        let Some(cookie) = bytes.get(4..8) else {
            return Ok(None);
        };
        if cookie != MAGIC_COOKIE {
            let cookie = [cookie[0], cookie[1], cookie[2], cookie[3]];
            return Err(FramingError::MagicCookie(u32::from_be_bytes(cookie)));
        }
        Ok(Some(Self::Stun { attributes: length }))
    }

    /// The length in bytes of the whole frame, without padding.
    fn length(&self) -> usize {
        match self {
            Self::Stun { attributes } => 20 + usize::from(*attributes),
            Self::ChannelData { data } => 4 + usize::from(*data),
        }
    }
}

#[cfg(test)]
mod tests;
