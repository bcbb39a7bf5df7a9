//! Text in columns.

/// The rows with their columns aligned, two spaces between them. The first row is the head.
///
/// Width is counted in characters: right for names, versions and paths, not for East Asian text.
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let line: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_without_spaces() {
        let rows = [["tool", "found", "for"], ["größe", "1", ""], ["x", "", "all"]]
            .map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), "tool   found  for\ngröße  1\nx             all\n");
        assert_eq!(aligned::<2>(&[]), "");
    }
}
