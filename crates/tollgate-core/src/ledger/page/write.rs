//! Entries become bytes.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use super::{LONGEST_TEXT, VERSION, tag};
use crate::ledger::{Entry, EntryId, Holder, Kind, Movement, Payer, Settlement, WalletId};
use crate::money::Unit;

/// About how many bytes an entry takes.
const USUAL: usize = 112;

pub(super) struct Writer<'a> {
    out: Vec<u8>,
    texts: Numbers<&'a str>,
    wallets: Numbers<&'a WalletId>,
    payers: Numbers<&'a Payer>,
    at: i64,
}

impl<'a> Writer<'a> {
    pub(super) fn write(entries: &'a [Entry]) -> Vec<u8> {
        let mut writer = Self {
            out: Vec::with_capacity(16 + entries.len().saturating_mul(USUAL)),
            texts: Numbers::default(),
            wallets: Numbers::default(),
            payers: Numbers::default(),
            at: 0,
        };
        writer.out.push(VERSION);
        writer.length(entries.len());
        for entry in entries {
            writer.entry(entry);
        }
        writer.out
    }

    fn entry(&mut self, entry: &'a Entry) {
        self.id(entry.id);
        let at = entry.at.as_millis();
        self.number(folded(at.wrapping_sub(self.at)));
        self.at = at;
        match &entry.wallet {
            Some(wallet) => self.wallet(wallet),
            None => self.out.push(0),
        }
        self.kind(&entry.kind);
    }

    fn kind(&mut self, kind: &'a Kind) {
        match kind {
            Kind::TopUp(movement) => self.movement(tag::TOP_UP, movement),
            Kind::Adjustment {
                movement,
                taken: false,
            } => self.movement(tag::ADDED, movement),
            Kind::Adjustment {
                movement,
                taken: true,
            } => self.movement(tag::TAKEN, movement),
            Kind::Hold(movement) => self.movement(tag::HOLD, movement),
            Kind::Refund { movement, of } => self.movement_of(tag::REFUND, *of, movement),
            Kind::Release { movement, of } => self.movement_of(tag::RELEASE, *of, movement),
            Kind::Spend { movement, of, held } => {
                self.out.push(tag::SPEND);
                self.id(*of);
                self.number(*held);
                self.amount_and_reason(movement);
            }
            Kind::Settlement(settlement) => self.settlement(tag::SETTLEMENT, settlement),
            Kind::Loss(settlement) => self.settlement(tag::LOSS, settlement),
        }
    }

    fn movement(&mut self, tag: u8, movement: &Movement) {
        self.out.push(tag);
        self.amount_and_reason(movement);
    }

    fn movement_of(&mut self, tag: u8, of: EntryId, movement: &Movement) {
        self.out.push(tag);
        self.id(of);
        self.amount_and_reason(movement);
    }

    fn amount_and_reason(&mut self, movement: &Movement) {
        self.number(movement.amount);
        match &movement.reference {
            Some(reference) => {
                self.out.push(1);
                self.bounded(reference);
            }
            None => self.out.push(0),
        }
        self.bounded(&movement.reason);
    }

    fn settlement(&mut self, tag: u8, settlement: &'a Settlement) {
        self.out.push(tag);
        self.number(settlement.held);
        self.number(settlement.charged);
        self.number(settlement.shortfall);
        self.payer(&settlement.payer);
        self.shared(&settlement.model, 0);
        self.shared(&settlement.connection, 0);
        self.shared(&settlement.price_version, 0);
        self.number(settlement.usage.prompt);
        self.number(settlement.usage.completion);
        self.number(settlement.usage.cached);
        self.number(settlement.usage.cache_written);
        self.number(settlement.usage.cache_written_1h);
        self.number(settlement.usage.reasoning);
        self.number(u64::from(settlement.flags.bits()));
        self.bounded(&settlement.request_id);
    }

    fn payer(&mut self, payer: &'a Payer) {
        let address = payer.key.as_str().as_ptr().addr();
        // The same key usually means the same payer; a key that has moved is another one.
        let (number, is_new) = self.payers.number(address, payer, |there| {
            same(there.key.as_str(), payer.key.as_str())
                && same(there.team.as_str(), payer.team.as_str())
                && same(there.organization.as_str(), payer.organization.as_str())
                && match (&there.user, &payer.user) {
                    (Some(there), Some(user)) => same(there.as_str(), user.as_str()),
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                }
        });
        self.number(number);
        if is_new {
            self.shared(payer.key.as_str(), 0);
            match &payer.user {
                Some(user) => self.shared(user.as_str(), 1),
                None => self.out.push(0),
            }
            self.shared(payer.team.as_str(), 0);
            self.shared(payer.organization.as_str(), 0);
        }
    }

    fn wallet(&mut self, wallet: &'a Arc<WalletId>) {
        let address = Arc::as_ptr(wallet).addr();
        let (number, is_new) = self.wallets.number(address, wallet, |there| {
            std::ptr::eq(*there, &raw const **wallet)
        });
        self.number(number + 1);
        if is_new {
            let (holder, id) = match &wallet.holder {
                Holder::Team(id) => (0, id.as_str()),
                Holder::Organization(id) => (2, id.as_str()),
            };
            let unit = match wallet.unit {
                Unit::Usd => 0,
                Unit::Credits => 1,
            };
            self.out.push(holder | unit);
            self.shared(id, 0);
        }
    }

    /// A text that many entries have in common; `above` is added to its number.
    fn shared(&mut self, text: &'a str, above: u64) {
        let address = text.as_ptr().addr();
        let (number, is_new) = self.texts.number(address, text, |there| same(there, text));
        self.number(number + above);
        if is_new {
            self.length(text.len());
            self.out.extend_from_slice(text.as_bytes());
        }
    }

    /// A text of this entry alone.
    fn bounded(&mut self, text: &str) {
        let kept = text.floor_char_boundary(LONGEST_TEXT);
        self.length(kept);
        self.out
            .extend_from_slice(text.as_bytes().get(..kept).unwrap_or_default());
    }

    fn id(&mut self, id: EntryId) {
        self.out.extend_from_slice(&id.bits().to_be_bytes());
    }

    fn length(&mut self, length: usize) {
        self.number(u64::try_from(length).unwrap_or(u64::MAX));
    }

    fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.out.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.out.push(number.to_le_bytes()[0]);
    }
}

/// Makes small numbers of small distances in both directions.
const fn folded(signed: i64) -> u64 {
    (signed.cast_unsigned() << 1) ^ (signed >> 63).cast_unsigned()
}

/// Whether it is the very same text in memory.
fn same(one: &str, other: &str) -> bool {
    std::ptr::eq(one, other)
}

/// Numbers things in the order of their first use. Entries share most of what they have in common,
/// so a thing is looked for by its address first, and only then by what it is.
struct Numbers<K> {
    by_address: HashMap<usize, (K, u64), BuildHasherDefault<AddressHasher>>,
    by_content: HashMap<K, u64>,
}

impl<K> Default for Numbers<K> {
    fn default() -> Self {
        Self {
            by_address: HashMap::default(),
            by_content: HashMap::new(),
        }
    }
}

impl<K: Copy + Eq + Hash> Numbers<K> {
    /// The number of a thing, and whether it is new. What was found at the same address counts
    /// only if `is_same`: the places of empty texts are not theirs alone.
    fn number(&mut self, address: usize, thing: K, is_same: impl Fn(&K) -> bool) -> (u64, bool) {
        if let Some((there, number)) = self.by_address.get(&address)
            && is_same(there)
        {
            return (*number, false);
        }
        let next = u64::try_from(self.by_content.len()).unwrap_or(u64::MAX);
        let number = *self.by_content.entry(thing).or_insert(next);
        self.by_address.insert(address, (thing, number));
        (number, number == next)
    }
}

/// Spreads addresses, which nobody outside chooses.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, address: usize) {
        let address = u64::try_from(address).unwrap_or(u64::MAX);
        let product = (self.0 ^ address).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}
