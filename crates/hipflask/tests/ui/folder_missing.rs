use hipflask::extension::folder;
use hipflask::prelude::*;

fn main() {
    let _ = Blueprint::new("blog").root_path(folder!("src/no-such-folder"));
    let _ = Blueprint::new("blog").root_path(folder!());
    let _ = Blueprint::new("blog").root_path(folder!(blog));
}
