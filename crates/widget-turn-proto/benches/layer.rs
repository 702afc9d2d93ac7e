//! `cargo bench -p widget-turn-proto`: the layer's own work.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use widget_turn_proto::{LayerConfig, Output, Timestamp, TurnLayer, read_response};

const NOW: Timestamp = Timestamp::ZERO;

/// An owned message in, its reply out: `unwatch_turn_servers` is answered in every state.
fn owned(criterion: &mut Criterion) {
    let request = r#"{"api":"fromWidget","widgetId":"lab-widget-1","requestId":"widgetapi-1795441358276","action":"unwatch_turn_servers","data":{}}"#;
    let mut layer = TurnLayer::new(LayerConfig::new("lab-widget-1"));
    criterion.bench_function("owned message in, reply out", |bencher| {
        bencher.iter_batched(
            || request.to_owned(),
            |text| {
                layer.handle_widget_message(NOW, text);
                let Some(Output::ToWidget(reply)) = layer.poll_output() else {
                    unreachable!("it is answered")
                };
                reply
            },
            BatchSize::SmallInput,
        );
    });
}

/// 64 KiB of room events, and 64 KiB of one string.
fn passed_through(criterion: &mut Criterion) {
    let event = r#"{"type":"m.room.message","sender":"@alice:example.org","event_id":"$143273582443PhrSn:example.org","origin_server_ts":1432735824653,"unsigned":{"age":1234},"content":{"body":"This is an example text message","msgtype":"m.text"}}"#;
    let events = vec![event; (64 * 1024 - 200) / event.len()].join(",");
    let text = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=".repeat(1800);
    let message = |data: &str| {
        format!(
            r#"{{"api":"toWidget","widgetId":"w","requestId":"1","action":"update_state","data":{data}}}"#
        )
    };
    let mut group = criterion.benchmark_group("64 KiB passed through");
    for (name, message) in [
        ("events", message(&format!(r#"{{"state":[{events}]}}"#))),
        ("one string", message(&format!(r#"{{"file":"{text}"}}"#))),
    ] {
        let mut layer = TurnLayer::new(LayerConfig::new("w"));
        group.throughput(Throughput::Bytes(message.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || message.clone(),
                |text| {
                    layer.handle_host_message(NOW, text);
                    let Some(Output::ToWidget(text)) = layer.poll_output() else {
                        unreachable!("it goes through")
                    };
                    text
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn response(criterion: &mut Criterion) {
    let body = br#"{"username":"1443779631:@user:example.com","password":"JlKfBy1QwLrO20385QyAtEyIv0=","uris":["turn:turn.example.com:3478?transport=udp","turn:10.20.30.40:3478?transport=tcp","turns:10.20.30.40:443?transport=tcp"],"ttl":86400}"#;
    criterion.bench_function("a homeserver's answer", |bencher| {
        bencher.iter(|| read_response(200, None, black_box(body)));
    });
}

criterion_group!(benches, owned, passed_through, response);
criterion_main!(benches);
