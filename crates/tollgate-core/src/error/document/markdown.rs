//! The catalogue as one Markdown page.

use super::{examples_of, status_text, write};
use crate::error::catalog::Code;

/// The whole of `docs/errors.md`: a table of all rows, then a section for each code.
/// `public_url` has no slash at its end.
pub fn markdown(public_url: &str) -> String {
    let mut page = String::from(INTRODUCTION);
    for &code in Code::ALL {
        write(
            &mut page,
            format_args!(
                "| [`{slug}`](#{slug}) | `{}` | {} | `{}` | {} |\n",
                code.kind(),
                status_text(code),
                code.family(),
                code.retry().as_str(),
                slug = code.slug(),
            ),
        );
    }
    for &code in Code::ALL {
        section(&mut page, code, public_url);
    }
    page
}

const INTRODUCTION: &str = "# Errors

This page is generated from the catalogue; do not edit it.

Every failure is one row of this table. The code is its identity: it stands in the body and in
the header `x-tollgate-error-code`, and never changes its meaning. Status and body depend on the
dialect in which the answer is given; the table shows those of `openai`, the default.

*Retry* says what helps. `never`: something has to change first. `later`: the same request may
succeed after a wait. `elsewhere`: another target might have answered, and the gateway has tried
if it may. Every error answer says the same in `x-should-retry`, and how long to wait in
`retry-after` (seconds) and `retry-after-ms`. When the gateway made several attempts and gave up,
`x-should-retry` is `false` unless the obstacle passes with time. In a stream, where headers have
left long before, `retryable` and `retry_after` stand in the error object.

`{P}` stands for the provider's name in capitals, `UNKNOWN` where there is none.

| code | type | status | family code | retry |
|---|---|---|---|---|
";

fn section(page: &mut String, code: Code, public_url: &str) {
    let (slug, title, message) = (code.slug(), code.title(), code.message());
    let (cause, fix, retry) = (code.cause(), code.fix(), code.retry().as_str());
    write(
        page,
        format_args!(
            "\n## {slug}\n\n**{title}.** {message}\n\n- Cause: {cause}\n- Fix: {fix}\n- Retry: \
             {retry}\n\n"
        ),
    );
    let examples = examples_of(code, public_url);
    page.push_str("| dialect |");
    for (name, _) in &examples {
        write(page, format_args!(" {name} |"));
    }
    write(
        page,
        format_args!("\n|---|{}\n| status |", "---|".repeat(examples.len())),
    );
    for (_, rendered) in &examples {
        write(page, format_args!(" {} |", rendered.status));
    }
    page.push_str("\n\n```text\n");
    for (name, rendered) in &examples {
        write(page, format_args!("{name}: {}\n", rendered.body));
    }
    page.push_str("```\n");
}
