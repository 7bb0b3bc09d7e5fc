//! Entries become bytes.

mod numbers;

use std::sync::Arc;

use self::numbers::Numbers;
use super::{LONGEST_TEXT, VERSION, tag};
use crate::ledger::{Entry, EntryId, Holder, Kind, Movement, Payer, Settlement, WalletId};
use crate::money::Unit;

/// About how many bytes an entry takes.
const USUAL: usize = 112;

pub(super) struct Writer<'a> {
    out: Vec<u8>,
    /// Texts by what they say.
    texts: Numbers<&'a str>,
    /// Wallets by what they are and the number of their holder's id.
    wallets: Numbers<(u8, u64)>,
    /// Payers by the numbers of their ids; without a user: the largest number.
    payers: Numbers<[u64; 4]>,
    at: i64,
}

/// The number of a text, and whether the text has to follow.
type Numbered<'a> = (u64, Option<&'a str>);

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
        self.shared(&settlement.model);
        self.shared(&settlement.connection);
        self.shared(&settlement.price_version);
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
        let places = [
            address,
            payer.user.as_ref().map_or(0, |user| place(user.as_str())),
            place(payer.team.as_str()),
            place(payer.organization.as_str()),
        ];
        if let Some(number) = self.payers.at(&places) {
            return self.number(number);
        }
        // These are met again as parts of the payer alone, which is found by its places.
        let key = self.texts.content(payer.key.as_str());
        let user = payer
            .user
            .as_ref()
            .map(|user| self.texts.content(user.as_str()));
        let team = self.numbered(payer.team.as_str());
        let organization = self.numbered(payer.organization.as_str());
        let user_number = user.map_or(u64::MAX, |(number, _)| number);
        let parts = [key.0, user_number, team.0, organization.0];
        let (number, new) = self.payers.content(parts);
        self.payers.note(places, number);
        self.number(number);
        if new.is_some() {
            self.text(key, 0);
            match user {
                Some(user) => self.text(user, 1),
                None => self.out.push(0),
            }
            self.text(team, 0);
            self.text(organization, 0);
        }
    }

    fn wallet(&mut self, wallet: &'a Arc<WalletId>) {
        let places = [Arc::as_ptr(wallet).addr(), 0, 0, 0];
        if let Some(number) = self.wallets.at(&places) {
            return self.number(number + 1);
        }
        let (holder, id) = match &wallet.holder {
            Holder::Team(id) => (0, id.as_str()),
            Holder::Organization(id) => (2, id.as_str()),
        };
        let unit = match wallet.unit {
            Unit::Usd => 0,
            Unit::Credits => 1,
        };
        let id = self.numbered(id);
        let (number, new) = self.wallets.content((holder | unit, id.0));
        self.wallets.note(places, number);
        self.number(number + 1);
        if new.is_some() {
            self.out.push(holder | unit);
            self.text(id, 0);
        }
    }

    /// A text that many entries have in common.
    fn shared(&mut self, text: &'a str) {
        let numbered = self.numbered(text);
        self.text(numbered, 0);
    }

    fn numbered(&mut self, text: &'a str) -> Numbered<'a> {
        // An empty text may share its place with whatever comes behind it.
        let places = [place(text), text.len(), 0, 0];
        if let Some(number) = self.texts.at(&places) {
            return (number, None);
        }
        let numbered = self.texts.content(text);
        self.texts.note(places, numbered.0);
        numbered
    }

    /// `above` is added to the number.
    fn text(&mut self, (number, text): Numbered<'a>, above: u64) {
        self.number(number + above);
        if let Some(text) = text {
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

/// Where a text lies in memory.
fn place(text: &str) -> usize {
    text.as_ptr().addr()
}
