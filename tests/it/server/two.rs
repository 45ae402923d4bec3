//! Two real instances on one database, each of which may be stopped, killed or frozen while the other serves.

use crate::database;
use crate::process::{Served, command};
use crate::support::as_texts;
use carbon_gateway::folder::DataFolder;
use std::path::Path;
use std::sync::Arc;

/// The first has the chain and the key in its folder.
pub(super) struct Two {
    folders: [tempfile::TempDir; 2],
    settings: [Vec<(String, String)>; 2],
    /// The instances.
    pub(super) each: [Arc<Served>; 2],
}

impl Two {
    pub(super) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with settings of both.
    pub(super) async fn start_with(both: &[(&str, &str)]) -> Self {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [home, away] = folders.each_ref().map(tempfile::TempDir::path);
        let owned = both
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings: Vec<_> = owned.chain(database::settings(home)).collect();
        let first = Served::start_with(home, &as_texts(&settings)).await;
        std::fs::copy(home.join("first-api-key"), away.join("first-api-key")).unwrap();
        let kek = DataFolder::new(home).kek_file().display().to_string();
        let own = [
            ("CARBON_GATEWAY__KEYS__KEK_FILE", kek.as_str()),
            ("CARBON_GATEWAY__CHAIN__KIND", "elsewhere"),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let elsewhere: Vec<_> = settings.iter().cloned().chain(own).collect();
        let second = Served::start_with(away, &as_texts(&elsewhere)).await;
        Self {
            folders,
            settings: [settings, elsewhere],
            each: [first, second].map(Arc::new),
        }
    }

    /// The folder of the first, by which the database is known.
    pub(super) fn home(&self) -> &Path {
        self.folders[0].path()
    }

    /// An instance to which nobody talks any more.
    pub(super) fn alone(&mut self, place: usize) -> &mut Served {
        Arc::get_mut(&mut self.each[place]).unwrap()
    }

    /// Starts one that has ended again, where it was.
    pub(super) async fn start_again(&mut self, place: usize) {
        let (base, folder) = (self.each[place].base.clone(), self.folders[place].path());
        let again = Served::start_at(&base, folder, &as_texts(&self.settings[place])).await;
        self.each[place] = Arc::new(again);
    }

    /// What was acknowledged is there; the first stops in good order, and everything adds up.
    pub(super) async fn assert_complete(self, now_s: i64, taken: impl Iterator<Item = u32>) {
        let Self { folders, each, .. } = self;
        let [first, second] = each;
        for n in taken {
            assert_eq!(first.submit(now_s, n).await, Some(200), "trip {n} was acknowledged");
        }
        drop(second);
        assert_eq!(Arc::into_inner(first).unwrap().terminate(), Some(0));
        let (code, stdout, stderr) = command(folders[0].path(), &["verify", "--json", "--recompute"]);
        assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    }
}
