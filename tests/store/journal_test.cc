// Goal: what is in a record of the journal is read as it was written, or noticed; rows are left to their own checksums.
#include "store/journal.h"

#include "tests/store/harness.h"

namespace kith::test {
namespace {

// "cells k=v" a line; nothing when the record is damaged.
std::optional<std::string> read(std::uint64_t commit, const std::string& record) {
  const auto changes = decode_journal_record({commit, 0}, record);
  if (!changes) return std::nullopt;
  std::string out;
  for (const JournalChange& change : *changes) {
    out += std::string(kDatabaseNames[static_cast<std::size_t>(change.database)]) + " " + std::string(change.key) +
           (change.value ? "=" + std::string(*change.value) : " deleted") + "\n";
  }
  return out;
}

std::string written_one() {
  JournalRecord record;
  record.add({Database::kCells, "k", "row"});
  record.add({Database::kFeed, "f", "entry"});
  record.add({Database::kFeed, "g", std::nullopt});
  std::string out;
  record.encode(7, out);
  return out;
}

}  // namespace

TEST_CASE("journal: golden bytes of a record") {
  const std::string record = written_one();
  // checksum, size of all changes, cells k: 3 bytes (they are behind all), feed f: 5 bytes, feed g: deleted; the row.
  CHECK(hex(record).substr(16) == "11" "01" "01" "6b" "03" "02" "01" "66" "05" "656e747279" "82" "01" "67" "00" "726f77");
  CHECK(read(7, record) == "cells k=row\nfeed f=entry\nfeed g deleted\n");
  CHECK_FALSE(read(8, record).has_value());  // It is of that commit.
}

TEST_CASE("journal: any bit flipped, but in a row, and any cut is noticed") {
  const std::string record = written_one();
  const std::size_t row_at = record.size() - 3;
  for (std::size_t bit = 0; bit < record.size() * 8; ++bit) {
    CAPTURE(bit);
    REQUIRE(read(7, flipped(record, bit)).has_value() == (bit / 8 >= row_at));
  }
  for (std::size_t size = 0; size < record.size(); ++size) REQUIRE_FALSE(read(7, record.substr(0, size)).has_value());
  CHECK_FALSE(read(7, record + "x").has_value());
}

TEST_CASE("journal: a large commit is one record, and one is used again") {
  JournalRecord record;
  std::string wanted, out;
  for (int i = 0; i < 500; ++i) {
    const std::string key = "k" + std::to_string(i), value(i == 250 ? 200'000 : 300, 'v');
    record.add({i % 2 == 0 ? Database::kCells : Database::kCounts, key, value});
    wanted += std::string(i % 2 == 0 ? "cells " : "counts ") + key + "=" + value + "\n";
  }
  record.encode(3, out);
  CHECK(read(3, out) == wanted);
  record.clear();
  record.add({Database::kMeta, "name", "value"});
  out.clear();
  record.encode(4, out);
  CHECK(read(4, out) == "meta name=value\n");
}

}  // namespace kith::test
