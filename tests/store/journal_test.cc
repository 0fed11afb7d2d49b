// Goal: what is in the journal is read as it was written, or noticed; rows are left to their own checksums.
#include "store/journal.h"

#include "tests/store/harness.h"

namespace kith::test {
namespace {

// The database `journal` alone, in memory.
class Records final : public WriteTransaction {
 public:
  std::map<std::string, std::string, std::less<>> items;

  std::optional<std::string_view> get(Database, std::string_view key) const override {
    const auto it = items.find(key);
    return it == items.end() ? std::nullopt : std::optional<std::string_view>(it->second);
  }
  std::unique_ptr<Walk> walk(Database) const override { return std::make_unique<Place>(items); }
  bool empty(Database) const override { return items.empty(); }
  void put(Database database, std::string_view key, std::string_view value) override {
    REQUIRE(database == Database::kJournal);
    items.insert_or_assign(std::string(key), std::string(value));
  }
  void del(Database, std::string_view key) override { items.erase(std::string(key)); }

 private:
  class Place final : public Walk {
   public:
    explicit Place(const std::map<std::string, std::string, std::less<>>& items) : items_(items) {}
    bool seek(std::string_view key) override { return (at_ = items_.lower_bound(key)) != items_.end(); }
    bool seek_before(std::string_view) override { return false; }
    bool next() override { return ++at_ != items_.end(); }
    bool previous() override { return false; }
    std::string_view key() const override { return at_->first; }
    std::string_view value() const override { return at_->second; }

   private:
    const std::map<std::string, std::string, std::less<>>& items_;
    std::map<std::string, std::string, std::less<>>::const_iterator at_;
  };
};

// "7 cells k=v" a line; nothing when the journal is damaged.
std::optional<std::string> read(const Records& records) {
  std::string out;
  const bool sound = read_journal(records, [&](std::uint64_t commit, const JournalChange& change) {
    out += std::to_string(commit) + " " + kDatabaseNames[static_cast<std::size_t>(change.database)] + " " + std::string(change.key) +
           (change.value ? "=" + std::string(*change.value) : " deleted") + "\n";
  });
  return sound ? std::optional(out) : std::nullopt;
}

Records written_one() {
  Records records;
  JournalWriter journal(records, 7);
  journal.add({Database::kCells, "k", "row"});
  journal.add({Database::kFeed, "f", "entry"});
  journal.add({Database::kFeed, "g", std::nullopt});
  journal.finish();
  return records;
}

}  // namespace

TEST_CASE("journal: golden bytes of a record") {
  const Records records = written_one();
  REQUIRE(records.items.size() == 1);
  CHECK(hex(records.items.begin()->first) == "0000000000000007" "0000");
  const std::string record = hex(records.items.begin()->second);
  // checksum, size of all changes, cells k: 3 bytes (they are behind all), feed f: 5 bytes, feed g: deleted; the row.
  CHECK(record.substr(16) == "11" "01" "01" "6b" "03" "02" "01" "66" "05" "656e747279" "82" "01" "67" "00" "726f77");
  CHECK(read(records) == "7 cells k=row\n7 feed f=entry\n7 feed g deleted\n");
}

TEST_CASE("journal: any bit flipped, but in a row, and any cut is noticed") {
  const Records sound = written_one();
  const std::string key = sound.items.begin()->first, record = sound.items.begin()->second;
  const std::size_t row_at = record.size() - 3;
  for (std::size_t bit = 0; bit < record.size() * 8; ++bit) {
    CAPTURE(bit);
    Records records;
    records.items[key] = flipped(record, bit);
    REQUIRE(read(records).has_value() == (bit / 8 >= row_at));
  }
  for (std::size_t bit = 0; bit < key.size() * 8; ++bit) {
    Records records;
    records.items[flipped(key, bit)] = record;
    REQUIRE_FALSE(read(records).has_value());
  }
  for (std::size_t size = 0; size < record.size(); ++size) {
    Records records;
    records.items[key] = record.substr(0, size);
    REQUIRE_FALSE(read(records).has_value());
  }
  Records records;
  records.items[key] = record + "x";
  CHECK_FALSE(read(records).has_value());
}

TEST_CASE("journal: a large commit is cut into records of some pages, and a large value is one of its own") {
  Records records;
  JournalWriter journal(records, 3);
  std::string wanted;
  for (int i = 0; i < 500; ++i) {
    const std::string key = "k" + std::to_string(i), value(i == 250 ? 200'000 : 300, 'v');
    journal.add({i % 2 == 0 ? Database::kCells : Database::kCounts, key, value});
    wanted += std::string("3 ") + (i % 2 == 0 ? "cells " : "counts ") + key + "=" + value + "\n";
  }
  journal.finish();
  CHECK(read(records) == wanted);
  std::size_t large = 0;
  for (const auto& [key, record] : records.items) large += record.size() > 32 * 1024 ? 1 : 0;
  CHECK(large == 1);
  CHECK(records.items.size() >= 6);
}

}  // namespace kith::test
