//! The folders `static` of an application and of blueprints, on the disk or in the binary.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::app::App;
use crate::app::blueprint::Blueprint;
use crate::app::extension::Extension;
use crate::app::folder::{EmbeddedFile, Folder};
use crate::app::freezing::Freezing;
use crate::app::scaffold::Scaffold;
use crate::base::datetime::DateTime;
use crate::base::error::{Error, HttpError, Result};
use crate::builtin::file_head::{FileHead, accepted_encodings};
use crate::builtin::send_file::send_from_directory;
use crate::context::Context;
use crate::handler::respond::Respond;
use crate::handler::{Answer, Handler};
use crate::http::etags::ETag;
use crate::http::filenames::safe_join;
use crate::http::response::Response;
use crate::routing::rule::Rule;

/// The settings for static files.
#[derive(Default)]
struct StaticSetup {
    folder: Option<Cow<'static, str>>,
    url_path: Option<Cow<'static, str>>,
    host: Option<Cow<'static, str>>,
}

/// Where static files come from, and the view that sends them.
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

/// Adds `/static/<path:filename>` to an application that has a folder for it, and to blueprints. Every application has this
/// extension.
pub(crate) struct Static;

impl Extension for Static {
    fn init_app(self, app: App) -> App {
        app.static_folder("static").extend_last(add_rule).on_blueprint(add_blueprint_rule).on_freeze(
            |freezing: &mut Freezing<'_>| {
                if let Err(error) = freezing.config().seconds("SEND_FILE_MAX_AGE_DEFAULT") {
                    freezing.problem(error.to_string());
                }
            },
        )
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

impl Blueprint {
    /// A folder of static files of its own, in its [root folder](Blueprint::root_path). Their URLs begin with the prefix and
    /// the name of the folder, and their endpoint is `static`: `url_for('blog.static', filename='style.css')`, or
    /// `url_for('.static', …)` in a template of the blueprint.
    ///
    /// Without a prefix, another `static_url_path` is needed where the application has a folder `static` too.
    pub fn static_folder(mut self, folder: impl Into<Cow<'static, str>>) -> Blueprint {
        self.state_mut::<StaticSetup>().folder = Some(folder.into());
        self
    }

    /// Where its static files are below its prefix; by default the name of their folder.
    pub fn static_url_path(mut self, path: impl Into<Cow<'static, str>>) -> Blueprint {
        self.state_mut::<StaticSetup>().url_path = Some(path.into());
        self
    }
}

impl StaticSetup {
    /// The rule for the files.
    fn rule(&self, folder: &str) -> Rule {
        let name = Path::new(folder).file_name().and_then(|name| name.to_str()).unwrap_or("static");
        let path = self.url_path.as_deref().unwrap_or(name).trim_matches('/');
        let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
        let rule = Rule::new(format!("{prefix}/<path:filename>")).endpoint("static");
        match self.host.clone() {
            Some(host) => rule.host(host),
            None => rule,
        }
    }
}

/// The rule for the static files, added after all other setup.
fn add_rule(mut app: App) -> App {
    let setup = std::mem::take(app.state_mut::<StaticSetup>());
    match &setup.folder {
        Some(folder) => {
            let files = StaticFiles::of(app.folder(folder));
            app.add_url_rule(setup.rule(folder), files)
        }
        None => app,
    }
}

fn add_blueprint_rule(app: &mut App, mut blueprint: Blueprint) -> Blueprint {
    let setup = std::mem::take(blueprint.state_mut::<StaticSetup>());
    match &setup.folder {
        Some(folder) => {
            let files = StaticFiles::of(blueprint.folder(app, folder));
            blueprint.add_url_rule(setup.rule(folder), files)
        }
        None => blueprint,
    }
}

impl StaticFiles {
    fn of(folder: Folder) -> StaticFiles {
        match folder {
            Folder::Disk(path) => StaticFiles::Folder(path),
            Folder::Embedded { files, .. } => StaticFiles::Embedded(with_tags(files)),
        }
    }

    async fn send(&self, ctx: &mut Context) -> Result<Response> {
        let name: String = ctx.view_args().get("filename")?;
        match self {
            StaticFiles::Folder(folder) => {
                let file = send_from_directory(folder, &name).precompressed(precompressed(ctx)?);
                file.respond(ctx).await
            }
            StaticFiles::Embedded(files) => {
                let name = embedded_name(&name).ok_or_else(|| Error::from(HttpError::new(404)))?;
                send_embedded(ctx, files, &name)
            }
        }
    }
}

impl Handler for StaticFiles {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async { self.send(ctx).await.map(Some) }))
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
