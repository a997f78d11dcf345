//! Pictures of posts: files in the instance folder, under names that we choose.

use std::path::PathBuf;

use hipflask::helpers::{File, send_from_directory};
use hipflask::http::Upload;
use hipflask::prelude::*;
use hipflask::{DateTime, Frozen};

/// The largest picture.
pub const MOST_BYTES: u64 = 2_000_000;

fn folder(app: &Frozen) -> PathBuf {
    app.instance_path().join("pictures")
}

/// The extension that fits the content of a file; its name and type are only what the client claims.
fn extension_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("png"),
        [0xff, 0xd8, 0xff, ..] => Some("jpg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("webp"),
        _ => None,
    }
}

/// Saves a picture. Returns its name, or a message for the author if it is not a picture.
pub async fn save(app: &Frozen, upload: Option<&Upload>) -> Result<Result<Option<String>, &'static str>> {
    let Some(upload) = upload else { return Ok(Ok(None)) };
    if upload.len() > MOST_BYTES {
        return Ok(Err("The picture is larger than 2 MB."));
    }
    let Some(extension) = extension_of(&upload.bytes().await?) else {
        return Ok(Err("Choose a PNG, JPEG, GIF or WebP picture."));
    };
    let name = format!("{}.{extension}", DateTime::now().unix_micros());
    std::fs::create_dir_all(folder(app))?;
    upload.save(folder(app).join(&name)).await?;
    Ok(Ok(Some(name)))
}

/// Deletes a picture; it is not an error if it is already gone.
pub async fn remove(app: &Frozen, name: Option<&str>) {
    if let Some(name) = name {
        let _ = std::fs::remove_file(folder(app).join(name));
    }
}

#[get("/pictures/<name>")]
pub async fn picture(name: String, app: Frozen) -> File {
    send_from_directory(folder(&app), &name)
}
