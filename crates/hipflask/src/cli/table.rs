//! A table for people: a line of names, a line of dashes, two spaces between the columns.

pub(super) fn table<const N: usize>(names: [&str; N], mut rows: Vec<[String; N]>) -> String {
    rows.insert(0, names.map(str::to_owned));
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    rows.insert(1, widths.map(|width| "-".repeat(width)));
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
