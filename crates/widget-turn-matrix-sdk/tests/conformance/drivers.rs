//! What serves the widget: ours, or the SDK's driver alone.

use matrix_sdk::widget::{
    Capabilities, CapabilitiesProvider, WidgetDriver, WidgetDriverHandle, WidgetSettings,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use widget_turn_matrix_sdk::TurnWidgetDriver;

use crate::place::Place;
use crate::player::WIDGET_ID;
use crate::script::{Grant, Script};

pub(crate) enum Driver {
    Ours(TurnWidgetDriver),
    Bare(WidgetDriverHandle, JoinHandle<()>),
}

impl Driver {
    pub(crate) fn ours(place: &Place, script: &Script) -> Self {
        let grant = place.grant.subscribe();
        let decide = move |request: widget_turn_matrix_sdk::CapabilityRequest| {
            approved(grant.clone(), request.capabilities)
        };
        let settings = settings(script);
        let driver = TurnWidgetDriver::spawn(settings, place.room.clone(), decide, &place.feed());
        Self::Ours(driver)
    }

    pub(crate) fn bare(place: &Place, script: &Script) -> Self {
        let (driver, handle) = WidgetDriver::new(settings(script));
        let room = place.room.clone();
        let person = Person(place.grant.subscribe());
        let run = async move {
            let _ = driver.run(room, person).await;
        };
        Self::Bare(handle, tokio::spawn(run))
    }

    pub(crate) async fn send(&self, text: String) {
        match self {
            Self::Ours(driver) => assert!(driver.send(text).await),
            Self::Bare(handle, _) => assert!(handle.send(text).await),
        }
    }

    pub(crate) async fn recv(&mut self) -> Option<String> {
        match self {
            Self::Ours(driver) => driver.recv().await,
            Self::Bare(handle, _) => handle.recv().await,
        }
    }

    pub(crate) async fn page_loaded(&self) {
        match self {
            Self::Ours(driver) => assert!(driver.page_loaded().await),
            // It cannot be told.
            Self::Bare(..) => {}
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Self::Bare(_, task) = self {
            task.abort();
        }
    }
}

fn settings(script: &Script) -> WidgetSettings {
    let url = "https://widget.example/";
    WidgetSettings::new(WIDGET_ID.to_owned(), script.announces, url).unwrap()
}

/// What is approved of these, once somebody decides.
async fn approved(mut grant: watch::Receiver<Grant>, wanted: Vec<String>) -> Vec<String> {
    let decided = grant.wait_for(|grant| !matches!(grant, Grant::Later)).await;
    let names = match decided.as_deref() {
        Ok(Grant::Names(names)) => names.clone(),
        // The script is over.
        Ok(Grant::Later) | Err(_) => Vec::new(),
    };
    wanted
        .into_iter()
        .filter(|name| names.contains(name))
        .collect()
}

struct Person(watch::Receiver<Grant>);

impl CapabilitiesProvider for Person {
    async fn acquire_capabilities(&self, wanted: Capabilities) -> Capabilities {
        let wanted: Value = serde_json::to_value(wanted).unwrap();
        let wanted = serde_json::from_value(wanted).unwrap();
        let approved = approved(self.0.clone(), wanted).await;
        serde_json::from_value(json!(approved)).unwrap()
    }
}
