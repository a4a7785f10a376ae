//! Rows of comma-separated values, quoted as in RFC 4180.

/// Splits `text` into rows of fields. A quote that is never closed ends with the text.
pub(super) fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            other => field.push(other),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_commas_line_breaks_and_quotes() {
        let parsed = rows("a,b\r\n1,\"x, \"\"y\"\"\nz\"\n2,");
        assert_eq!(parsed, [vec!["a", "b"], vec!["1", "x, \"y\"\nz"], vec!["2", ""]]);
    }

    #[test]
    fn text_without_an_end_is_still_read() {
        assert!(rows("").is_empty());
        assert_eq!(rows("a,\"b"), [["a", "b"]]);
    }
}
