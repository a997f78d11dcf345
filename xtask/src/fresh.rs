//! `cargo xtask fresh`: the README's two commands on a Debian that has nothing but Rust, a C compiler and git.
//!
//! The system is made by debootstrap in the target folder. That and each command run in name spaces of their own for
//! mounts and processes, which the kernel clears when the first process ends; so no mount and no process can stay,
//! whatever happens, and nothing of this machine is mounted there when the folder is removed. How this machine reaches its registries is copied into it. Not part of `.ci/run`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::guard::Guard;
use crate::{Result, execute, follow, output, root, services, target};

/// What the system has beside Debian's minimum.
const PACKAGES: &str = "gcc,libc6-dev,ca-certificates,git";

/// Where the checkout and the toolchain are, inside.
const CHECKOUT: &str = "root/hipflask";
const TOOLCHAIN: &str = "opt/rust";

/// How long `cargo run` may take to download, build and serve.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// The command.
pub fn run() -> Result<()> {
    if !services::is_root()? {
        return Err("only root may make a system to change into: start it as root".to_owned());
    }
    let (system, made) = timed(System::make)?;
    let (page, served) = timed(|| system.cargo_run())?;
    let (tests, tested) = timed(|| system.cargo_xtask_test())?;
    system.is_clean()?;
    println!("\n{}: made in {made}", system.about);
    println!("`cargo run`: {page}, and ended in order, in {served}");
    println!("`cargo xtask test`: {tests}, and left nothing, in {tested}");
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, String)> {
    let began = Instant::now();
    let done = work()?;
    Ok((done, format!("{} s", began.elapsed().as_secs())))
}

/// A system in a folder, which goes with this value.
struct System {
    guard: Guard,
    sysroot: PathBuf,
    /// Which Debian and which commit, for a person.
    about: String,
}

impl System {
    fn make() -> Result<System> {
        if !services::in_path("debootstrap") {
            services::install(&["debootstrap"])?;
        }
        let guard = Guard::begin(target().join("fresh"))?;
        let sysroot = PathBuf::from(output(Command::new("rustc").args(["--print", "sysroot"]))?.trim());
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let suite = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
        let suite = suite.ok_or("/etc/os-release names no Debian")?;
        println!("making a Debian {suite} with {PACKAGES}");
        let mut debootstrap = isolated("debootstrap");
        debootstrap.args(["--variant=minbase", &format!("--include={PACKAGES}"), suite]).arg(guard.folder());
        output(debootstrap.args(mirror(suite)?))?;
        configure(guard.folder())?;
        let commit = check_out(&guard.folder().join(CHECKOUT))?;
        Ok(System { guard, sysroot, about: format!("Debian {suite} with commit {commit}") })
    }

    /// A shell inside, in the checkout.
    fn shell(&self, script: &str) -> Command {
        let mut command = isolated("sh");
        command.args(["-c", ENTER, TOOLCHAIN]).arg(self.guard.folder()).arg(&self.sysroot);
        command.arg(format!("cd /{CHECKOUT} && {script}"));
        let path = format!("/{TOOLCHAIN}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env_clear().envs(std::env::vars().filter(|(name, _)| is_of_the_network(name)));
        command.env("PATH", path).env("HOME", "/root").env("LANG", "C.UTF-8");
        command
    }

    /// `cargo run`, until the page was there; what it was.
    fn cargo_run(&self) -> Result<String> {
        let port = services::free_port()?;
        // A shell gives no stdin to what is in the background, so the server has none, and this has the pipe.
        let mut shell = self.shell("cargo run & read -r _; kill $! && wait $!");
        shell.env("FLASK_RUN_PORT", port.to_string()).stdin(Stdio::piped());
        let mut shell = shell.spawn().map_err(|error| format!("setpriv cannot be started: {error}"))?;
        let page = page(&format!("http://127.0.0.1:{port}/"), &mut shell);
        drop(shell.stdin.take());
        let status = shell.wait().map_err(|error| error.to_string())?;
        let page = page?;
        if status.success() { Ok(page) } else { Err(format!("`cargo run` was asked to end and failed ({status})")) }
    }

    /// `cargo xtask test`; its last line.
    fn cargo_xtask_test(&self) -> Result<String> {
        let mut last = String::new();
        let mut test = self.shell("cargo xtask test");
        let ended =
            follow(test.stdin(Stdio::null()), &mut std::io::stdout(), |line| line.trim_end().clone_into(&mut last));
        ended.map(|()| last.clone()).map_err(|_| format!("`cargo xtask test` failed: {last}"))
    }

    /// Nothing may be left where temporary files are.
    fn is_clean(&self) -> Result<()> {
        let left = fs::read_dir(self.guard.folder().join("tmp")).map_err(|error| error.to_string())?;
        let left: Vec<String> = left.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("the commands left in /tmp: {}", left.join(", "))) }
    }
}

/// A program that ends with this one, and what it mounts and starts with it.
fn isolated(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.arg(program);
    command
}

/// Mounts what a system needs, and changes into it. The toolchain cannot be written there.
const ENTER: &str = r#"set -e
mkdir -p "$1/$0"
mount --bind "$2" "$1/$0"
mount -o remount,bind,ro "$1/$0"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
exec chroot "$1" sh -c "$3""#;

/// The first page at `url`, as soon as there is one.
fn page(url: &str, server: &mut Child) -> Result<String> {
    let began = Instant::now();
    loop {
        if let Ok(mut answer) = ureq::get(url).call() {
            let page = answer.body_mut().read_to_string().map_err(|error| format!("{url}: {error}"))?;
            let title = page.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next());
            let title = title.ok_or_else(|| format!("{url} answers without a page:\n{page}"))?;
            return Ok(format!("the page “{title}” after {} s", began.elapsed().as_secs()));
        }
        if let Ok(Some(status)) = server.try_wait() {
            return Err(format!("`cargo run` ended before it served ({status})"));
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("`cargo run` serves nothing after {} s", PATIENCE.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Clones what is committed; the commit.
fn check_out(to: &Path) -> Result<String> {
    execute(Command::new("git").args(["clone", "--quiet", "--no-hardlinks"]).arg(root()).arg(to))?;
    let head = output(Command::new("git").arg("-C").arg(to).args(["rev-parse", "--short", "HEAD"]))?;
    let changed = output(Command::new("git").arg("-C").arg(root()).args(["status", "--porcelain"]))?;
    if !changed.is_empty() {
        println!("what is not committed is not in it");
    }
    Ok(head.trim().to_owned())
}

/// The mirror that this machine's apt takes the suite from; otherwise debootstrap has its own.
fn mirror(suite: &str) -> Result<Option<String>> {
    let format = "$(RELEASE) $(REPO_URI)";
    let targets = output(Command::new("apt-get").args(["indextargets", "--no-release-info", "--format", format]))?;
    Ok(mirror_in(&targets, suite))
}

fn mirror_in(targets: &str, suite: &str) -> Option<String> {
    let mut pairs = targets.lines().filter_map(|line| line.split_once(' '));
    pairs.find(|(release, uri)| *release == suite && uri.starts_with("http")).map(|(_, uri)| uri.to_owned())
}

/// Gives the system in `folder` this machine's way to its registries.
fn configure(folder: &Path) -> Result<()> {
    let cargo = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let cargo = PathBuf::from(cargo.unwrap_or_default()).join("config.toml");
    let same = ["/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/apt/keyrings", "/etc/hosts", "/etc/pip.conf"];
    let network = ["/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"];
    let files = same.into_iter().chain(network).map(|file| (PathBuf::from(file), file));
    for (from, to) in files.chain([(cargo, "/root/.cargo/config.toml")]).filter(|(from, _)| from.exists()) {
        let to = folder.join(to.trim_start_matches('/'));
        let parent = to.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
        // A folder that is there already is copied into, and not beside.
        execute(Command::new("cp").args(["-rLT", "--remove-destination"]).arg(from).arg(to))?;
    }
    let apt = folder.join("etc/apt/apt.conf.d/99of-this-machine");
    let options = output(Command::new("apt-config").args(["dump", "Acquire"]))?;
    fs::write(&apt, of_the_machine(&options)).map_err(|error| format!("{}: {error}", apt.display()))
}

/// Of apt's options, those about where packages come from; not which lists there are, which is everywhere the same.
fn of_the_machine(options: &str) -> String {
    let is_ours = |line: &&str| !["IndexTargets", "cdrom"].iter().any(|group| line.contains(group));
    options.lines().filter(is_ours).map(|line| format!("{line}\n")).collect()
}

/// Whether a variable says how to reach a registry. Secrets stay outside.
fn is_of_the_network(name: &str) -> bool {
    let begins = ["CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_SOURCE_", "PIP_", "SSL_CERT_"];
    let ends = ["_proxy", "_PROXY", "_CA_BUNDLE", "_CAINFO"];
    (begins.iter().any(|begin| name.starts_with(begin)) || ends.iter().any(|end| name.ends_with(end)))
        && !name.ends_with("_TOKEN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_one_that_has_the_suite() {
        let targets = "bookworm-security http://a.example/security/\nbookworm file:/srv/debian/\n\
                       bookworm http://b.example/debian/\nbookworm http://c.example/debian/\n";
        assert_eq!(mirror_in(targets, "bookworm").as_deref(), Some("http://b.example/debian/"));
        assert_eq!(mirror_in(targets, "trixie"), None);
    }

    #[test]
    fn ways_to_registries_are_copied_and_secrets_are_not() {
        for name in ["https_proxy", "CARGO_HTTP_CAINFO", "PIP_INDEX_URL", "SSL_CERT_FILE", "CARGO_NET_OFFLINE"] {
            assert!(is_of_the_network(name), "{name}");
        }
        for name in ["CARGO_REGISTRIES_OURS_TOKEN", "CARGO_REGISTRY_TOKEN", "CARGO_MANIFEST_DIR", "HOME", "RUSTFLAGS"] {
            assert!(!is_of_the_network(name), "{name}");
        }
    }

    #[test]
    fn of_apt_only_the_ways_are_copied() {
        let options =
            "Acquire \"\";\nAcquire::IndexTargets::deb \"\";\nAcquire::http::Proxy \"http://proxy.example\";\n";
        assert_eq!(of_the_machine(options), "Acquire \"\";\nAcquire::http::Proxy \"http://proxy.example\";\n");
    }
}
