// Goal: what was put lately is found and walked as of any commit, while more is put, and what is taken back is gone.
#include <atomic>
#include <map>
#include <thread>

#include "store/recent_table.h"
#include "tests/crdt/universe.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

constexpr Database kDb = Database::kCells;

// What is there as of a commit, in order; deleted keys show as "-".
std::string shown(const RecentTable& table, RecentTable::Commit commit) {
  std::string out;
  for (const auto* node = table.first(kDb); node != nullptr; node = RecentTable::behind(*node)) {
    const auto* version = node->at(commit);
    if (version == nullptr) continue;
    out += std::string(node->key()) + "=" + (version->present ? std::string(version->value) : "-") + " ";
  }
  return out;
}

}  // namespace

TEST_CASE("recent table: each commit sees what it left, whatever is put later") {
  RecentTable table(0);
  table.put(kDb, "b", "1", 1);
  table.put(kDb, "a", "1", 1);
  table.keep();
  table.put(kDb, "b", std::nullopt, 2);
  table.put(kDb, "c", "2", 2);
  table.put(kDb, "c", "3", 2);  // The last of a commit counts.
  CHECK(table.at_hand().size() == 2);
  table.keep();
  table.put(Database::kFeed, "b", "other", 3);
  table.keep();
  CHECK(shown(table, 0).empty());
  CHECK(shown(table, 1) == "a=1 b=1 ");
  CHECK(shown(table, 2) == "a=1 b=- c=3 ");
  CHECK(shown(table, 9) == "a=1 b=- c=3 ");
  REQUIRE(table.find(Database::kFeed, "b") != nullptr);
  CHECK(table.find(Database::kFeed, "b")->at(3)->value == "other");
  CHECK(table.find(Database::kFeed, "a") == nullptr);
  CHECK_FALSE(table.holds_any(Database::kMeta));
}

TEST_CASE("recent table: what is taken back is gone, and what was there before it is back") {
  RecentTable table(0);
  table.put(kDb, "a", "1", 1);
  table.keep();
  const std::size_t bytes = table.bytes();
  table.put(kDb, "a", "2", 2);
  table.put(kDb, "a", std::nullopt, 2);
  table.put(kDb, "b", "2", 2);
  table.take_back();
  CHECK(shown(table, 2) == "a=1 ");
  CHECK(table.bytes() == bytes);
  CHECK(table.at_hand().empty());
  table.put(kDb, "b", "3", 2);  // The same commit again.
  table.keep();
  CHECK(shown(table, 2) == "a=1 b=3 ");
}

TEST_CASE("recent table: random puts are found and walked both ways as in a map") {
  const std::uint64_t seed = test_seed(71);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  RecentTable table(0);  // So many fit its slots, and more do not.
  std::map<std::string, std::string> twin;
  for (RecentTable::Commit commit = 1; commit <= 60; ++commit) {
    std::map<std::string, std::string> puts;  // Half of the commits come in order, as most do.
    std::vector<std::string> keys;
    for (int i = 0; i < 50; ++i) keys.push_back("k" + std::to_string(random() % 4000));
    if (commit % 2 == 0) std::sort(keys.begin(), keys.end());
    for (const std::string& key : keys) {
      const std::string value = std::to_string(random() % 1000);
      table.put(kDb, key, value, commit);
      puts[key] = value;
    }
    if (random() % 8 == 0) {
      table.take_back();
      continue;
    }
    table.keep();
    for (const auto& [key, value] : puts) twin[key] = value;
  }
  REQUIRE(twin.size() > 1024);
  std::string wanted;
  for (const auto& [key, value] : twin) wanted += key + "=" + value + " ";
  CHECK(shown(table, 60) == wanted);
  for (int i = 0; i < 2000; ++i) {
    const std::string key = "k" + std::to_string(random() % 5000);
    const auto* node = table.find(kDb, key);
    const auto* version = node == nullptr ? nullptr : node->at(60);
    REQUIRE((version != nullptr) == twin.contains(key));
    if (version != nullptr) REQUIRE(version->value == twin.at(key));
    const auto* from = table.from(kDb, key);
    while (from != nullptr && from->at(60) == nullptr) from = RecentTable::behind(*from);
    const auto there = twin.lower_bound(key);
    REQUIRE((from == nullptr) == (there == twin.end()));
    if (from != nullptr) REQUIRE(from->key() == there->first);
    const auto* before = table.before(kDb, key);
    while (before != nullptr && before->at(60) == nullptr) before = RecentTable::before(*before);
    REQUIRE((before == nullptr) == (there == twin.begin()));
    if (before != nullptr) REQUIRE(before->key() == std::prev(there)->first);
  }
}

TEST_CASE("recent table: who reads meanwhile sees whole commits") {
  constexpr RecentTable::Commit kCommits = 2000;
  RecentTable table(1 << 20);
  std::atomic<RecentTable::Commit> last{0};
  std::atomic<int> wrong{0}, looked{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (last.load() < kCommits) {
        const RecentTable::Commit commit = last.load();
        const std::string value = std::to_string(commit);
        int found = 0;
        for (const auto* node = table.first(kDb); node != nullptr; node = RecentTable::behind(*node)) {
          const auto* version = node->at(commit);
          if (version == nullptr) continue;
          ++found;
          if (version->value != value) ++wrong;
        }
        for (const char* key : {"all0", "all5", "all9"}) {
          const auto* node = table.find(kDb, key);
          if (commit > 0 && (node == nullptr || node->at(commit) == nullptr || node->at(commit)->value != value)) ++wrong;
        }
        if (commit > 0 && found != 10) ++wrong;
        ++looked;
      }
    });
  }
  for (RecentTable::Commit commit = 1; commit <= kCommits; ++commit) {
    for (int i = 0; i < 10; ++i) table.put(kDb, "all" + std::to_string(i), std::to_string(commit), commit);
    table.put(Database::kFeed, std::to_string(commit * 7919 % 10'000), "x", commit);
    table.keep();
    last = commit;
    if (commit % 50 == 0) std::this_thread::yield();
  }
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong == 0);
  CHECK(looked > 0);
}

}  // namespace kith::test
