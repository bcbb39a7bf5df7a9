//! Work that an interruption must not tear apart.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Cx, Shared};
use crate::driver::cancel::Cancel;
use crate::driver::http::Client;
use crate::driver::process::Processes;

impl Cx {
    /// The same context, but what it runs goes on when the run is asked to end, and is ended only when it is asked to end at
    /// once: a release that is interrupted has to be taken back first, and for that commands have to run.
    pub fn patient(&self) -> Self {
        let cancel = Cancel::default();
        let urgent = cancel.clone();
        self.cancel().on_cancel_now(move || urgent.cancel_now());
        let Shared { root, output, config, environment, mask, fake, start, wishes, .. } = &*self.shared;
        let runner = fake.clone().unwrap_or_else(|| Arc::new(Processes::new(cancel.clone())));
        let sinks = self.shared.sinks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let http = Client::new(environment.clone(), cancel.clone());
        Self {
            shared: Arc::new(Shared {
                root: root.clone(),
                output: output.clone(),
                config: config.clone(),
                environment: environment.clone(),
                mask: mask.clone(),
                runner,
                fake: fake.clone(),
                http: if wishes.offline { http.offline() } else { http },
                cancel,
                start: *start,
                wishes: *wishes,
                sinks: Mutex::new(sinks),
                registries: Mutex::default(),
            }),
            scope: self.scope.clone(),
            step: self.step.clone(),
        }
    }
}
