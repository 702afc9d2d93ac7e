use super::*;

#[test]
fn a_certificate_that_the_server_wants_is_asked_for_after_the_handshake() {
    let required = rustls::AlertDescription::CertificateRequired;
    let alert = rustls::Error::AlertReceived(required);
    let fault = Fault::from(io::Error::new(io::ErrorKind::InvalidData, alert));
    assert_eq!(
        fault.happened(),
        "the server wants a certificate of the client"
    );
    let here = Circumstances {
        asked: Asked::Binding,
        transport: Transport::Tls,
        server: "192.0.2.1:5349".parse().unwrap(),
        expiry: Expiry::Ahead,
    };
    assert!(fault.advice(here).starts_with("Browsers have none"));
}

#[test]
fn every_code_has_a_sentence_of_its_own() {
    let here = |asked| Circumstances {
        asked,
        transport: Transport::Udp,
        server: "192.0.2.1:3478".parse().unwrap(),
        expiry: Expiry::Ahead,
    };
    let mut sentences = Vec::new();
    for code in [
        300, 400, 401, 403, 420, 437, 438, 440, 441, 442, 443, 486, 500, 508,
    ] {
        let fault = Fault::Stun(Failure::Refused {
            code,
            reason: String::new(),
            alternate: None,
        });
        assert_eq!(fault.code(), Some(code));
        sentences.push(fault.advice(here(Asked::Allocation)));
    }
    sentences.push(code_advice(403, None, here(Asked::Permission)));
    sentences.push(code_advice(401, None, here(Asked::Binding)));
    sentences.push(code_advice(437, None, here(Asked::Deletion)));
    let nobodys = "0.0.0.0:3478".parse().ok();
    sentences.push(code_advice(300, nobodys, here(Asked::Allocation)));
    let unanswered = Fault::Stun(Failure::NoAnswer(None));
    sentences.push(unanswered.advice(here(Asked::Deletion)));
    sentences.push(unanswered.advice(here(Asked::Allocation)));
    for (code, expiry) in [
        (400, Expiry::Past),
        (401, Expiry::Past),
        (401, Expiry::Never),
    ] {
        let asked = Circumstances {
            expiry,
            ..here(Asked::Allocation)
        };
        sentences.push(code_advice(code, None, asked));
    }
    let count = sentences.len();
    sentences.sort();
    sentences.dedup();
    assert_eq!(sentences.len(), count);
    assert!(sentences.iter().all(|sentence| sentence.ends_with('.')));
}
