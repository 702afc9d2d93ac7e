use super::*;

/// A STUN message with `attributes` bytes that no parser looks at here.
fn stun(attributes: u16) -> Vec<u8> {
    let mut bytes = vec![0x00, 0x01];
    bytes.extend_from_slice(&attributes.to_be_bytes());
    bytes.extend_from_slice(&MAGIC_COOKIE);
    bytes.extend((0..12).chain(0..attributes).map(|n| n as u8 ^ 0xa5));
    bytes
}

fn channel_data(number: u16, data: u16) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend_from_slice(&data.to_be_bytes());
    bytes.extend((0..data).map(|n| n as u8 | 0x80));
    bytes
}

/// What follows each other in a stream: both kinds, all lengths modulo 4, empty and longest ones.
fn mixture() -> Vec<Frame> {
    vec![
        Frame::Stun(stun(0)),
        Frame::ChannelData(channel_data(0x4000, 0)),
        Frame::ChannelData(channel_data(0x4001, 1)),
        Frame::Stun(stun(4)),
        Frame::ChannelData(channel_data(0x4fff, 2)),
        Frame::ChannelData(channel_data(0x7fff, 3)),
        Frame::ChannelData(channel_data(0x4000, 4)),
        Frame::Stun(stun(60)),
        Frame::ChannelData(channel_data(0x4000, 101)),
    ]
}

fn stream_of(frames: &[Frame]) -> Vec<u8> {
    let mut stream = Vec::new();
    for frame in frames {
        write_frame(&frame.clone().into_bytes(), &mut stream);
    }
    stream
}

fn drain(framing: &mut Framing) -> Vec<Frame> {
    std::iter::from_fn(|| framing.next_frame().unwrap()).collect()
}

#[test]
fn a_stream_in_one_piece_gives_its_frames_in_order() {
    let mut framing = Framing::new();
    framing.push(&stream_of(&mixture()));
    assert_eq!(drain(&mut framing), mixture());
    assert_eq!(framing.next_frame(), Ok(None));
}

#[test]
fn a_stream_byte_by_byte_gives_the_same_frames() {
    let mut framing = Framing::new();
    let mut frames = Vec::new();
    for byte in stream_of(&mixture()) {
        framing.push(&[byte]);
        frames.extend(drain(&mut framing));
    }
    assert_eq!(frames, mixture());
}

#[test]
fn a_stream_that_is_split_anywhere_gives_the_same_frames() {
    let stream = stream_of(&mixture());
    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            let mut framing = Framing::new();
            let mut frames = Vec::new();
            for piece in [&stream[..first], &stream[first..second], &stream[second..]] {
                framing.push(piece);
                frames.extend(drain(&mut framing));
            }
            assert_eq!(frames, mixture(), "split at {first} and {second}");
        }
    }
}

#[test]
fn random_streams_in_random_pieces_give_the_same_frames() {
    let seed = getrandom::u64().unwrap();
    let mut random = Random(seed);
    for _ in 0..300 {
        let frames: Vec<_> = (0..random.below(20))
            .map(|_| match random.below(2) {
                0 => Frame::Stun(stun(4 * random.below(300) as u16)),
                _ => Frame::ChannelData(channel_data(
                    0x4000 + random.below(0x4000) as u16,
                    random.below(1500) as u16,
                )),
            })
            .collect();
        let stream = stream_of(&frames);
        let mut framing = Framing::new();
        let mut seen = Vec::new();
        let mut rest = stream.as_slice();
        while !rest.is_empty() {
            let (piece, after) =
                rest.split_at(random.below(rest.len().min(2000) as u64 + 1) as usize);
            framing.push(piece);
            seen.extend(drain(&mut framing));
            rest = after;
        }
        assert_eq!(seen, frames, "seed {seed}");
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[test]
fn the_longest_frames_pass() {
    let frames = [
        Frame::ChannelData(channel_data(0x4000, u16::MAX)),
        Frame::Stun(stun(u16::MAX - 3)),
        Frame::ChannelData(channel_data(0x4000, u16::MAX - 1)),
    ];
    let mut framing = Framing::new();
    framing.push(&stream_of(&frames));
    assert_eq!(drain(&mut framing), frames);
}

#[test]
fn channel_data_is_padded_to_four_and_stun_is_left_alone() {
    for (length, written) in [(0, 4), (1, 8), (2, 8), (3, 8), (4, 8), (5, 12)] {
        let mut stream = Vec::new();
        write_frame(&channel_data(0x4000, length), &mut stream);
        assert_eq!(stream.len(), written);
        assert!(
            stream[4 + usize::from(length)..]
                .iter()
                .all(|byte| *byte == 0)
        );
    }
    let mut stream = Vec::new();
    write_frame(&stun(8), &mut stream);
    assert_eq!(stream, stun(8));
}

#[test]
fn channel_data_is_given_out_only_with_its_padding() {
    let mut framing = Framing::new();
    framing.push(&channel_data(0x4000, 5));
    assert_eq!(framing.next_frame(), Ok(None));
    framing.push(&[0; 2]);
    assert_eq!(framing.next_frame(), Ok(None));
    framing.push(&[0xff]);
    assert_eq!(
        framing.next_frame(),
        Ok(Some(Frame::ChannelData(channel_data(0x4000, 5))))
    );
}

#[test]
fn padding_may_hold_anything() {
    let mut framing = Framing::new();
    let mut stream = channel_data(0x4000, 1);
    stream.extend_from_slice(&[0xff, 0x16, 0x03]);
    stream.extend_from_slice(&stun(0));
    framing.push(&stream);
    assert_eq!(
        drain(&mut framing),
        [
            Frame::ChannelData(channel_data(0x4000, 1)),
            Frame::Stun(stun(0))
        ]
    );
}

#[test]
fn a_frame_of_neither_kind_is_refused_at_its_first_byte() {
    for first in 0x80..=0xff {
        let mut framing = Framing::new();
        framing.push(&[first]);
        assert_eq!(framing.next_frame(), Err(FramingError::FirstByte(first)));
    }
}

#[test]
fn a_stun_length_that_is_not_a_multiple_of_four_is_refused_before_the_rest_comes() {
    for length in [1, 2, 3, 5, 0xffff] {
        let mut framing = Framing::new();
        framing.push(&[0x00, 0x01]);
        assert_eq!(framing.next_frame(), Ok(None));
        framing.push(&u16::to_be_bytes(length));
        assert_eq!(framing.next_frame(), Err(FramingError::StunLength(length)));
    }
}

#[test]
fn a_stun_message_without_the_magic_cookie_is_refused() {
    let mut framing = Framing::new();
    framing.push(b"\x00\x01\x00\x00\x21\x12\xa4\x43");
    assert_eq!(
        framing.next_frame(),
        Err(FramingError::MagicCookie(0x2112_a443))
    );
}

#[test]
fn a_tls_client_hello_is_refused() {
    let mut framing = Framing::new();
    framing.push(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    assert_eq!(framing.next_frame(), Err(FramingError::StunLength(0x0102)));
}

#[test]
fn frames_before_the_garbage_are_given_out() {
    let mut framing = Framing::new();
    let mut stream = stream_of(&mixture());
    stream.push(0xff);
    framing.push(&stream);
    for frame in mixture() {
        assert_eq!(framing.next_frame(), Ok(Some(frame)));
    }
    assert_eq!(framing.next_frame(), Err(FramingError::FirstByte(0xff)));
}

#[test]
fn after_an_error_nothing_is_kept_and_the_error_stays() {
    let mut framing = Framing::new();
    framing.push(&[0xff]);
    for _ in 0..3 {
        assert_eq!(framing.next_frame(), Err(FramingError::FirstByte(0xff)));
        framing.push(&stun(0));
    }
    assert_eq!(framing.buffer.capacity(), 0);
}

#[test]
fn memory_stays_within_the_longest_frame_and_one_push() {
    let piece = 1000;
    let stream = stream_of(&[
        Frame::Stun(stun(u16::MAX - 3)),
        Frame::ChannelData(channel_data(0x4000, 9)),
    ])
    .repeat(40);
    let mut framing = Framing::new();
    for bytes in stream.chunks(piece) {
        framing.push(bytes);
        assert!(framing.buffer.len() <= 65_552 + piece);
        drain(&mut framing);
    }
}

#[test]
fn errors_say_what_was_expected() {
    assert_eq!(
        FramingError::FirstByte(0xff).to_string(),
        "expected a STUN message (0x00 to 0x3f) or ChannelData (0x40 to 0x7f), got a frame that starts with 0xff"
    );
    assert_eq!(
        FramingError::StunLength(7).to_string(),
        "expected a STUN message whose length is a multiple of 4, got 7 bytes"
    );
    assert_eq!(
        FramingError::MagicCookie(0x1603_0100).to_string(),
        "expected the STUN magic cookie 2112a442, got 16030100"
    );
}
