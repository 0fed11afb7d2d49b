#include "tests/store/harness.h"

#include <lmdb.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>

namespace kith::test {
namespace {

// The one item under `key`, read and perhaps replaced, or taken out, with LMDB alone.
std::optional<std::string> with_raw_lmdb(const std::string& directory, Database database, const std::string& key,
                                         const std::string* replacement, bool lose = false) {
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  REQUIRE(mdb_env_create(&env) == 0);
  REQUIRE(mdb_env_set_maxdbs(env, 16) == 0);
  REQUIRE(mdb_env_set_mapsize(env, std::size_t{1} << 30) == 0);
  REQUIRE(mdb_env_open(env, directory.c_str(), 0, 0600) == 0);
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  REQUIRE(mdb_dbi_open(txn, kDatabaseNames[static_cast<std::size_t>(database)], 0, &dbi) == 0);
  MDB_val wanted{key.size(), const_cast<char*>(key.data())}, found{0, nullptr};
  std::optional<std::string> before;
  if (mdb_get(txn, dbi, &wanted, &found) == 0) before = std::string(static_cast<char*>(found.mv_data), found.mv_size);
  if (replacement != nullptr) {
    MDB_val bytes{replacement->size(), const_cast<char*>(replacement->data())};
    REQUIRE(mdb_put(txn, dbi, &wanted, &bytes, 0) == 0);
  }
  if (lose) REQUIRE(mdb_del(txn, dbi, &wanted, nullptr) == 0);
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
  return before;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "kith-test-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

// SUBTLE: the data file first: what goes into its trees meanwhile is in the journals, and stays there until it says that it is not needed.
void copy_as_killed(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::create_directory(to);
  for (const char* name : {"/data.mdb", "/journal-0.kith", "/journal-1.kith"}) {
    if (std::filesystem::exists(from + name)) std::filesystem::copy_file(from + name, to + name);
  }
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

LmdbHarness::LmdbHarness(std::uint64_t map_bytes, std::size_t recent_bytes) {
  options_.map_bytes = map_bytes;
  options_.recent_bytes = recent_bytes;
  store_ = LmdbStore::open(directory_.path("node"), options_);
}

void LmdbHarness::reopen() {
  store_.reset();
  store_ = LmdbStore::open(directory_.path("node"), options_);
}

void JournalHarness::reopen() {
  const std::string killed = directory_.path("killed" + std::to_string(++kills_));
  copy_as_killed(directory_.path("node"), killed);
  store_.reset();
  std::filesystem::remove_all(directory_.path("node"));
  std::filesystem::rename(killed, directory_.path("node"));
  store_ = LmdbStore::open(directory_.path("node"), options_);
}

std::optional<std::string> LmdbHarness::stored(Database database, const std::string& key) {
  store_.reset();
  auto out = with_raw_lmdb(directory_.path("node"), database, key, nullptr);
  store_ = LmdbStore::open(directory_.path("node"), options_);
  return out;
}

void LmdbHarness::overwrite(Database database, const std::string& key, const std::string& value) {
  store_.reset();
  with_raw_lmdb(directory_.path("node"), database, key, &value);
  store_ = LmdbStore::open(directory_.path("node"), options_);
}

void LmdbHarness::lose(Database database, const std::string& key) {
  store_.reset();
  with_raw_lmdb(directory_.path("node"), database, key, nullptr, true);
  store_ = LmdbStore::open(directory_.path("node"), options_);
}

Content added(std::uint64_t at, OriginId origin) {
  SetElement state;
  return Content(state.add({Timestamp{at}, actor_of(origin)}, {Timestamp{at}, origin}));
}

Content removed(std::uint64_t add_at, OriginId adder, std::uint64_t at, OriginId origin) {
  SetElement state;
  (void)state.add({Timestamp{add_at}, actor_of(adder)}, {Timestamp{add_at}, adder});
  return Content(state.remove({Timestamp{at}, actor_of(origin)}, {Timestamp{at}, origin}));
}

Content written(const std::string& text, std::uint64_t at, OriginId origin) {
  Content state(Kind::kRegister);
  (void)state.as_register().set(text, {Timestamp{at}, actor_of(origin)}, {Timestamp{at}, origin});
  return state;
}

Content erased(std::uint64_t at, OriginId origin) {
  Content state(Kind::kRegister);
  (void)state.as_register().erase({Timestamp{at}, actor_of(origin)}, {Timestamp{at}, origin});
  return state;
}

StoreBatch batch_of(ShardId shard, const CellKey& cell, const Content& delta) {
  StoreBatch batch;
  batch.merge(shard, cell, delta);
  return batch;
}

std::string flipped(std::string bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (0x80 >> (bit % 8)));
  return bytes;
}

std::string hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

void Twin::merge(ShardId shard, const CellKey& cell, const Content& delta) {
  auto [it, fresh] = rows_.try_emplace({shard, cell}, TwinRow{cell, Content(cell.kind), 0});
  if (it->second.content.join(delta)) it->second.lsn = ++ends_[shard];
}

void Twin::require_equal(const Store& store) const {
  const auto snapshot = store.snapshot();
  std::map<ShardId, std::map<Lsn, CellKey>> feeds;
  std::map<std::tuple<std::string, std::string, Kind>, std::uint64_t> counts;
  std::map<ShardId, Buckets> buckets;
  std::uint64_t root = 0;
  for (const auto& [where, row] : rows_) {
    Row out;
    REQUIRE(snapshot->get(where.first, row.cell, out) == Snapshot::Lookup::kFound);
    REQUIRE(out.content == row.content);
    feeds[where.first][row.lsn] = row.cell;
    if (row.content.present()) ++counts[{row.cell.table, row.cell.key, row.cell.kind}];
    buckets[where.first][bucket_of(row.cell)] += fingerprint_of(row.cell, row.content);
    if (where.first != kSystemShard) root += fingerprint_of(row.cell, row.content);
  }
  for (const auto& [shard, sums] : buckets) {
    REQUIRE(snapshot->buckets(shard) == sums);
    std::uint64_t shard_root = 0;
    for (const std::uint64_t sum : sums) shard_root += sum;
    REQUIRE(snapshot->shard_root(shard) == shard_root);
  }
  REQUIRE(snapshot->root() == root);
  for (const auto& [shard, feed] : feeds) {
    REQUIRE(snapshot->feed_end(shard) == feed.rbegin()->first);
    auto expected = feed.begin();
    snapshot->feed_after(shard, 0, [&](Lsn lsn, const StoreKey&, const Row* row) {
      REQUIRE(expected != feed.end());
      REQUIRE(row != nullptr);
      REQUIRE(lsn == expected->first);
      REQUIRE(row->cell == expected->second);
      ++expected;
      return true;
    });
    REQUIRE(expected == feed.end());
  }
  std::map<std::tuple<std::string, std::string, Kind>, std::uint64_t> found;
  for (const char* table : {"default", "other"}) {
    snapshot->keys(table, "", std::nullopt, [&](const KeyCount& key) {
      found[{key.table, key.key, key.kind}] = key.live;
      REQUIRE(snapshot->count(key.table, key.key, key.kind) == key.live);
      return true;
    });
  }
  REQUIRE(found == counts);
  const auto findings = store.verify();
  CAPTURE(findings.size());
  REQUIRE_MESSAGE(findings.empty(), (findings.empty() ? std::string() : findings.front()));
}

RandomChange RandomChanges::next(std::size_t keys, std::size_t members) {
  const std::string key = "key" + std::to_string(below(keys));
  const ShardId shard = key.back() % 3 == 0 ? kSystemShard : static_cast<ShardId>(key.back() % 3);
  const OriginId origin{0x1000 + below(4)};
  const Commit commit{Timestamp{time_ += 1 + below(3)}, origin};
  const Tag tag{commit.at, below(2) == 0 ? actor_of(origin) : ActorId{0x5000 + below(3)}};
  const std::string member = "m" + std::to_string(below(members));
  switch (below(6)) {
    case 0: return {shard, {"other", key, Kind::kRegister, ""}, written("v" + std::to_string(below(9)), time_, origin)};
    case 1: return {shard, {"default", key, Kind::kHash, member}, erased(time_, origin)};
    case 2: return {shard, {"default", key, Kind::kHash, member}, written(member, time_, origin)};
    case 3: {
      SetElement state;  // A removal of adds that this store may or may not have seen.
      for (std::uint64_t o = 0; o < 4; ++o) {
        const Timestamp at{1 + below(time_)};
        (void)state.add({at, actor_of(OriginId{0x1000 + o})}, {at, OriginId{0x1000 + o}});
      }
      auto delta = state.remove(tag, commit);
      if (!delta.empty()) return {shard, element(key, member), Content(std::move(delta))};
      [[fallthrough]];
    }
    default: {
      SetElement state;
      return {shard, element(key, member), Content(state.add(tag, commit))};
    }
  }
}

}  // namespace kith::test
