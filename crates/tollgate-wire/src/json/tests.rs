use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

/// Our verdict: one value, skipped as a whole.
fn skips(bytes: &[u8]) -> Result<(), Problem> {
    let mut scanner = Scanner::new(utf8(bytes)?);
    scanner.skip()?;
    scanner.finish()
}

/// Our verdict when every value is walked into.
fn walks(bytes: &[u8]) -> Result<(), Problem> {
    let mut scanner = Scanner::new(utf8(bytes)?);
    walk(&mut scanner)?;
    scanner.finish()
}

fn walk(scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    match scanner.kind()? {
        Kind::Object => {
            let mut members = scanner.object()?;
            while scanner.member(&mut members)?.is_some() {
                walk(scanner)?;
            }
        }
        Kind::Array => {
            let mut items = scanner.array()?;
            while scanner.item(&mut items)? {
                walk(scanner)?;
            }
        }
        Kind::String => drop(scanner.string()?),
        Kind::Number => drop(scanner.number()?),
        Kind::Bool => drop(scanner.bool()?),
        Kind::Null => scanner.skip()?,
    }
    Ok(())
}

/// `serde_json`'s verdict on the grammar alone: a `RawValue` is checked, not decoded, so numbers
/// beyond its types and halves of surrogate pairs pass, as they do here.
fn valid(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<&RawValue>(text).is_ok())
}

#[test]
fn the_grammar_is_that_of_the_rfc() {
    for (text, good) in [
        ("{}", true),
        (" [ ] ", true),
        (
            "\r\n\t{\"a\" : [1 , -2.5e+3 , true , false , null , \"x\"] , \"a\" : {} }\n",
            true,
        ),
        ("0", true),
        ("-0.0E-0", true),
        ("1e999", true),
        (r#""\ud800""#, true),
        (r#""\u00zz""#, false),
        ("\"a\tb\"", false),
        ("\"\u{7f}\"", true),
        ("", false),
        ("  ", false),
        ("01", false),
        ("-", false),
        ("+1", false),
        (".5", false),
        ("1.", false),
        ("1e", false),
        ("[1,]", false),
        ("[,1]", false),
        ("[1 2]", false),
        ("[1}", false),
        ("{\"a\":1]", false),
        ("{\"a\"}", false),
        ("{\"a\":}", false),
        ("{a:1}", false),
        ("{\"a\":1,}", false),
        ("{,}", false),
        ("nul", false),
        ("nulll", false),
        ("truE", false),
        ("[] []", false),
        ("\u{feff}{}", false),
        ("[\"", false),
        ("[\"\\", false),
        ("[\"\\u12", false),
        ("'a'", false),
        ("/**/1", false),
        ("\u{a0}1", false),
    ] {
        assert_eq!(skips(text.as_bytes()).is_ok(), good, "skip {text:?}");
        assert_eq!(walks(text.as_bytes()).is_ok(), good, "walk {text:?}");
        assert_eq!(valid(text.as_bytes()), good, "oracle {text:?}");
    }
}

#[test]
fn a_fault_is_named_with_its_place() {
    for (text, fault, line, column) in [
        ("{\n  \"é\": tru,\n}", Fault::Unexpected, 2, 11),
        ("{\"a\":1", Fault::End, 1, 7),
        ("[1]x", Fault::Trailing, 1, 4),
        ("[01]", Fault::Number, 1, 3),
        ("[\"\\x\"]", Fault::Escape, 1, 4),
        ("[\n\"\n\"]", Fault::ControlCharacter, 2, 2),
    ] {
        for problem in [skips(text.as_bytes()), walks(text.as_bytes())] {
            let problem = problem.unwrap_err();
            assert_eq!(problem.fault, fault, "{text:?}");
            assert_eq!(
                problem.place(text.as_bytes()),
                Place { line, column },
                "{text:?}"
            );
        }
    }
    let problem = skips(b"[\"\xff\"]").unwrap_err();
    assert_eq!(
        problem,
        Problem {
            at: 2,
            fault: Fault::NotUtf8
        }
    );
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(skips(nested(128).as_bytes()).is_ok());
    assert!(walks(nested(128).as_bytes()).is_ok());
    for problem in [skips(nested(129).as_bytes()), walks(nested(129).as_bytes())] {
        assert_eq!(
            problem,
            Err(Problem {
                at: 128,
                fault: Fault::TooDeep
            })
        );
    }
    // Levels that were walked into count for what is skipped within them.
    let text = nested(129);
    let mut scanner = Scanner::new(&text);
    scanner.array().unwrap();
    assert_eq!(scanner.skip().unwrap_err().fault, Fault::TooDeep);
    let many = format!("[{}0]", "[[]],{\"a\":{}},".repeat(1000));
    assert!(skips(many.as_bytes()).is_ok());
}

/// Texts that are JSON, with blanks and escapes of every sort.
fn json() -> impl Strategy<Value = String> {
    let blank = prop::sample::select(vec!["", "", "", " ", "\n", "\t\r\n"]);
    let piece = prop_oneof![
        8 => "[a-z é€😀]{0,12}",
        1 => prop::sample::select(vec![
            "\\\"", "\\\\", "\\/", "\\b", "\\n", "\\u0041", "\\ud83d\\ude00", "\\ud800", "\\uDFFF",
        ])
        .prop_map(str::to_owned),
    ];
    let text =
        prop::collection::vec(piece, 0..5).prop_map(|parts| format!("\"{}\"", parts.concat()));
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("JSON has no infinity", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        text.clone(),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let space = blank.clone();
        let member = (text.clone(), inner.clone(), blank.clone())
            .prop_map(|(name, value, blank)| format!("{blank}{name}{blank}:{blank}{value}{blank}"));
        prop_oneof![
            (prop::collection::vec(inner, 0..6), space).prop_map(|(items, blank)| format!(
                "[{blank}{}]",
                items.join(&format!(",{blank}"))
            )),
            prop::collection::vec(member, 0..6)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_serde_accepts_is_accepted(text in json()) {
        prop_assert!(valid(text.as_bytes()), "the generator is wrong: {text}");
        prop_assert_eq!(skips(text.as_bytes()), Ok(()));
        prop_assert_eq!(walks(text.as_bytes()), Ok(()));
    }

    #[test]
    fn mutated_texts_are_judged_as_serde_does(
        text in json(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..4),
    ) {
        let mut bytes = text.into_bytes();
        for (place, byte, way) in edits {
            let at = place.index(bytes.len() + 1);
            match way {
                0 => bytes.insert(at, byte),
                1 => bytes.insert(at, b"{}[],:\"\\0-.eEtfn \n"[usize::from(byte) % 18]),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        let want = valid(&bytes);
        prop_assert_eq!(skips(&bytes).is_ok(), want, "skip {:?}", String::from_utf8_lossy(&bytes));
        prop_assert_eq!(walks(&bytes).is_ok(), want, "walk {:?}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn strings_are_decoded_as_serde_does(text in "\"([a-zé😀\"\\\\]|\\\\[\"\\\\/bfnrt]|\\\\u[dD0][89acdCDE][0-9a-f]{2}){0,8}\"") {
        let want = serde_json::from_str::<String>(&text).ok();
        let mut scanner = Scanner::new(&text);
        let got = scanner.string().ok().filter(|_| scanner.finish().is_ok());
        prop_assert_eq!(got.and_then(|got| got.decode()).map(std::borrow::Cow::into_owned), want);
    }
}
