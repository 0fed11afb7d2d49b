// Goal: files that do not belong together are never read as if they did, and who finds them is told what to do.
// Method: a directory is copied at several times; of two of these copies a directory is put together, and opened.
#include "store/journal_recovery.h"

#include <filesystem>
#include <set>

#include "store/journal_file.h"
#include "store/offline_store.h"
#include "tests/crdt/universe.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

namespace fs = std::filesystem;

const LmdbOptions kSmall{.map_bytes = 64 << 20, .recent_bytes = 8192};
const std::string kData = "/data.mdb", kJournal0 = "/journal-0.kith", kJournal1 = "/journal-1.kith";

void put_in_place(const std::string& from, const std::string& to, const std::string& name) {
  fs::remove(to + name);
  if (fs::exists(from + name)) fs::copy_file(from + name, to + name);
}

void commit(Store& store, int number) {
  StoreBatch batch;
  batch.merge(1, value("last"), written(std::to_string(number), static_cast<std::uint64_t>(number)));
  batch.merge(2, element("set", "m" + std::to_string(number)), added(static_cast<std::uint64_t>(number)));
  store.commit(batch);
}

// The last commit that is there, or nothing when it was refused, which it must be with a way out.
std::optional<int> last_in(const std::string& directory) {
  std::optional<int> out;
  const bool sound_offline = OfflineStore(directory).verify().empty();
  try {
    const auto store = LmdbStore::open(directory, kSmall);
    REQUIRE(store->verify().empty());
    Row row;
    out = store->snapshot()->get(1, value("last"), row) == Snapshot::Lookup::kFound ? std::stoi(*row.content.as_register().value()) : 0;
    REQUIRE(store->snapshot()->count("default", "set", Kind::kSet) == static_cast<std::uint64_t>(*out));
  } catch (const StoreError& error) {
    CHECK(error.kind() == StoreError::Kind::kCorrupt);
    CHECK(std::string(error.what()).find("set the data directory aside") != std::string::npos);
    CHECK(std::string(error.what()).find(directory) != std::string::npos);
  }
  CHECK(sound_offline == out.has_value());
  return out;
}

}  // namespace

// A data file with later journals is whole, or refused; with earlier ones it must not lose what those of its own time had.
TEST_CASE("journal recovery: files of two times are what one of them was, or refused (all pairs)") {
  const TemporaryDirectory directory;
  const std::string node = directory.path("node"), mixed = directory.path("mixed");
  std::vector<std::pair<std::string, int>> copies;
  auto store = LmdbStore::open(node, kSmall);
  int number = 0;
  const auto take = [&] {
    copies.emplace_back(directory.path("copy" + std::to_string(copies.size())), number);
    copy_as_killed(node, copies.back().first);
  };
  take();
  const int times = kSanitized ? 6 : 14;
  for (int i = 0; i < times; ++i) {
    for (int j = 0; j < 9; ++j) commit(*store, ++number);
    take();
    if (i % 5 != 4) continue;
    store.reset();
    take();
    store = LmdbStore::open(node, kSmall);
  }
  int refused = 0, read = 0;
  for (const auto& [data, data_at] : copies) {
    for (const auto& [journals, journals_at] : copies) {
      CAPTURE(data_at);
      CAPTURE(journals_at);
      copy_as_killed(data, mixed);
      put_in_place(journals, mixed, kJournal0);
      put_in_place(journals, mixed, kJournal1);
      const auto last = last_in(mixed);
      if (data == journals) REQUIRE(last == data_at);
      if (!last) {
        ++refused;
        continue;
      }
      ++read;
      REQUIRE((*last == data_at || *last == journals_at));
      // Of one journal an earlier state is what a disk that lost its last writes has: nothing can tell.
      if (*last < data_at) REQUIRE(read_journal_header(journals + kJournal0).has_value());
    }
  }
  CHECK(refused > 10);
  CHECK(read > static_cast<int>(copies.size()));
}

TEST_CASE("journal recovery: a journal that is gone, cut short or another store's is noticed") {
  const TemporaryDirectory directory;
  const std::string node = directory.path("node"), other = directory.path("other"), killed = directory.path("killed");
  auto store = LmdbStore::open(node, kSmall), stranger = LmdbStore::open(other, kSmall);
  for (int number = 1; number <= 5; ++number) {
    commit(*store, number);
    commit(*stranger, number);
  }
  const auto fresh = [&] { copy_as_killed(node, killed); };
  fresh();
  CHECK(last_in(killed) == 5);
  fresh();
  fs::remove(killed + kJournal1);  // The first generation's.
  CHECK_FALSE(last_in(killed).has_value());
  fresh();
  fs::resize_file(killed + kJournal1, 100);  // Its header is whole; all commits are gone, which is as if none had been.
  CHECK(last_in(killed) == 0);
  fresh();
  fs::resize_file(killed + kJournal1, 40);
  CHECK_FALSE(last_in(killed).has_value());
  fresh();
  put_in_place(other, killed, kJournal1);
  CHECK_FALSE(last_in(killed).has_value());
  fresh();
  fs::remove(killed + kData);  // A new one would be made, and the journal belongs to none.
  try {
    (void)LmdbStore::open(killed, kSmall);
    FAIL("it opened");
  } catch (const StoreError& error) {
    CHECK(std::string(error.what()).find("is older than the journal") != std::string::npos);
  }
  fresh();
  put_in_place(other, killed, kData);
  CHECK_FALSE(last_in(killed).has_value());
}

// Method: two copies of one directory go on, as when a disk is cloned: their journals have the same numbers.
TEST_CASE("journal recovery: the journals of two copies of one store are not taken for one another") {
  const TemporaryDirectory directory;
  const std::string one = directory.path("one"), two = directory.path("two"), mixed = directory.path("mixed");
  {
    const auto store = LmdbStore::open(one, kSmall);
    for (int number = 1; number <= 3; ++number) commit(*store, number);
  }
  copy_as_killed(one, two);
  const auto first = LmdbStore::open(one, kSmall), second = LmdbStore::open(two, kSmall);
  commit(*first, 4);
  commit(*second, 4);
  copy_as_killed(one, mixed);
  put_in_place(two, mixed, kJournal0);
  put_in_place(two, mixed, kJournal1);
  CHECK_FALSE(last_in(mixed).has_value());
}

}  // namespace kith::test
