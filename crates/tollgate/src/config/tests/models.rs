//! What is known of models, and what the file says instead.

use tollgate_core::model::Unsupported;
use tollgate_core::price::Rate;

use super::load;

const FILE: &str = "\
[routing]
unsupported = 'refuse'
[[connections]]
name = 'main'
provider = 'openai'
api_key = 'sk-upstream'
[[models]]
name = 'known'
unsupported = 'drop'
targets = [{ connection = 'main', model = 'gpt-4o' }]
[[models]]
name = 'own'
price = { input = '0.5', output = '2', cached_input = '0.05' }
context_window = 1000
max_output = 100
targets = [{ connection = 'main', model = 'gpt-4o' }]
[[models]]
name = 'unknown'
targets = [{ connection = 'main', model = 'no-such-model' }]
";

#[test]
fn the_catalogue_knows_models_and_the_file_knows_better() {
    let config = load(FILE, &[]).unwrap();
    let [known, own, unknown] = config.models.as_slice() else {
        panic!("three models")
    };
    let price = known.facts.price.as_ref().unwrap();
    assert_eq!(price.price.input, Rate::flat(2_500_000));
    assert!(price.version.starts_with("genai-prices "));
    assert_eq!(known.facts.context_window, Some(128_000));

    let price = own.facts.price.as_ref().unwrap();
    assert_eq!(price.price.input, Rate::flat(500_000));
    assert_eq!(price.price.cached_input, Some(Rate::flat(50_000)));
    let said = "configuration input=0.5 output=2 cached_input=0.05";
    assert_eq!(&*price.version, said, "a version says the price");
    assert_eq!(own.facts.context_window, Some(1000));
    assert_eq!(own.targets[0].target.max_output, Some(100));

    assert_eq!(unknown.facts.price, None);
    assert_eq!(unknown.facts.context_window, None);
}

#[test]
fn a_model_may_differ_in_what_becomes_of_unsupported_parts() {
    let config = load(FILE, &[]).unwrap();
    let of = |place: usize| config.models[place].rules.unsupported;
    assert_eq!((of(0), of(1)), (Unsupported::Drop, Unsupported::Refuse));
    let config = load(
        &FILE.replace("[routing]\nunsupported = 'refuse'\n", ""),
        &[],
    )
    .unwrap();
    assert_eq!(config.models[1].rules.unsupported, Unsupported::Warn);
}
