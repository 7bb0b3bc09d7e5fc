//! Models that are named by other models: fallbacks.

use std::collections::HashMap;

use tollgate_core::route::fallback::Class;
use tollgate_engine::routes::DeclaredModel;

use super::names::meant;
use crate::config::resolve::Findings;
use crate::config::schema::nearest;
use crate::config::section::Section;

/// Checks the fallbacks of all models. That fallbacks lead in a circle is no problem: a request
/// asks each model once.
pub(super) fn check(sections: &[Section], models: &[DeclaredModel], findings: &mut Findings<'_>) {
    for section in sections {
        let own = section.text("name");
        check_list(section, "fallbacks", (own, models), findings);
        if let Some(by_class) = section.section("fallbacks_by") {
            for class in Class::ALL {
                check_list(by_class, class.as_str(), (own, models), findings);
            }
        }
    }
}

fn check_list(
    section: &Section,
    list: &str,
    (own, models): (Option<&str>, &[DeclaredModel]),
    findings: &mut Findings<'_>,
) {
    let mut taken: HashMap<&str, String> = HashMap::new();
    for (index, name) in section.names(list).iter().enumerate() {
        let key = format!("{}[{index}]", section.path_of(list));
        let mut refuse = |message: String| {
            findings.problems.push(&name.place, key.as_str(), message);
        };
        if name.text.contains('*') {
            refuse("a fallback is a single name, without `*`".to_owned());
            continue;
        }
        let Some(meant) = meant(models, &name.text) else {
            let others = models.iter().filter(|model| Some(&*model.name) != own);
            refuse(unknown(&name.text, others));
            continue;
        };
        if Some(meant) == own {
            refuse("is the model itself".to_owned());
        } else if let Some(other) = taken.insert(meant, key.clone()) {
            refuse(format!("`{other}` is the same model"));
        }
    }
}

/// The message for a name that nothing has.
pub(super) fn unknown<'a>(name: &str, models: impl Iterator<Item = &'a DeclaredModel>) -> String {
    let names = models.flat_map(|model| std::iter::once(&model.name).chain(&model.aliases));
    let single = names.map(|name| &**name).filter(|name| !name.contains('*'));
    match nearest(name, single) {
        Some(near) => format!("no model has this name; did you mean `{near}`?"),
        None => "no model has this name".to_owned(),
    }
}
