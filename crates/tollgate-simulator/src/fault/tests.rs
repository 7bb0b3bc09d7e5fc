use super::*;

fn read(text: &str) -> Vec<String> {
    Fault::parse(text)
        .unwrap()
        .iter()
        .map(Fault::spelling)
        .collect()
}

#[test]
fn the_value_of_the_first_parameter_may_follow_the_name() {
    for text in [
        "cut-after-3",
        "cut-after=3",
        "cut-after:chunks=3",
        " cut-after = 3 ",
    ] {
        assert_eq!(read(text), ["cut-after:chunks=3"], "{text}");
    }
}

#[test]
fn parameters_are_separated_by_commas_or_semicolons() {
    for text in ["cut-after-3:how=rst,part=7", "cut-after=3;how=rst;part=7"] {
        assert_eq!(read(text), ["cut-after:chunks=3,how=rst,part=7"], "{text}");
    }
}

#[test]
fn several_faults_are_joined_by_a_plus() {
    assert_eq!(read("bom+line-ends-crlf"), ["bom", "line-ends:kind=crlf"]);
}

#[test]
fn a_value_with_separators_is_written_with_percent_signs() {
    let date = "Wed, 21 Oct 2015 07:28:00 GMT";
    let fault = Fault::named("rate-limit")
        .unwrap()
        .with("retry-after", date)
        .unwrap();
    let written = fault.spelling();
    let read = Fault::parse(&written).unwrap();
    assert_eq!(read[0].text("retry-after"), Some(date));
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    for (text, expected) in [
        (
            "cut-aftr-3",
            "there is no fault `cut-aftr-3`; the nearest is `cut-after`",
        ),
        (
            "cut-after-x",
            "`chunks` of `cut-after` is `x`, but must be a whole number up to 1000000000",
        ),
        (
            "cut-after:how=up",
            "`how` of `cut-after` is `up`, but must be one of fin, rst, clean",
        ),
        (
            "cut-after:now=1",
            "`cut-after` has no parameter `now`; it has chunks, how, part",
        ),
        ("cut-after:how", "`how` needs a value, as in `how=…`"),
    ] {
        let problem = Fault::parse(text).err().expect(text);
        assert_eq!(problem.to_string(), expected);
    }
}

#[test]
fn no_two_rows_have_the_same_name() {
    let names: std::collections::BTreeSet<&str> = faults().iter().map(|row| row.name).collect();
    assert_eq!(names.len(), faults().len());
}

#[test]
fn the_table_is_in_the_order_of_its_groups() {
    assert!(faults().is_sorted_by_key(|row| row.group));
    assert!(Group::ALL.is_sorted());
}

#[test]
fn every_default_is_a_value_that_would_be_accepted() {
    for row in faults() {
        for parameter in row.parameters.iter().filter(|one| !one.default.is_empty()) {
            let fault = Fault::named(row.name).unwrap();
            assert!(
                fault.with(parameter.name, parameter.default).is_ok(),
                "{}",
                row.name
            );
        }
    }
}
