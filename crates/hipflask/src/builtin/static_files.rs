//! The application's own folder `static`, on the disk or in the binary.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::app::App;
use crate::app::extension::Extension;
use crate::app::freezing::{EmbeddedFile, Freezing};
use crate::app::scaffold::Scaffold;
use crate::base::datetime::DateTime;
use crate::base::error::{Error, HttpError, Result};
use crate::builtin::file_head::{FileHead, accepted_encodings};
use crate::builtin::send_file::send_from_directory;
use crate::context::Context;
use crate::handler::respond::Respond;
use crate::http::etags::ETag;
use crate::http::filenames::safe_join;
use crate::http::response::Response;
use crate::routing::rule::Rule;
use crate::routing::view_args::ViewArgs;

/// The settings for static files.
#[derive(Default)]
struct StaticSetup {
    folder: Option<Cow<'static, str>>,
    url_path: Option<Cow<'static, str>>,
    host: Option<Cow<'static, str>>,
}

/// Where static files come from.
enum StaticFiles {
    Folder(PathBuf),
    /// By name, each with its tag, which requires reading the whole file.
    Embedded(HashMap<&'static str, Embedded>),
}

/// A file in the binary.
struct Embedded {
    content: &'static [u8],
    etag: ETag,
    modified: DateTime,
}

/// Adds `/static/<path:filename>` to an application that has a folder for it. Every application has this
/// extension.
pub(crate) struct Static;

impl Extension for Static {
    fn init_app(self, app: App) -> App {
        app.static_folder("static").extend_last(add_rule).on_freeze(|freezing: &mut Freezing<'_>| {
            if let Err(error) = freezing.config().seconds("SEND_FILE_MAX_AGE_DEFAULT") {
                freezing.problem(error.to_string());
            }
            let setup = freezing.take_state::<StaticSetup>().unwrap_or_default();
            let Some(folder) = setup.folder else { return };
            freezing.insert_state(match freezing.embedded(&folder) {
                Some(files) => StaticFiles::Embedded(with_tags(files)),
                None => StaticFiles::Folder(freezing.root_path().join(&*folder)),
            });
        })
    }
}

impl App {
    /// The folder of the static files, relative to the application's: `static`. Their URLs begin with the same
    /// name: `url_for('static', filename='style.css')`.
    pub fn static_folder(mut self, folder: impl Into<Cow<'static, str>>) -> App {
        self.state_mut::<StaticSetup>().folder = Some(folder.into());
        self
    }

    /// Where the static files are on the site; by default the name of their folder.
    pub fn static_url_path(mut self, path: impl Into<Cow<'static, str>>) -> App {
        self.state_mut::<StaticSetup>().url_path = Some(path.into());
        self
    }

    /// The host that the static files are at, where the application looks at hosts
    /// ([`host_matching`](App::host_matching)).
    pub fn static_host(mut self, host: impl Into<Cow<'static, str>>) -> App {
        self.state_mut::<StaticSetup>().host = Some(host.into());
        self
    }

    /// Serves no static files.
    pub fn without_static_files(mut self) -> App {
        self.state_mut::<StaticSetup>().folder = None;
        self
    }
}

/// The rule for the static files, added after all other setup.
fn add_rule(mut app: App) -> App {
    let setup = app.state_mut::<StaticSetup>();
    let Some(folder) = setup.folder.clone() else { return app };
    let name = Path::new(&*folder).file_name().and_then(|name| name.to_str()).unwrap_or("static").to_owned();
    let path = setup.url_path.clone().unwrap_or(Cow::Owned(name));
    let path = path.trim_matches('/');
    let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
    let rule = Rule::new(format!("{prefix}/<path:filename>")).endpoint("static");
    let rule = match setup.host.clone() {
        Some(host) => rule.host(host),
        None => rule,
    };
    app.add_url_rule(rule, static_file)
}

async fn static_file(ctx: &mut Context, args: ViewArgs) -> Result<Response> {
    let name: String = args.get("filename")?;
    let app = ctx.app().clone();
    match app.state::<StaticFiles>() {
        Some(StaticFiles::Folder(folder)) => {
            let file = send_from_directory(folder, &name).precompressed(precompressed(ctx)?);
            file.respond(ctx).await
        }
        Some(StaticFiles::Embedded(files)) => {
            let name = embedded_name(&name).ok_or_else(|| Error::from(HttpError::new(404)))?;
            send_embedded(ctx, files, &name)
        }
        None => Err(HttpError::new(404).into()),
    }
}

/// The name of a file in the binary that a client means, read as for a folder.
fn embedded_name(name: &str) -> Option<String> {
    let path = safe_join(Path::new(""), name)?;
    let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}

/// The tag of each file in the binary. When it was changed is not known, so the start of serving counts.
fn with_tags(files: &'static [EmbeddedFile]) -> HashMap<&'static str, Embedded> {
    let modified = DateTime::now();
    let embedded = |file: &EmbeddedFile| Embedded { content: file.content, etag: ETag::of(file.content), modified };
    files.iter().map(|file| (file.name, embedded(file))).collect()
}

fn send_embedded(ctx: &Context, files: &HashMap<&'static str, Embedded>, name: &str) -> Result<Response> {
    let file = files.get(name).ok_or_else(|| Error::from(HttpError::new(404)))?;
    let varies = precompressed(ctx)?;
    let beside = accepted_encodings(ctx).into_iter().filter(|_| varies);
    let beside = beside.filter_map(|(encoding, end)| Some((Some(encoding), files.get(&*format!("{name}.{end}"))?)));
    let (encoding, sent) = beside.chain([(None, file)]).next().unwrap_or((None, file));
    let head = FileHead {
        name: name.rsplit('/').next(),
        mimetype: None,
        attachment: false,
        max_age: None,
        etag: Some(sent.etag.clone()),
        modified: Some(sent.modified),
        len: Some(sent.content.len() as u64),
        conditional: true,
        encoding,
        varies,
    };
    head.respond_with(ctx, &Bytes::from_static(sent.content))
}

/// Whether compressed files beside the static ones are sent.
fn precompressed(ctx: &Context) -> Result<bool> {
    ctx.config().get("STATIC_PRECOMPRESSED")
}
