//! Bytes become entries. Whatever the bytes are, this ends, and takes no more memory than a small
//! multiple of what there is to read.

use std::collections::HashSet;
use std::sync::Arc;

use super::{LONGEST_TEXT, VERSION, tag};
use crate::id::{KeyId, OrgId, TeamId, UserId};
use crate::ledger::{Entry, EntryId, Flags, Holder, Kind, Movement, Payer, Settlement, WalletId};
use crate::money::Unit;
use crate::reply::Usage;
use crate::time::Timestamp;

/// The fewest bytes of an entry: id, time, wallet, kind, amount, reference, reason.
const SMALLEST: usize = 16 + 1 + 1 + 1 + 1 + 1 + 1;

/// What is wrong, for people.
type Outcome<T> = Result<T, &'static str>;

pub(super) struct Reader<'a> {
    rest: &'a [u8],
    texts: Vec<Arc<str>>,
    wallets: Vec<Arc<WalletId>>,
    payers: Vec<Payer>,
    seen: Seen<'a>,
    at: i64,
}

/// What has a number already: nothing may have two.
#[derive(Default)]
struct Seen<'a> {
    texts: HashSet<&'a str>,
    wallets: HashSet<(u8, usize)>,
    payers: HashSet<(usize, Option<usize>, usize, usize)>,
}

impl<'a> Reader<'a> {
    pub(super) fn read(content: &'a [u8]) -> Outcome<Vec<Entry>> {
        let mut reader = Self {
            rest: content,
            texts: Vec::new(),
            wallets: Vec::new(),
            payers: Vec::new(),
            seen: Seen::default(),
            at: 0,
        };
        if reader.byte()? != VERSION {
            return Err("its form has a version that is not known");
        }
        let count = reader.length()?;
        if count == 0 {
            return Err("it has no entries");
        }
        if count > reader.rest.len() / SMALLEST {
            return Err("it is too short for its entries");
        }
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            entries.push(reader.entry()?);
        }
        if !reader.rest.is_empty() {
            return Err("something follows the last entry");
        }
        Ok(entries)
    }

    fn entry(&mut self) -> Outcome<Entry> {
        let id = self.id()?;
        let distance = unfolded(self.number()?);
        self.at = self.at.wrapping_add(distance);
        Ok(Entry {
            id,
            at: Timestamp::from_millis(self.at),
            wallet: self.wallet()?,
            kind: self.kind()?,
        })
    }

    fn kind(&mut self) -> Outcome<Kind> {
        Ok(match self.byte()? {
            tag::TOP_UP => Kind::TopUp(self.movement()?),
            tag @ (tag::ADDED | tag::TAKEN) => Kind::Adjustment {
                movement: self.movement()?,
                taken: tag == tag::TAKEN,
            },
            tag::REFUND => Kind::Refund {
                of: self.id()?,
                movement: self.movement()?,
            },
            tag::HOLD => Kind::Hold(self.movement()?),
            tag::RELEASE => Kind::Release {
                of: self.id()?,
                movement: self.movement()?,
            },
            tag::SPEND => Kind::Spend {
                of: self.id()?,
                held: self.number()?,
                movement: self.movement()?,
            },
            tag::SETTLEMENT => Kind::Settlement(Box::new(self.settlement()?)),
            tag::LOSS => Kind::Loss(Box::new(self.settlement()?)),
            _ => return Err("it has an entry of a kind that is not known"),
        })
    }

    fn movement(&mut self) -> Outcome<Movement> {
        Ok(Movement {
            amount: self.number()?,
            reference: match self.byte()? {
                0 => None,
                1 => Some(self.bounded()?),
                _ => return Err("a reference is neither there nor missing"),
            },
            reason: self.bounded()?,
        })
    }

    fn settlement(&mut self) -> Outcome<Settlement> {
        let mut settlement = Settlement {
            held: self.number()?,
            charged: self.number()?,
            shortfall: self.number()?,
            payer: self.payer()?,
            model: self.shared()?,
            connection: self.shared()?,
            price_version: self.shared()?,
            usage: Usage {
                prompt: self.number()?,
                completion: self.number()?,
                cached: self.number()?,
                cache_written: self.number()?,
                cache_written_1h: self.number()?,
                reasoning: self.number()?,
                bounded: false,
            },
            flags: u16::try_from(self.number()?)
                .map(Flags::from_bits)
                .map_err(|_| "it has more flags than there can be")?,
            request_id: self.bounded()?,
        };
        // Told once, by the flag.
        settlement.usage.bounded = settlement.flags.has(Flags::BOUNDED);
        Ok(settlement)
    }

    fn payer(&mut self) -> Outcome<Payer> {
        let number = self.length()?;
        if let Some(payer) = self.payers.get(number) {
            return Ok(payer.clone());
        }
        is_next(number, self.payers.len())?;
        let key = self.text()?;
        let user = match self.length()? {
            0 => None,
            number => Some(self.text_of(number - 1)?),
        };
        let (team, organization) = (self.text()?, self.text()?);
        is_new(self.seen.payers.insert((key, user, team, organization)))?;
        let payer = Payer {
            key: KeyId::from_shared(self.at_number(key)?),
            user: match user {
                Some(user) => Some(UserId::from_shared(self.at_number(user)?)),
                None => None,
            },
            team: TeamId::from_shared(self.at_number(team)?),
            organization: OrgId::from_shared(self.at_number(organization)?),
        };
        self.payers.push(payer.clone());
        Ok(payer)
    }

    fn wallet(&mut self) -> Outcome<Option<Arc<WalletId>>> {
        let Some(number) = self.length()?.checked_sub(1) else {
            return Ok(None);
        };
        if let Some(wallet) = self.wallets.get(number) {
            return Ok(Some(Arc::clone(wallet)));
        }
        is_next(number, self.wallets.len())?;
        let what = self.byte()?;
        let text = self.text()?;
        is_new(self.seen.wallets.insert((what, text)))?;
        let id = self.at_number(text)?;
        let holder = match what >> 1 {
            0 => Holder::Team(TeamId::from_shared(id)),
            1 => Holder::Organization(OrgId::from_shared(id)),
            _ => return Err("it has a wallet of nobody that is known"),
        };
        let unit = if what & 1 == 0 {
            Unit::Usd
        } else {
            Unit::Credits
        };
        let wallet = Arc::new(WalletId { holder, unit });
        self.wallets.push(Arc::clone(&wallet));
        Ok(Some(wallet))
    }

    fn shared(&mut self) -> Outcome<Arc<str>> {
        let number = self.text()?;
        self.at_number(number)
    }

    fn at_number(&self, number: usize) -> Outcome<Arc<str>> {
        let text = self.texts.get(number);
        text.map(Arc::clone)
            .ok_or("it has a text that is not there")
    }

    /// The number of a text, after reading the text itself where it is new.
    fn text(&mut self) -> Outcome<usize> {
        let number = self.length()?;
        self.text_of(number)
    }

    fn text_of(&mut self, number: usize) -> Outcome<usize> {
        if number >= self.texts.len() {
            is_next(number, self.texts.len())?;
            let length = self.length()?;
            let text = self.utf8(length)?;
            is_new(self.seen.texts.insert(text))?;
            self.texts.push(text.into());
        }
        Ok(number)
    }

    fn bounded(&mut self) -> Outcome<Box<str>> {
        let length = self.length()?;
        if length > LONGEST_TEXT {
            return Err("it has a text that is too long");
        }
        Ok(self.utf8(length)?.into())
    }

    fn utf8(&mut self, length: usize) -> Outcome<&'a str> {
        std::str::from_utf8(self.bytes(length)?).map_err(|_| "it has a text that is not UTF-8")
    }

    fn id(&mut self) -> Outcome<EntryId> {
        let (bits, rest) = self.rest.split_first_chunk().ok_or(SHORT)?;
        self.rest = rest;
        Ok(EntryId::from_bits(u128::from_be_bytes(*bits)))
    }

    fn length(&mut self) -> Outcome<usize> {
        usize::try_from(self.number()?).map_err(|_| "it has a length that cannot be")
    }

    fn number(&mut self) -> Outcome<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if byte == 0 && shift > 0 {
                return Err("it has a number with more bytes than needed");
            }
            if bits > u64::MAX >> shift {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("it has a number that is too large")
    }

    fn byte(&mut self) -> Outcome<u8> {
        let (byte, rest) = self.rest.split_first().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*byte)
    }

    fn bytes(&mut self, length: usize) -> Outcome<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Ok(bytes)
    }
}

const SHORT: &str = "it ends too early";

fn is_next(number: usize, next: usize) -> Outcome<()> {
    if number == next {
        Ok(())
    } else {
        Err("it refers to something that is not there")
    }
}

fn is_new(inserted: bool) -> Outcome<()> {
    if inserted {
        Ok(())
    } else {
        Err("it gives the same thing two numbers")
    }
}

const fn unfolded(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
