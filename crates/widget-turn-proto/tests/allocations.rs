//! What the layer takes from the heap: rule C9. One test, because the counter is the process's.

#![expect(clippy::unwrap_used, reason = "a test")]

use widget_turn_proto::{
    LayerConfig, NoTurn, Output, Secret, Supply, Timestamp, TurnLayer, TurnServer,
};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const NOW: Timestamp = Timestamp::ZERO;

fn drain(layer: &mut TurnLayer) -> Vec<Output> {
    std::iter::from_fn(|| layer.poll_output()).collect()
}

/// A layer whose widget holds credentials and has said so.
fn watching(server: &TurnServer) -> TurnLayer {
    let mut layer = TurnLayer::new(LayerConfig::new("widget-1"));
    let message = |api, id, action, rest: &str| {
        format!(
            r#"{{"api":"{api}","widgetId":"widget-1","requestId":"{id}","action":"{action}","data":{{}}{rest}}}"#
        )
    };
    layer.handle_host_message(NOW, message("toWidget", "1", "capabilities", ""));
    let wish = r#","response":{"capabilities":["town.robin.msc3846.turn_servers"]}"#;
    layer.handle_widget_message(NOW, message("toWidget", "1", "capabilities", wish));
    for output in drain(&mut layer) {
        if let Output::Ask(token, _) = output {
            layer.handle_decision(NOW, &token, true);
        }
    }
    let notify = r#"{"api":"toWidget","widgetId":"widget-1","requestId":"2","action":"notify_capabilities","data":{"requested":[],"approved":[]}}"#;
    layer.handle_host_message(NOW, notify.to_owned());
    layer.handle_widget_message(NOW, message("fromWidget", "3", "watch_turn_servers", ""));
    layer.handle_supply(
        NOW,
        Supply::Ready {
            server: server.clone(),
            expires_at: Timestamp::from_secs(3600),
        },
    );
    let Some(Output::ToWidget(update)) = drain(&mut layer).pop() else {
        panic!("the widget is told")
    };
    assert!(update.contains("update_turn_servers"));
    let open = update.strip_suffix('}').unwrap();
    layer.handle_widget_message(NOW, format!(r#"{open},"response":{{}}}}"#));
    assert_eq!(drain(&mut layer), []);
    layer
}

#[test]
fn c9_a_watching_layer_is_small_and_what_passes_through_is_not_copied() -> Result<(), NoTurn> {
    let uris = [
        "turn:turn.example.com:3478?transport=udp".to_owned(),
        "turn:turn.example.com:3478?transport=tcp".to_owned(),
    ];
    let server = TurnServer::new(
        uris,
        "1443779631:@user:example.com",
        Secret::new("JlKfBy1QwLrO20385QyAtEyIv0="),
    )?;
    let long = format!(
        r#"{{"api":"fromWidget","widgetId":"widget-1","requestId":"4","action":"send_event","data":{{"text":"{}"}}}}"#,
        "x".repeat(1 << 20)
    );
    let _profiler = dhat::Profiler::builder().testing().build();

    let before = dhat::HeapStats::get();
    let layers: Vec<_> = (0..100).map(|_| Box::new(watching(&server))).collect();
    let each = (dhat::HeapStats::get().curr_bytes - before.curr_bytes) / layers.len();
    println!(
        "a watching layer: {each} bytes, of which {} are the struct itself",
        size_of::<TurnLayer>()
    );
    assert!(
        each <= 1024,
        "a watching layer takes {each} bytes, itself included"
    );

    let mut layer = layers.into_iter().next().expect("there are a hundred");
    let address = long.as_ptr();
    let before = dhat::HeapStats::get();
    layer.handle_widget_message(NOW, long);
    let Some(Output::ToHost(passed)) = layer.poll_output() else {
        panic!("it goes through")
    };
    let after = dhat::HeapStats::get();
    assert_eq!(passed.as_ptr(), address, "the same string");
    assert_eq!(
        after.total_bytes - before.total_bytes,
        0,
        "nothing was allocated for a megabyte"
    );
    Ok(())
}
