//! Tables as command-line tools print them: a line of capital headings, then rows.
//!
//! Columns are aligned by kubectl, but people paste, cut and hand-write tables, so a row is fitted to the headings in the
//! way that holds: by position, else by the number of cells, else word by word.

/// Rows after which a table is cut.
const ROWS_MAX: usize = 20_000;
/// Headings that tell a table of objects or events from any other text in capitals.
const TELLING_HEADINGS: &[&str] =
    &["NAME", "NAMES", "NAMESPACE", "REASON", "OBJECT", "CONTAINER ID", "KIND"];
/// What `kube-lineage` and `kubectl tree` draw before a name.
const BRANCHES: &[char] = &['├', '─', '│', '└', ' '];

/// One table.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Table<'a> {
    /// Headings, upper case.
    pub(super) columns: Vec<String>,
    /// Its rows.
    pub(super) rows: Vec<Row<'a>>,
}

/// One row, cells in the order of the columns; a missing cell is `""`.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Row<'a> {
    /// The line as it was printed.
    pub(super) line: &'a str,
    /// Its cells, trimmed.
    pub(super) cells: Vec<&'a str>,
}

impl Table<'_> {
    /// Whether it has a column of that name.
    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name == column)
    }

    /// The row's cell in the first of `columns` that exists and is not empty or `<none>`.
    pub(super) fn cell<'b>(&self, row: &Row<'b>, columns: &[&str]) -> Option<&'b str> {
        columns.iter().find_map(|column| {
            let cell = self.raw_cell(row, column)?;
            (!cell.is_empty() && cell != "<none>" && cell != "<unset>").then_some(cell)
        })
    }

    /// The row's cell in `column`, `<none>` included.
    pub(super) fn raw_cell<'b>(&self, row: &Row<'b>, column: &str) -> Option<&'b str> {
        let index = self.columns.iter().position(|name| name == column)?;
        row.cells.get(index).copied()
    }
}

/// All tables in `text`. A table ends at an empty line or at the next line of headings.
pub(super) fn tables(text: &str) -> Vec<Table<'_>> {
    let mut found: Vec<Table<'_>> = Vec::new();
    let mut headings: Vec<Segment<'_>> = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            headings.clear();
            continue;
        }
        let segments = segments(line);
        if are_headings(&segments) {
            let columns = segments.iter().map(|segment| segment.text.to_owned()).collect();
            found.push(Table { columns, rows: Vec::new() });
            headings = segments;
            continue;
        }
        let is_rule = line.chars().all(|c| matches!(c, '-' | '=' | ' ' | '+' | '|'));
        if let Some(table) = found.last_mut()
            && !headings.is_empty()
            && !is_rule
            && table.rows.len() < ROWS_MAX
        {
            table.rows.push(Row { line: line.trim_end(), cells: fit(line, &headings) });
        }
    }
    found
}

/// A table whose headings are known from elsewhere, over all lines of `text` that are not empty.
pub(super) fn headless<'a>(text: &'a str, columns: &[String]) -> Table<'a> {
    let rows = text.lines().filter(|line| !line.trim().is_empty()).take(ROWS_MAX);
    let rows = rows.map(|line| Row {
        line: line.trim_end(),
        cells: fit_by_count(line, &segments(line), columns.len()),
    });
    Table { columns: columns.to_vec(), rows: rows.collect() }
}

/// Cells of a line without headings: what stands between two spaces or more.
pub(super) fn loose_cells(line: &str) -> Vec<&str> {
    segments(line).into_iter().map(|segment| segment.text).collect()
}

/// Fits one line to headings given by their names and where they begin, as in the events of `kubectl describe`.
pub(super) fn fit_to_heading_line<'a>(line: &'a str, heading_line: &'a str) -> Vec<&'a str> {
    fit(line, &segments(heading_line))
}

/// A piece of a line between gaps of two or more spaces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Segment<'a> {
    /// Where it begins, in characters.
    start: usize,
    /// The same in bytes.
    start_byte: usize,
    text: &'a str,
}

fn segments(line: &str) -> Vec<Segment<'_>> {
    let mut found = Vec::new();
    let drawn = line.len() - line.trim_start_matches(BRANCHES).len();
    let has_branch = line.get(..drawn).is_some_and(|prefix| prefix.contains('─'));
    let skip = if has_branch { drawn } else { 0 };
    // (characters, bytes) at which the open segment begins, and the byte after its last letter.
    let mut open: Option<(usize, usize, usize)> = None;
    let mut gap = 0_usize;
    for (position, (byte, letter)) in line.char_indices().enumerate() {
        if byte < skip {
            continue;
        }
        if !letter.is_whitespace() {
            let (start, start_byte, _) = open.unwrap_or((position, byte, byte));
            open = Some((start, start_byte, byte + letter.len_utf8()));
            gap = 0;
            continue;
        }
        gap += if letter == '\t' { 2 } else { 1 };
        if gap >= 2
            && let Some((start, start_byte, end)) = open.take()
        {
            let start = if start_byte == skip { 0 } else { start };
            found.push(Segment {
                start,
                start_byte,
                text: line.get(start_byte..end).unwrap_or(""),
            });
        }
    }
    if let Some((start, start_byte, end)) = open {
        let start = if start_byte == skip { 0 } else { start };
        found.push(Segment { start, start_byte, text: line.get(start_byte..end).unwrap_or("") });
    }
    found
}

fn are_headings(segments: &[Segment<'_>]) -> bool {
    let is_heading = |text: &str| {
        text.chars().any(|c| c.is_ascii_uppercase())
            && text.chars().all(|c| {
                c.is_ascii_uppercase()
                    || c.is_ascii_digit()
                    || matches!(c, ' ' | '-' | '_' | '(' | ')' | '%' | '/' | '.' | '*')
            })
    };
    segments.iter().all(|segment| is_heading(segment.text))
        && segments.iter().any(|segment| TELLING_HEADINGS.contains(&segment.text))
}

fn fit<'a>(line: &'a str, headings: &[Segment<'_>]) -> Vec<&'a str> {
    let segments = segments(line);
    fit_by_position(line, &segments, headings)
        .unwrap_or_else(|| fit_by_count(line, &segments, headings.len()))
}

/// Every cell must begin exactly under a heading; whatever lies right of the last heading belongs to the last column.
fn fit_by_position<'a>(
    line: &'a str,
    segments: &[Segment<'a>],
    headings: &[Segment<'_>],
) -> Option<Vec<&'a str>> {
    let last_start = headings.last()?.start;
    let mut cells = vec![""; headings.len()];
    for segment in segments {
        if segment.start == last_start {
            let rest = line.get(segment.start_byte..).unwrap_or("").trim_end();
            cells.last_mut().into_iter().for_each(|cell| *cell = rest);
            break;
        }
        let column = headings.iter().position(|heading| heading.start == segment.start)?;
        *cells.get_mut(column)? = segment.text;
    }
    Some(cells)
}

fn fit_by_count<'a>(line: &'a str, segments: &[Segment<'a>], columns: usize) -> Vec<&'a str> {
    if columns == 0 {
        return Vec::new();
    }
    let mut cells: Vec<&'a str> = if segments.len() >= columns {
        let mut cells: Vec<&str> = segments.iter().map(|segment| segment.text).collect();
        cells.truncate(columns);
        if let (Some(last), Some(segment)) = (cells.last_mut(), segments.get(columns - 1)) {
            *last = line.get(segment.start_byte..).unwrap_or("").trim_end();
        }
        cells
    } else {
        by_words(line, columns)
    };
    cells.resize(columns, "");
    cells
}

/// One word a column, the rest in the last.
fn by_words(line: &str, columns: usize) -> Vec<&str> {
    let mut rest = line.trim();
    let mut cells = Vec::with_capacity(columns);
    while cells.len() + 1 < columns && !rest.is_empty() {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        cells.push(word);
        rest = after.trim_start();
    }
    if !rest.is_empty() {
        cells.push(rest);
    }
    cells
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn empty_cells_keep_their_place() {
        let text = "NAME    STATUS    VOLUME   CAPACITY   STORAGECLASS   AGE\n\
                    data    Pending                       fast           28d\n\
                    other   Bound     pv-1     8Gi        fast           3h\n";
        let tables = tables(text);
        let [table] = tables.as_slice() else { panic!("{tables:?}") };
        assert_eq!(table.rows[0].cells, ["data", "Pending", "", "", "fast", "28d"]);
        assert_eq!(table.cell(&table.rows[1], &["VOLUME"]), Some("pv-1"));
    }

    #[test]
    fn a_hand_written_table_is_fitted_by_count_or_words() {
        let text = "LAST SEEN  TYPE     REASON     MESSAGE\n\
                    09:12:43  Warning  BackOff    Back-off restarting\n\
                    09:12:43  Warning  OOMKilling System OOM encountered\n";
        let tables = tables(text);
        assert_eq!(
            tables[0].rows[0].cells,
            ["09:12:43", "Warning", "BackOff", "Back-off restarting"]
        );
        assert_eq!(
            tables[0].rows[1].cells,
            ["09:12:43", "Warning", "OOMKilling", "System OOM encountered"]
        );
    }

    #[test]
    fn several_tables_and_tabs() {
        let text = "NAME\tNAMESPACE\tSTATUS\nshop  \tprod\tfailed\n\nNAME   READY\nweb    1/1\n";
        let tables = tables(text);
        assert_eq!(tables.len(), 2);
        assert_eq!(tables[0].rows[0].cells, ["shop", "prod", "failed"]);
        assert_eq!(tables[1].rows[0].cells, ["web", "1/1"]);
    }

    #[test]
    fn drawn_trees_are_tables() {
        let text = "NAME                READY   STATUS    AGE\n\
                    Deployment/web      1/1               76m\n\
                    └── ReplicaSet/a    1/1               76m\n\
                    \u{20}   └── Pod/a-x     1/1     Running   19m\n";
        let tables = tables(text);
        assert_eq!(tables[0].rows[2].cells, ["Pod/a-x", "1/1", "Running", "19m"]);
        assert_eq!(tables[0].rows[1].cells[0], "ReplicaSet/a");
    }

    #[test]
    fn text_in_capitals_is_no_table() {
        assert!(tables("ERROR  SOMETHING FAILED\nx  y\n").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_cut_into_cells(text in "(NAME|STATUS|[ \t]{1,4}|\\PC{0,6}|\n){0,60}") {
            for table in tables(&text) {
                for row in &table.rows {
                    prop_assert_eq!(row.cells.len(), table.columns.len());
                }
            }
            headless(&text, &["A".to_owned(), "B".to_owned()]);
        }
    }
}
