//! The servers: how each is built and started.

use std::fs;
use std::path::PathBuf;

use crate::load::{self, Server};
use crate::{Result, cargo, execute, root, services, target};

/// A server of the bench.
pub struct Peer {
    /// What it is called on the command line and in the tables.
    pub name: &'static str,
    kind: Kind,
    /// The packages whose versions matter.
    packages: &'static [&'static str],
}

enum Kind {
    /// A package of the bench's workspace, and variables for it.
    Rust(&'static str, &'static [(&'static str, &'static str)]),
    /// A program of the Python environment and its arguments.
    Python(&'static str, &'static [&'static str]),
}

pub const OURS: &str = "ours";

pub fn all() -> Vec<Peer> {
    // gunicorn's manual: twice the number of cores, and one.
    let gunicorn = &["--bind", "127.0.0.1:{port}", "--workers", "3", "app:app"];
    let granian = &["--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}", "app:app"];
    vec![
        Peer { name: OURS, kind: Kind::Rust("bench-ours", &[]), packages: &["hipflask"] },
        Peer { name: "bare", kind: Kind::Rust("bench-ours", &[("BENCH_BARE", "1")]), packages: &["hipflask"] },
        Peer { name: "hyper", kind: Kind::Rust("bench-hyper", &[]), packages: &["hyper", "tokio"] },
        Peer { name: "axum", kind: Kind::Rust("bench-axum", &[]), packages: &["axum", "axum-extra", "tower-http"] },
        Peer { name: "actix", kind: Kind::Rust("bench-actix", &[]), packages: &["actix-web", "actix-session"] },
        Peer { name: "rocket", kind: Kind::Rust("bench-rocket", &[]), packages: &["rocket", "rocket_dyn_templates"] },
        Peer { name: "gunicorn", kind: Kind::Python("gunicorn", gunicorn), packages: &["Flask", "gunicorn"] },
        Peer { name: "granian", kind: Kind::Python("granian", granian), packages: &["Flask", "granian"] },
    ]
}

impl Peer {
    /// Whether its instructions can be counted.
    pub fn is_compiled(&self) -> bool {
        matches!(self.kind, Kind::Rust(..))
    }

    /// Its packages with their versions, as they are pinned.
    pub fn versions(&self) -> Result<String> {
        let path = root().join(match self.kind {
            Kind::Rust(..) => "bench/Cargo.lock",
            Kind::Python(..) => "bench/flask/requirements.txt",
        });
        let pinned = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let version = |package: &&str| {
            let (before, after) = match self.kind {
                Kind::Rust(..) => (format!("name = \"{package}\"\nversion = \""), '"'),
                Kind::Python(..) => (format!("\n{package}=="), '\n'),
            };
            let rest = pinned.split_once(&before).map(|(_, rest)| rest)?;
            Some(format!("{package} {}", rest.split(after).next()?))
        };
        Ok(self.packages.iter().filter_map(version).collect::<Vec<_>>().join(", "))
    }
}

/// Where the built programs are.
pub struct Made {
    release: PathBuf,
    python: Option<PathBuf>,
}

/// Builds the programs. Each is built alone, so that none has a feature of a dependency that only another asks for.
pub fn build(peers: &[Peer]) -> Result<Made> {
    let folder = target().join("bench");
    let mut built = Vec::new();
    let mut python = None;
    for peer in peers {
        match peer.kind {
            Kind::Rust(package, _) if built.contains(&package) => {}
            Kind::Rust(package, _) => {
                println!("building {package}");
                let mut build = cargo();
                build.current_dir(root().join("bench"));
                build.args(["build", "--quiet", "--locked", "--release", "-p", package]);
                execute(build.env("CARGO_TARGET_DIR", &folder))?;
                built.push(package);
            }
            Kind::Python(..) if python.is_some() => {}
            Kind::Python(..) => {
                let requirements = root().join("bench/flask/requirements.txt");
                python = Some(services::python_environment(&folder.join("python"), &requirements)?);
            }
        }
    }
    Ok(Made { release: folder.join("release"), python })
}

impl Made {
    pub fn server(&self, peer: &Peer) -> Server {
        match &peer.kind {
            Kind::Rust(package, variables) => {
                let mut server = Server::of_the_bench(&self.release.join(package));
                server.environment.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
                server
            }
            Kind::Python(program, arguments) => {
                let bin = self.python.as_ref().and_then(|python| python.parent()).unwrap_or(&self.release);
                let folder = root().join("bench/flask").display().to_string();
                Server {
                    program: bin.join(program),
                    arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
                    environment: vec![load::secret(), ("PYTHONPATH", folder)],
                }
            }
        }
    }
}
