//! Protobuf's wire format, read field by field from borrowed bytes.

use super::decoded::Undecodable;

/// Groups and messages inside each other; as deep as the generated code goes.
pub(super) const DEPTH_MAX: u32 = 100;

/// What a field carries.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Payload<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
    /// A group, which no message of today has; what is in it was skipped.
    Group,
}

/// A message whose fields are still to be read.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field's number and what it carries; `None` at the end.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<(u32, Payload<'a>)>, Undecodable> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.key()?;
        if wire_type == 3 {
            self.skip_group(number, DEPTH_MAX)?;
            return Ok(Some((number, Payload::Group)));
        }
        Ok(Some((number, self.payload(wire_type)?)))
    }

    /// How often field `number` comes in a message.
    pub(super) fn count(message: &[u8], number: u32) -> Result<usize, Undecodable> {
        let (mut fields, mut count) = (Fields::of(message), 0);
        while let Some((found, _)) = fields.next()? {
            count += usize::from(found == number);
        }
        Ok(count)
    }

    #[inline]
    fn key(&mut self) -> Result<(u32, u8), Undecodable> {
        let key =
            u32::try_from(self.varint()?).map_err(|_| malformed("a field's key is too large"))?;
        match key >> 3 {
            0 => Err(malformed("a field has the number 0")),
            number => Ok((number, (key & 7) as u8)),
        }
    }

    #[inline]
    fn payload(&mut self, wire_type: u8) -> Result<Payload<'a>, Undecodable> {
        Ok(match wire_type {
            0 => Payload::Varint(self.varint()?),
            1 => Payload::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                Payload::Bytes(self.take(length)?)
            }
            5 => Payload::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(malformed("a field has an unknown wire type")),
        })
    }

    fn skip_group(&mut self, number: u32, depth_left: u32) -> Result<(), Undecodable> {
        let depth_left = depth_left.checked_sub(1).ok_or_else(too_deep)?;
        loop {
            match self.key()? {
                (inner, 3) => self.skip_group(inner, depth_left)?,
                (end, 4) if end == number => return Ok(()),
                (_, wire_type) => self.payload(wire_type).map(drop)?,
            }
        }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Undecodable> {
        // Keys, and lengths of most texts.
        if let Some((byte @ 0..0x80, rest)) = self.rest.split_first() {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Undecodable> {
        let mut value = 0_u64;
        for (position, byte) in self.rest.iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if position == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * position);
            if byte & 0x80 == 0 {
                self.rest = self.rest.get(position + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(malformed("a number is cut short or too large"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Undecodable> {
        let (taken, rest) =
            self.rest.split_at_checked(length).ok_or_else(|| malformed("a field is cut short"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Undecodable> {
        let (taken, rest) =
            self.rest.split_first_chunk().ok_or_else(|| malformed("a field is cut short"))?;
        self.rest = rest;
        Ok(*taken)
    }
}

impl<'a> Payload<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], Undecodable> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(wrong_type()),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, Undecodable> {
        std::str::from_utf8(self.bytes()?).map_err(|_| malformed("a text is not UTF-8"))
    }

    pub(super) fn varint(self) -> Result<u64, Undecodable> {
        match self {
            Self::Varint(value) => Ok(value),
            _ => Err(wrong_type()),
        }
    }

    pub(super) fn fixed64(self) -> Result<u64, Undecodable> {
        match self {
            Self::Fixed64(value) => Ok(value),
            _ => Err(wrong_type()),
        }
    }

    pub(super) fn fixed32(self) -> Result<u32, Undecodable> {
        match self {
            Self::Fixed32(value) => Ok(value),
            _ => Err(wrong_type()),
        }
    }
}

fn wrong_type() -> Undecodable {
    malformed("a field has the wrong wire type")
}

pub(super) fn too_deep() -> Undecodable {
    malformed("values are nested too deeply")
}

fn malformed(reason: &str) -> Undecodable {
    Undecodable { reason: reason.to_owned() }
}
