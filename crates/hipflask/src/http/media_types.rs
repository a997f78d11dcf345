//! The media types of files by their names: those that Python finds on a Debian, and of some that it does not know.

/// The media type for a file name's extension, and the encoding that it implies. Python's `mimetypes.guess_type`.
///
/// ```
/// use hipflask::http::guess_type;
///
/// assert_eq!(guess_type("style.css"), ("text/css", None));
/// assert_eq!(guess_type("backup.tar.gz"), ("application/x-tar", Some("gzip")));
/// assert_eq!(guess_type("unknown"), ("application/octet-stream", None));
/// ```
pub fn guess_type(name: &str) -> (&'static str, Option<&'static str>) {
    let lower = name.to_ascii_lowercase();
    let (stem, encoding) = match lower.rsplit_once('.') {
        Some((stem, "gz")) if stem.contains('.') => (stem, Some("gzip")),
        Some((stem, "br")) if stem.contains('.') => (stem, Some("br")),
        Some((_, "tgz")) => ("x.tar", Some("gzip")),
        Some((_, "svgz")) => ("x.svg", Some("gzip")),
        _ => (lower.as_str(), None),
    };
    let extension = stem.rsplit_once('.').map_or("", |(_, extension)| extension);
    let found = BY_EXTENSION.binary_search_by_key(&extension, |(known, _)| known);
    (found.map_or("application/octet-stream", |at| BY_EXTENSION[at].1), encoding)
}

/// In the order of the extensions.
#[rustfmt::skip]
const BY_EXTENSION: [(&str, &str); 201] = [
    ("3g2", "video/3gpp2"),
    ("3gp", "video/3gpp"),
    ("7z", "application/x-7z-compressed"),
    ("aac", "audio/aac"),
    ("ai", "application/postscript"),
    ("aif", "audio/x-aiff"),
    ("aiff", "audio/x-aiff"),
    ("apk", "application/vnd.android.package-archive"),
    ("apng", "image/apng"),
    ("appcache", "text/cache-manifest"),
    ("atom", "application/atom+xml"),
    ("avi", "video/x-msvideo"),
    ("avif", "image/avif"),
    ("azw3", "application/vnd.amazon.mobi8-ebook"),
    ("bib", "text/x-bibtex"),
    ("bmp", "image/bmp"),
    ("bz2", "application/x-bzip2"),
    ("c", "text/x-csrc"),
    ("cab", "application/vnd.ms-cab-compressed"),
    ("cbr", "application/vnd.comicbook-rar"),
    ("cbz", "application/vnd.comicbook+zip"),
    ("cer", "application/pkix-cert"),
    ("cjs", "text/javascript"),
    ("cpp", "text/x-c++src"),
    ("crt", "application/x-x509-ca-cert"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("deb", "application/vnd.debian.binary-package"),
    ("diff", "text/x-diff"),
    ("djvu", "image/vnd.djvu"),
    ("dmg", "application/x-apple-diskimage"),
    ("doc", "application/msword"),
    ("docm", "application/vnd.ms-word.document.macroEnabled.12"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("dotx", "application/vnd.openxmlformats-officedocument.wordprocessingml.template"),
    ("dtd", "application/xml-dtd"),
    ("dxf", "image/vnd.dxf"),
    ("eml", "message/rfc822"),
    ("eot", "application/vnd.ms-fontobject"),
    ("eps", "application/postscript"),
    ("epub", "application/epub+zip"),
    ("exe", "application/x-msdos-program"),
    ("flac", "audio/flac"),
    ("flv", "video/x-flv"),
    ("geojson", "application/geo+json"),
    ("gif", "image/gif"),
    ("glb", "model/gltf-binary"),
    ("gltf", "model/gltf+json"),
    ("gpx", "application/gpx+xml"),
    ("gz", "application/gzip"),
    ("h", "text/x-chdr"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("hpp", "text/x-c++hdr"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ico", "image/vnd.microsoft.icon"),
    ("ics", "text/calendar"),
    ("ifb", "text/calendar"),
    ("iso", "application/x-iso9660-image"),
    ("jar", "application/java-archive"),
    ("java", "text/x-java"),
    ("jfif", "image/jpeg"),
    ("jp2", "image/jp2"),
    ("jpe", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("jsonld", "application/ld+json"),
    ("jxl", "image/jxl"),
    ("kml", "application/vnd.google-earth.kml+xml"),
    ("kmz", "application/vnd.google-earth.kmz"),
    ("log", "text/plain"),
    ("m3u", "audio/mpegurl"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("m4b", "audio/mp4"),
    ("m4v", "video/mp4"),
    ("map", "application/json"),
    ("markdown", "text/markdown"),
    ("mbox", "application/mbox"),
    ("md", "text/markdown"),
    ("mdb", "application/msaccess"),
    ("mid", "audio/midi"),
    ("midi", "audio/midi"),
    ("mjs", "text/javascript"),
    ("mka", "audio/matroska"),
    ("mkv", "video/x-matroska"),
    ("mml", "application/mathml+xml"),
    ("mobi", "application/x-mobipocket-ebook"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpeg"),
    ("mpp", "application/vnd.ms-project"),
    ("msi", "application/x-msi"),
    ("obj", "model/obj"),
    ("odb", "application/vnd.oasis.opendocument.base"),
    ("odc", "application/vnd.oasis.opendocument.chart"),
    ("odf", "application/vnd.oasis.opendocument.formula"),
    ("odg", "application/vnd.oasis.opendocument.graphics"),
    ("odp", "application/vnd.oasis.opendocument.presentation"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("one", "application/onenote"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("ott", "application/vnd.oasis.opendocument.text-template"),
    ("p12", "application/pkcs12"),
    ("p7c", "application/pkcs7-mime"),
    ("p7m", "application/pkcs7-mime"),
    ("p7s", "application/pkcs7-signature"),
    ("patch", "text/x-diff"),
    ("pdf", "application/pdf"),
    ("pem", "application/pem-certificate-chain"),
    ("pfx", "application/pkcs12"),
    ("pgp", "application/pgp-encrypted"),
    ("pkg", "application/vnd.apple.installer+xml"),
    ("pl", "text/x-perl"),
    ("pls", "audio/x-scpls"),
    ("png", "image/png"),
    ("pot", "text/plain"),
    ("potx", "application/vnd.openxmlformats-officedocument.presentationml.template"),
    ("pps", "application/vnd.ms-powerpoint"),
    ("ppsx", "application/vnd.openxmlformats-officedocument.presentationml.slideshow"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptm", "application/vnd.ms-powerpoint.presentation.macroEnabled.12"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("ps", "application/postscript"),
    ("psd", "image/vnd.adobe.photoshop"),
    ("py", "text/x-python"),
    ("qt", "video/quicktime"),
    ("rar", "application/vnd.rar"),
    ("rb", "application/x-ruby"),
    ("rdf", "application/rdf+xml"),
    ("rpm", "application/x-redhat-package-manager"),
    ("rss", "application/rss+xml"),
    ("rtf", "application/rtf"),
    ("sh", "text/x-sh"),
    ("sig", "application/pgp-signature"),
    ("sql", "application/sql"),
    ("sqlite", "application/vnd.sqlite3"),
    ("srt", "text/plain"),
    ("step", "model/step"),
    ("stl", "model/stl"),
    ("stp", "model/step"),
    ("svg", "image/svg+xml"),
    ("swf", "application/vnd.adobe.flash.movie"),
    ("tar", "application/x-tar"),
    ("tex", "text/x-tex"),
    ("text", "text/plain"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("toml", "application/toml"),
    ("topojson", "application/json"),
    ("torrent", "application/x-bittorrent"),
    ("ts", "video/mp2t"),
    ("tsv", "text/tab-separated-values"),
    ("ttc", "font/collection"),
    ("ttf", "font/ttf"),
    ("ttml", "application/ttml+xml"),
    ("txt", "text/plain"),
    ("usdz", "model/vnd.usdz+zip"),
    ("vcard", "text/vcard"),
    ("vcf", "text/vcard"),
    ("vsd", "application/vnd.visio"),
    ("vsdx", "application/vnd.ms-visio.drawing.main+xml"),
    ("vtt", "text/vtt"),
    ("wasm", "application/wasm"),
    ("wav", "audio/x-wav"),
    ("weba", "audio/webm"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("wma", "audio/x-ms-wma"),
    ("wmv", "video/x-ms-wmv"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xhtml", "application/xhtml+xml"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsb", "application/vnd.ms-excel.sheet.binary.macroEnabled.12"),
    ("xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xlt", "application/vnd.ms-excel"),
    ("xltx", "application/vnd.openxmlformats-officedocument.spreadsheetml.template"),
    ("xml", "application/xml"),
    ("xpi", "application/x-xpinstall"),
    ("xps", "application/vnd.ms-xpsdocument"),
    ("xsd", "application/xml"),
    ("xsl", "application/xslt+xml"),
    ("xslt", "application/xslt+xml"),
    ("xz", "application/x-xz"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zip", "application/zip"),
    ("zst", "application/zstd"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_from_the_last_extension() {
        assert_eq!(guess_type("a.b.PNG"), ("image/png", None));
        assert_eq!(guess_type("x.tar.gz"), ("application/x-tar", Some("gzip")));
        assert_eq!(guess_type("x.gz"), ("application/gzip", None));
        assert_eq!(guess_type("noext"), ("application/octet-stream", None));
        assert_eq!(guess_type("png"), ("application/octet-stream", None));
    }

    /// Where Python, asked on a Debian, finds nothing or what nobody means by such a name.
    const OURS: [&str; 23] = [
        "3g2", "3gp", "bz2", "cjs", "gpx", "gz", "log", "m4b", "map", "mid", "midi", "mka", "mobi", "rss", "toml",
        "topojson", "ts", "vsdx", "weba", "xsd", "xz", "yaml", "yml",
    ];

    #[test]
    fn types_are_those_that_python_finds_on_a_debian() {
        assert!(BY_EXTENSION.is_sorted(), "or the search does not find them");
        let recorded: std::collections::BTreeMap<String, String> =
            serde_json::from_str(include_str!("../../tests/fixtures/media_types.json")).expect("it is JSON");
        for (extension, mimetype) in BY_EXTENSION.iter().filter(|(extension, _)| !OURS.contains(extension)) {
            assert_eq!(recorded.get(*extension).map(String::as_str), Some(*mimetype), "{extension}");
        }
        let known = recorded.keys().filter(|extension| BY_EXTENSION.iter().any(|(known, _)| known == extension));
        assert_eq!(known.count(), BY_EXTENSION.len() - 18);
    }
}
