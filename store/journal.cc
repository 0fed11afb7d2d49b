#include "store/journal.h"

#include <xxhash.h>

#include <vector>

#include "crdt/bytes.h"
#include "store/row.h"

namespace kith {
namespace {

constexpr std::size_t kRecordBytes = 32 * 1024 - 64;  // Eight pages.
constexpr std::uint8_t kDeleted = 128;

std::uint64_t checksum_of(std::string_view key, std::string_view head) {
  return XXH3_64bits_withSeed(head.data(), head.size(), XXH3_64bits(key.data(), key.size()));
}

// Nothing when the record is not what was written.
std::optional<std::vector<JournalChange>> decode(std::string_view key, std::string_view record) {
  ByteReader in(record);
  const std::uint64_t checksum = in.u64();
  const std::string_view head = in.counted(record.size());
  if (!in.ok() || checksum_of(key, head) != checksum) return std::nullopt;
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

}  // namespace

std::string journal_key(JournalPlace place) {
  ByteWriter out;
  out.u64(place.commit);
  out.u16(place.part);
  return out.take();
}

std::optional<JournalPlace> parse_journal_key(std::string_view key) {
  ByteReader in(key);
  const JournalPlace out{in.u64(), in.u16()};
  if (!in.done()) return std::nullopt;
  return out;
}

void JournalWriter::add(const JournalChange& change) {
  const std::size_t size = change.value ? change.value->size() : 0;
  if (!head_.empty() && head_.size() + rows_.size() + change.key.size() + size > kRecordBytes) finish();
  ByteWriter head;
  head.u8(static_cast<std::uint8_t>(static_cast<std::uint8_t>(change.database) | (change.value ? 0 : kDeleted)));
  head.counted(change.key);
  head.varint(size);
  head_ += head.view();
  if (change.value) (change.database == Database::kCells ? rows_ : head_) += *change.value;
}

void JournalWriter::finish() {
  if (head_.empty()) return;
  const std::string key = journal_key(place_);
  ByteWriter record;
  record.u64(checksum_of(key, head_));
  record.counted(head_);
  record.bytes(rows_);
  transaction_.put(Database::kJournal, key, record.view());
  head_.clear();
  rows_.clear();
  ++place_.part;
}

bool read_journal(const ReadTransaction& transaction, const VisitJournal& visit) {
  const auto walk = transaction.walk(Database::kJournal);
  for (bool more = walk->seek({}); more; more = walk->next()) {
    const auto place = parse_journal_key(walk->key());
    const auto changes = place ? decode(walk->key(), walk->value()) : std::nullopt;
    if (!changes) return false;
    for (const JournalChange& change : *changes) visit(place->commit, change);
  }
  return true;
}

std::string damaged_journal(const std::string& where) {
  return "the journal in " + where +
         " is damaged: what was written last cannot be told any more.  Set the data directory aside and let the node join again, "
         "its peers have what they were sent; or restore a backup";
}

}  // namespace kith
