//! Arrays of fixed capacity and run-time length, indexed by their own id type, that cannot panic.

macro_rules! indexed_array {
    ($(#[$id_doc:meta])* $id:ident, $(#[$doc:meta])* $name:ident, $capacity:ident) => {
        $(#[$id_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub struct $id(u8);

        impl $id {
            /// The id of slot `index`; `None` at or above the capacity.
            #[must_use]
            #[expect(clippy::cast_possible_truncation, reason = "the capacity is below 256")]
            pub const fn new(index: usize) -> Option<Self> {
                if index < $capacity { Some(Self(index as u8)) } else { None }
            }

            /// The slot's position in the robot file's order.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name<T> {
            slots: [T; $capacity],
            len: usize,
        }

        impl<T: Copy> $name<T> {
            /// `len` copies of `value`; a `len` above the capacity is cut to it.
            #[must_use]
            pub const fn filled(value: T, len: usize) -> Self {
                let len = if len < $capacity { len } else { $capacity };
                Self { slots: [value; $capacity], len }
            }

            /// Number of slots in use.
            #[must_use]
            pub const fn len(&self) -> usize {
                self.len
            }

            /// No slot is in use.
            #[must_use]
            pub const fn is_empty(&self) -> bool {
                self.len == 0
            }

            /// The ids in use, in order.
            #[expect(clippy::cast_possible_truncation, reason = "the capacity is below 256")]
            pub fn ids(&self) -> impl DoubleEndedIterator<Item = $id> + use<T> {
                (0..self.len.min($capacity)).map(|index| $id(index as u8))
            }

            /// The values in use, in order.
            pub fn iter(&self) -> core::slice::Iter<'_, T> {
                self.as_slice().iter()
            }

            /// The values in use, to change.
            pub fn iter_mut(&mut self) -> core::slice::IterMut<'_, T> {
                self.slots.get_mut(..self.len).unwrap_or_default().iter_mut()
            }

            /// The values in use, in order.
            #[must_use]
            pub fn as_slice(&self) -> &[T] {
                self.slots.get(..self.len).unwrap_or_default()
            }

            /// Four slots that follow each other, those of `group` times four on; slots that are
            /// not in use hold any value. A group above the capacity is counted from the start.
            #[must_use]
            #[allow(clippy::indexing_slicing)]
            #[inline]
            pub fn four(&self, group: usize) -> &[T; 4] {
                let (fours, _) = self.slots.as_chunks::<4>();
                &fours[group & ($capacity / 4 - 1)]
            }

            /// The same slots with `f` applied to each value.
            #[must_use]
            pub fn map<U: Copy>(&self, f: impl FnMut(T) -> U) -> $name<U> {
                $name { slots: self.slots.map(f), len: self.len }
            }

            /// Slot by slot from a function of the id; slots out of use repeat slot 0.
            #[must_use]
            pub fn from_fn(len: usize, mut f: impl FnMut($id) -> T) -> Self {
                let mut all = Self::filled(f($id(0)), len);
                for id in all.ids().skip(1) {
                    all[id] = f(id);
                }
                all
            }
        }

        impl<T> core::ops::Index<$id> for $name<T> {
            type Output = T;
            // An id is below the capacity by construction and the capacity is a power of two, so
            // the mask changes nothing and spares the bounds check.
            #[allow(clippy::indexing_slicing)]
            fn index(&self, id: $id) -> &T {
                &self.slots[id.index() & ($capacity - 1)]
            }
        }

        impl<T> core::ops::IndexMut<$id> for $name<T> {
            #[allow(clippy::indexing_slicing)]
            fn index_mut(&mut self, id: $id) -> &mut T {
                &mut self.slots[id.index() & ($capacity - 1)]
            }
        }

        #[cfg(feature = "serde")]
        impl<T: serde::Serialize> serde::Serialize for $name<T> {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_seq(self.slots.iter().take(self.len))
            }
        }

        impl<T: Copy + Default> Default for $name<T> {
            fn default() -> Self {
                Self::filled(T::default(), 0)
            }
        }
    };
}

pub(crate) use indexed_array;
