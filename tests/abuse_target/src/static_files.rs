//! A folder of static files with everything in it that must not be served.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use hipflask::prelude::*;

/// Serves the folder, which is made when the application is, and removed when it stops.
pub fn add(app: App) -> App {
    let root = std::env::temp_dir().join(format!("abuse-target-{}", std::process::id()));
    let folder = root.join("static").to_string_lossy().into_owned();
    let made = root.clone();
    app.static_folder(folder)
        .static_url_path("/static")
        .on_startup(move || fill(&made).map_err(|error| Error::msg(format!("the static files: {error}"))))
        .on_shutdown(move || fs::remove_dir_all(&root).map_err(|error| Error::msg(error.to_string())))
}

fn fill(root: &Path) -> io::Result<()> {
    let folder = root.join("static");
    fs::create_dir_all(folder.join("sub"))?;
    let data: Vec<u8> = (0..40).flat_map(|_| 0..=255).collect();
    let files: [(&str, &[u8]); 6] = [
        ("hello.txt", b"hello static\n"),
        ("sub/in.txt", b"in sub\n"),
        ("empty.bin", b""),
        ("data.bin", &data),
        (".env", b"TOPSECRET=1\n"),
        ("page.html", b"<b>x</b>"),
    ];
    for (name, content) in files {
        fs::write(folder.join(name), content)?;
    }
    let outside: PathBuf = root.join("outside.txt");
    fs::write(&outside, "OUTSIDE-SECRET\n")?;
    std::os::unix::fs::symlink(outside, folder.join("link.txt"))?;
    std::os::unix::fs::symlink("/etc", folder.join("etcdir"))?;
    Command::new("mkfifo").arg(folder.join("fifo")).status().map(|_| ())
}
