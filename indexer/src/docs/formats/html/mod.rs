//! HTML: the text that a reader would see, with its headings, lists, tables and code.
//!
//! Only the tokenizer of the format's own parser is used, so that nesting costs no stack. Nothing is fetched or run.

mod page;
mod tokens;

use super::front_matter::Parts;
use super::parsed::{Block, Lines, Parsed, join_up};
use super::rst::truth;
use page::{PageWriter, Written};

pub(super) use tokens::{Token, attribute, tokens};

/// Names of `<meta>` that say what a page is about.
const META: &[&str] =
    &["services", "service", "alerts", "alert", "kind", "date", "owner", "severity", "id"];

/// Takes HTML apart.
pub(super) fn parse(parts: Parts<'_>) -> Parsed<'_> {
    let mut parsed = Parsed::from(parts.clone());
    let first_line = parts.body_line;
    let written = match write(parts.body, true) {
        // Menus that are never closed would swallow the page.
        Ok(written) if written.is_cut_off => write(parts.body, false),
        other => other,
    };
    let written = match written {
        Ok(written) => written,
        Err(line) => {
            let line = line.saturating_add(first_line).saturating_sub(1);
            let reason = format!("a tag has more than {} attributes", tokens::ATTRIBUTES_MAX);
            parsed.problems.push((line, reason));
            return Parsed { body: "".into(), ..parsed };
        }
    };
    for (name, value) in written.meta {
        parsed.attributes.set(&name, truth(&value));
    }
    let in_file = |line: u32| line.saturating_add(first_line).saturating_sub(1);
    // A page's first heading says it better: titles end in the name of the site.
    let is_headed =
        |block: &Block| block.heading.as_ref().is_some_and(|heading| heading.level == 1);
    let title = Some(written.title).filter(|title| !title.is_empty());
    Parsed {
        title: title.filter(|_| !written.blocks.iter().any(is_headed)),
        blocks: join_up(&written.body, written.blocks),
        lines: Lines::Each(written.lines.into_iter().map(in_file).collect()),
        body: written.body.into(),
        ..parsed
    }
}

/// An error is the line of a tag that is no tag of a document.
fn write(text: &str, leave_out_menus: bool) -> Result<Written, u32> {
    let mut page = PageWriter::new(leave_out_menus);
    tokens(text, &mut |token, line| match token {
        Token::Start(tag) => {
            let name = &*tag.name;
            let meta = attribute(tag, "name").filter(|meta| name == "meta" && META.contains(meta));
            if let (Some(meta), Some(value)) = (meta, attribute(tag, "content")) {
                page.meta(meta, value);
            }
            // Only a drawing may close itself.
            if !(name == "svg" && tag.self_closing) {
                page.start(name, line);
            }
        }
        Token::End(name) => page.end(name, line),
        Token::Text(text) => page.text(text, line),
    })?;
    Ok(page.finish())
}

#[cfg(test)]
mod tests {
    use super::super::front_matter::split;
    use super::*;

    fn read(text: &str) -> Parsed<'_> {
        parse(split(text))
    }

    const PAGE: &str = "<!doctype html>
<html><head><title>Pool | Shop wiki</title>
<meta name=\"services\" content=\"checkout, orders-db\">
<meta name=\"viewport\" content=\"x\">
<style>h1 { color: red }</style><script>if (a<b) { document.write('<h1>no</h1>') }</script>
</head><body>
<nav><ul><li>Home</li></ul></nav>
<h1>Pool <code>empty</code></h1>
<p>No connection
is &amp; stays away.</p>
<h2>Fix</h2>
<ul>
 <li>Look at <b>pods</b>
 <li>Restart<ol><li>drain</li></ol>
</ul>
<pre>kubectl get pods

  kubectl logs</pre>
<table><tr><th>a<th>b</tr><tr><td>1<td>2</table>
<footer>Copyright</footer>
</body></html>
";

    #[test]
    fn a_page_reads_as_its_reader_sees_it() {
        let parsed = read(PAGE);
        assert_eq!(
            parsed.body,
            "# Pool `empty`\n\nNo connection is & stays away.\n\n## Fix\n\n- Look at pods\n- Restart\n  - drain\n\n\
             ```\nkubectl get pods\n\n  kubectl logs\n```\n\na | b\n1 | 2\n"
        );
        assert_eq!(parsed.title, None);
        assert_eq!(read("<title>Shop\n wiki</title><h2>x").title.as_deref(), Some("Shop wiki"));
        assert_eq!(parsed.attributes.str("services"), Some("checkout, orders-db"));
        assert_eq!(parsed.attributes.0.len(), 1);
        assert_eq!(parsed.headings(), [(1, "Pool empty"), (2, "Fix")]);
        let whole = parsed.whole();
        assert_eq!(whole.len(), 2);
        assert!(whole[0].starts_with("```\nkubectl get") && whole[1].starts_with("a | b"));
    }

    #[test]
    fn lines_are_those_of_the_file() {
        let parsed = read(PAGE);
        for (needle, line) in [
            ("# Pool", 8),
            ("No connection", 9),
            ("- Restart", 14),
            ("kubectl logs", 18),
            ("1 | 2", 19),
        ] {
            let at = parsed.body.find(needle).unwrap();
            let before =
                u32::try_from(parsed.body.get(..at).unwrap().matches('\n').count()).unwrap();
            assert_eq!(parsed.lines.of(before, before).0, line, "{needle}");
        }
    }

    #[test]
    fn unclosed_menus_do_not_swallow_the_page() {
        assert_eq!(read("<nav>menu<p>text").body, "menu\n\ntext\n");
        assert_eq!(read("<p>a<nav>x</nav>b").body, "a b\n");
    }

    #[test]
    fn nesting_and_attributes_without_end_cost_little() {
        let deep = format!("{}text", "<div><ul><li>".repeat(100_000));
        assert!(read(&deep).body.contains("text"));
        let astray = "</ul></aside><li>".repeat(100_000);
        for open in ["<table>", "<nav>"] {
            let page = format!("{}{astray}", open.repeat(100_000));
            assert!(read(&page).body.len() < 4 * page.len());
        }
        let attributes: String = (0..200_000).map(|n| format!("a{n} ")).collect();
        let page = format!("ok\n<p {attributes}>x");
        let parsed = read(&page);
        assert_eq!(
            parsed.problems,
            [(2, "a tag has more than 1000 attributes".to_owned())].to_vec()
        );
        assert_eq!(parsed.body, "");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn blocks_cover_any_page(text in "(</?(p|h1|ul|li|table|tr|td|pre|nav|title|code|br|b)>|[a-z&;<> \n]{0,9}){0,40}") {
            let parsed = read(&text);
            let texts = parsed.blocks.iter().map(|block| parsed.body.get(block.range.clone()).unwrap());
            proptest::prop_assert_eq!(texts.collect::<String>(), parsed.body.as_ref());
            let Lines::Each(lines) = &parsed.lines else { panic!("each line has its own") };
            proptest::prop_assert_eq!(lines.len(), parsed.body.lines().count());
        }
    }
}
