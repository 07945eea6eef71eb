//! Makes a table of what `scripts/console` has built. Builds nothing itself: a Rust build needs no Node.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let dist = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("dist");
    println!("cargo::rerun-if-changed=dist");
    // One line for each file: path, content type, hash.
    let manifest = fs::read_to_string(dist.join("manifest.txt")).unwrap_or_default();
    let mut table = String::from("&[\n");
    for line in manifest.lines() {
        let [path, kind, hash] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("dist/manifest.txt has a line that is not of scripts/console: {line:?}").into());
        };
        let file = dist.join(path);
        let file = file.to_str().ok_or("the path of the folder is not UTF-8")?;
        writeln!(
            table,
            "Asset {{ path: {path:?}, kind: {kind:?}, etag: {etag:?}, plain: include_bytes!({file:?}), \
             gzip: include_bytes!({gzip:?}), brotli: include_bytes!({brotli:?}) }},",
            etag = format!("\"{hash}\""),
            gzip = format!("{file}.gz"),
            brotli = format!("{file}.br"),
        )?;
    }
    table.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("assets.rs"), table)?;
    Ok(())
}
