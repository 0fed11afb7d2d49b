#include "store/journal.h"

#include <xxhash.h>

#include "crdt/bytes.h"
#include "store/row.h"

namespace kith {
namespace {

constexpr std::uint8_t kDeleted = 128;

std::string key_of(JournalPlace place) {
  ByteWriter out;
  out.u64(place.commit);
  out.u16(place.part);
  return out.take();
}

std::uint64_t checksum_of(JournalPlace place, std::string_view head) {
  const std::string key = key_of(place);
  return XXH3_64bits_withSeed(head.data(), head.size(), XXH3_64bits(key.data(), key.size()));
}

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

}  // namespace

void JournalRecord::add(const JournalChange& change) {
  head_.push_back(static_cast<char>(static_cast<std::uint8_t>(change.database) | (change.value ? 0 : kDeleted)));
  append_varint(head_, change.key.size());
  head_ += change.key;
  append_varint(head_, change.value ? change.value->size() : 0);
  if (change.value) (change.database == Database::kCells ? rows_ : head_) += *change.value;
}

void JournalRecord::encode(std::uint64_t commit, std::string& out) const {
  ByteWriter checksum;
  checksum.u64(checksum_of({commit, 0}, head_));
  out += checksum.view();
  append_varint(out, head_.size());
  out += head_;
  out += rows_;
}

void JournalRecord::clear() {
  head_.clear();
  rows_.clear();
}

std::optional<std::vector<JournalChange>> decode_journal_record(JournalPlace place, std::string_view record) {
  ByteReader in(record);
  const std::uint64_t checksum = in.u64();
  const std::string_view head = in.counted(record.size());
  if (!in.ok() || checksum_of(place, head) != checksum) return std::nullopt;
  std::vector<JournalChange> out;
  ByteReader changes(head);
  while (changes.ok() && changes.left() > 0) {
    const std::uint8_t what = changes.u8();
    JournalChange change{static_cast<Database>(what & ~kDeleted), changes.counted(kStoreKeyBytesMax), std::nullopt};
    const std::uint64_t size = changes.varint();
    if (change.key.empty() || static_cast<std::size_t>(change.database) >= kDatabaseCount || change.database == Database::kJournal) return std::nullopt;
    if ((what & kDeleted) == 0) change.value = change.database == Database::kCells ? in.bytes(size) : changes.bytes(size);
    if (!changes.ok() || !in.ok()) return std::nullopt;
    out.push_back(change);
  }
  if (!changes.ok() || !in.done()) return std::nullopt;
  return out;
}

bool read_journal_of_format_3(const ReadTransaction& transaction, const VisitJournal& visit) {
  const auto walk = transaction.walk(Database::kJournal);
  for (bool more = walk->seek({}); more; more = walk->next()) {
    ByteReader key(walk->key());
    const JournalPlace place{key.u64(), key.u16()};
    if (!key.done()) return false;
    const auto changes = decode_journal_record(place, walk->value());
    if (!changes) return false;
    for (const JournalChange& change : *changes) visit(place.commit, change);
  }
  return true;
}

}  // namespace kith
