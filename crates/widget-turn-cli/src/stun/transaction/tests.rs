use stun_types::attribute::{Nonce, Realm};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, LongTermKeyCredentials, MessageIntegrityCredentials, MessageType,
    MessageWriteVec,
};
use stun_types::prelude::{MessageWrite as _, MessageWriteExt as _};
use widget_turn_proto::Secret;

use super::*;

const LIMIT: Duration = Duration::from_secs(5);
const ALLOCATE: Request = Request::Allocate(None);

fn signer() -> Signer {
    Signer::new("9:alice", Secret::new("hunter2")).unwrap()
}

fn key(password: &str) -> MessageIntegrityCredentials {
    LongTermKeyCredentials::new("9:alice".into(), password.into(), "realm".into()).into()
}

/// A transaction with a clock that the test moves.
struct Bench<'a> {
    transaction: Transaction<'a>,
    start: Instant,
    now: Instant,
}

impl<'a> Bench<'a> {
    fn new(request: Request, signer: Option<&'a mut Signer>, delivery: Delivery) -> Self {
        let now = Instant::now();
        Self {
            transaction: Transaction::new(request, signer, delivery, now, LIMIT),
            start: now,
            now,
        }
    }

    fn sent(&mut self) -> Option<Vec<u8>> {
        self.transaction.poll_transmit(self.now).map(<[u8]>::to_vec)
    }

    fn handle(&mut self, answer: &[u8]) -> Option<Result<Response, Failure>> {
        self.transaction.handle_message(answer, self.now)
    }
}

fn success(request: &[u8], sign: Option<&MessageIntegrityCredentials>) -> Vec<u8> {
    let request = Message::from_bytes(request).unwrap();
    let mut answer = Message::builder_success(&request, MessageWriteVec::new());
    let relay = "192.0.2.1:49160".parse().unwrap();
    answer
        .add_attribute(&XorRelayedAddress::new(relay, request.transaction_id()))
        .unwrap();
    answer.add_attribute(&Lifetime::new(600)).unwrap();
    answer
        .add_attribute(&Software::new("Coturn\0\0").unwrap())
        .unwrap();
    if let Some(key) = sign {
        answer
            .add_message_integrity(key, IntegrityAlgorithm::Sha1)
            .unwrap();
    }
    answer.finish()
}

fn error(request: &[u8], code: u16, realm: Option<&str>, nonce: Option<&str>) -> Vec<u8> {
    let request = Message::from_bytes(request).unwrap();
    let mut answer = Message::builder_error(&request, MessageWriteVec::new());
    answer
        .add_attribute(&ErrorCode::new(code, "Because\0\0").unwrap())
        .unwrap();
    if let Some(realm) = realm {
        answer.add_attribute(&Realm::new(realm).unwrap()).unwrap();
    }
    if let Some(nonce) = nonce {
        answer.add_attribute(&Nonce::new(nonce).unwrap()).unwrap();
    }
    answer.finish()
}

#[test]
fn a_challenge_is_answered_with_a_signature_and_the_answer_is_read() {
    let mut signer = signer();
    let mut bench = Bench::new(ALLOCATE, Some(&mut signer), Delivery::Datagrams);
    let first = bench.sent().unwrap();
    assert!(
        Message::from_bytes(&first)
            .unwrap()
            .attribute::<Nonce>()
            .is_err()
    );
    assert_eq!(bench.sent(), None);

    assert_eq!(
        bench.handle(&error(&first, 401, Some("realm"), Some("n1"))),
        None
    );
    let second = bench.sent().unwrap();
    let message = Message::from_bytes(&second).unwrap();
    assert_ne!(
        message.transaction_id(),
        Message::from_bytes(&first).unwrap().transaction_id(),
        "another request is another transaction"
    );
    assert!(message.validate_integrity(&key("hunter2")).is_ok());
    assert_eq!(message.attribute::<Nonce>().unwrap().nonce(), "n1");

    let response = bench.handle(&success(&second, Some(&key("hunter2"))));
    assert_eq!(
        response,
        Some(Ok(Response {
            mapped: None,
            relayed: Some("192.0.2.1:49160".parse().unwrap()),
            lifetime: Some(Duration::from_secs(600)),
            software: Some("Coturn".to_owned()),
        }))
    );
    assert_eq!(signer.realm(), Some("realm"));
}

#[test]
fn a_challenge_is_kept_for_the_next_request() {
    let mut signer = signer();
    let mut bench = Bench::new(ALLOCATE, Some(&mut signer), Delivery::Stream);
    let first = bench.sent().unwrap();
    bench.handle(&error(&first, 401, Some("realm"), Some("n1")));
    let mut bench = Bench::new(
        Request::Refresh(Duration::ZERO),
        Some(&mut signer),
        Delivery::Stream,
    );
    let request = bench.sent().unwrap();
    let message = Message::from_bytes(&request).unwrap();
    assert!(message.validate_integrity(&key("hunter2")).is_ok());
    assert_eq!(message.attribute::<Lifetime>().unwrap().seconds(), 0);
}

#[test]
fn datagrams_are_sent_again_after_doubled_waits_and_streams_are_not() {
    let mut bench = Bench::new(Request::Binding, None, Delivery::Datagrams);
    let mut at = Vec::new();
    let mut copies = Vec::new();
    loop {
        if let Some(bytes) = bench.sent() {
            at.push((bench.now - bench.start).as_millis());
            copies.push(bytes);
        }
        bench.now = bench.transaction.poll_timeout();
        if let Some(failure) = bench.transaction.handle_timeout(bench.now) {
            assert_eq!(failure, Failure::NoAnswer(None));
            break;
        }
    }
    assert_eq!(at, [0, 500, 1500, 3500]);
    assert_eq!(bench.now - bench.start, LIMIT);
    assert!(copies.windows(2).all(|pair| pair[0] == pair[1]));

    let mut bench = Bench::new(Request::Binding, None, Delivery::Stream);
    assert!(bench.sent().is_some());
    assert_eq!(bench.transaction.poll_timeout(), bench.start + LIMIT);
    bench.now = bench.start + LIMIT - Duration::from_millis(1);
    assert_eq!(bench.sent(), None);
    assert_eq!(bench.transaction.handle_timeout(bench.now), None);
}

#[test]
fn a_challenge_does_not_prolong_the_limit() {
    let mut signer = signer();
    let mut bench = Bench::new(ALLOCATE, Some(&mut signer), Delivery::Datagrams);
    let first = bench.sent().unwrap();
    bench.now += Duration::from_secs(4);
    bench.handle(&error(&first, 401, Some("realm"), Some("n1")));
    assert!(bench.sent().is_some());
    bench.now = bench.start + LIMIT;
    let end = bench.transaction.handle_timeout(bench.now);
    assert_eq!(end, Some(Failure::NoAnswer(None)));
}

#[test]
fn a_second_401_is_final() {
    let mut signer = signer();
    let mut bench = Bench::new(ALLOCATE, Some(&mut signer), Delivery::Stream);
    let first = bench.sent().unwrap();
    bench.handle(&error(&first, 401, Some("realm"), Some("n1")));
    let second = bench.sent().unwrap();
    let end = bench.handle(&error(&second, 401, Some("realm"), Some("n2")));
    assert_eq!(
        end,
        Some(Err(Failure::Refused {
            code: 401,
            reason: "Because".to_owned(),
            alternate: None
        }))
    );
}

#[test]
fn stale_nonces_are_replaced_three_times() {
    let mut signer = signer();
    let mut bench = Bench::new(ALLOCATE, Some(&mut signer), Delivery::Stream);
    let first = bench.sent().unwrap();
    bench.handle(&error(&first, 401, Some("realm"), Some("n0")));
    for nonce in ["n1", "n2", "n3"] {
        let request = bench.sent().unwrap();
        assert_eq!(bench.handle(&error(&request, 438, None, Some(nonce))), None);
    }
    let request = bench.sent().unwrap();
    let message = Message::from_bytes(&request).unwrap();
    assert_eq!(message.attribute::<Nonce>().unwrap().nonce(), "n3");
    assert!(
        message.validate_integrity(&key("hunter2")).is_ok(),
        "the realm is kept"
    );
    let end = bench.handle(&error(&request, 438, None, Some("n4")));
    assert_eq!(end, Some(Err(Failure::StaleNonce)));
}

#[test]
fn a_challenge_without_realm_or_nonce_is_named() {
    for (realm, nonce) in [(None, None), (Some("realm"), None), (None, Some("n"))] {
        let mut signer = signer();
        let mut bench = Bench::new(ALLOCATE, Some(&mut signer), Delivery::Stream);
        let first = bench.sent().unwrap();
        let end = bench.handle(&error(&first, 401, realm, nonce));
        assert_eq!(end, Some(Err(Failure::NoChallenge)), "{realm:?} {nonce:?}");
    }
}

#[test]
fn a_code_is_read_whatever_its_reason_and_only_if_it_is_one() {
    for (class, first, expected) in [
        (4, b'B', (403, "Because")),
        (4, 0xff, (403, "\u{fffd}ecause")),
        (7, b'B', (0, "")),
        (2, b'B', (0, "")),
    ] {
        let mut signer = signer();
        let mut bench = Bench::new(ALLOCATE, Some(&mut signer), Delivery::Stream);
        let mut answer = error(&bench.sent().unwrap(), 403, None, None);
        let at = answer.windows(7).position(|it| it == b"Because").unwrap();
        answer[at - 2] = class;
        answer[at] = first;
        let Some(Err(Failure::Refused { code, reason, .. })) = bench.handle(&answer) else {
            panic!("no refusal");
        };
        assert_eq!((code, reason.as_str()), expected);
    }
}

#[test]
fn an_unsigned_success_is_no_success() {
    for (sign, failure) in [
        (None, Failure::Unsigned),
        (Some(key("another")), Failure::BadlySigned),
    ] {
        let mut signer = signer();
        let mut bench = Bench::new(ALLOCATE, Some(&mut signer), Delivery::Datagrams);
        let first = bench.sent().unwrap();
        bench.handle(&error(&first, 401, Some("realm"), Some("n0")));
        let request = bench.sent().unwrap();
        let end = bench.handle(&success(&request, sign.as_ref()));
        assert_eq!(end, Some(Err(failure)));
    }
}

#[test]
fn what_answers_nothing_is_ignored_and_named_at_the_end() {
    let mut bench = Bench::new(Request::Binding, None, Delivery::Datagrams);
    let request = bench.sent().unwrap();
    let kind = MessageType::from_class_method(MessageClass::Success, BINDING);
    let other = Message::builder(kind, TransactionId::generate(), MessageWriteVec::new()).finish();
    for (stray, named) in [
        (&b"garbage"[..], Stray::NotStun),
        (&success(&request, None)[..30], Stray::NotStun),
        (&other, Stray::OtherTransaction),
        (&request, Stray::OtherTransaction),
    ] {
        assert_eq!(bench.handle(stray), None);
        let end = bench.transaction.handle_timeout(bench.start + LIMIT);
        assert_eq!(end, Some(Failure::NoAnswer(Some(named))));
    }
    assert!(matches!(
        bench.handle(&success(&request, None)),
        Some(Ok(_))
    ));
}

#[test]
fn a_300_names_the_other_server() {
    let mut bench = Bench::new(Request::Binding, None, Delivery::Datagrams);
    let request = bench.sent().unwrap();
    let request = Message::from_bytes(&request).unwrap();
    let mut answer = Message::builder_error(&request, MessageWriteVec::new());
    answer
        .add_attribute(&ErrorCode::new(300, "Try Alternate").unwrap())
        .unwrap();
    let other = "192.0.2.7:3478".parse().unwrap();
    answer.add_attribute(&AlternateServer::new(other)).unwrap();
    assert_eq!(
        bench.handle(&answer.finish()),
        Some(Err(Failure::Refused {
            code: 300,
            reason: "Try Alternate".to_owned(),
            alternate: Some(other)
        }))
    );
}

#[test]
fn a_name_that_no_message_holds_is_no_signer() {
    assert!(Signer::new(&"u".repeat(513), Secret::new("p")).is_some());
    assert!(Signer::new(&"u".repeat(514), Secret::new("p")).is_none());
}

/// Any numbers, the same each time (xorshift).
fn numbers(mut state: u64) -> impl FnMut() -> usize {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    }
}

#[test]
fn no_bytes_of_a_server_make_the_client_panic() {
    let mut next = numbers(0x5eed);
    for round in 0..20_000 {
        let mut signer = signer();
        let mut bench = Bench::new(ALLOCATE, Some(&mut signer), Delivery::Stream);
        let request = bench.sent().unwrap();
        let mut answer = match round % 3 {
            0 => error(&request, 401, Some("realm"), Some("nonce")),
            1 => error(&request, 438, None, Some("nonce")),
            _ => success(&request, Some(&key("hunter2"))),
        };
        for _ in 0..next() % 4 {
            let at = next() % answer.len();
            answer[at] = next() as u8;
        }
        if next().is_multiple_of(4) {
            answer.truncate(next() % answer.len());
        }
        bench.handle(&answer);
        if let Some(request) = bench.sent() {
            bench.handle(&success(&request, None));
        }
    }
}

#[test]
fn the_longest_realm_and_nonce_fit_into_a_request() {
    let mut signer = Signer::new(&"u".repeat(513), Secret::new("p".repeat(1000))).unwrap();
    let mut bench = Bench::new(ALLOCATE, Some(&mut signer), Delivery::Stream);
    let first = bench.sent().unwrap();
    let (realm, nonce) = ("r".repeat(763), "n".repeat(763));
    assert_eq!(
        bench.handle(&error(&first, 401, Some(&realm), Some(&nonce))),
        None
    );
    assert!(bench.sent().is_some_and(|request| request.len() > 2000));
}
