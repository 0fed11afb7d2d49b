#include "store/memory_store.h"

#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "crdt/check.h"
#include "store/applier.h"
#include "store/reader.h"
#include "store/verify.h"

namespace kith {
namespace {

using Items = std::map<std::string, std::string, std::less<>>;

// What was there before a change, for taking it back.
struct Undo {
  Database database;
  std::string key;
  std::optional<std::string> value;
};

// The maps.  Guarded by `mutex`: readers share it for one read, a commit has it for itself.
struct State {
  std::array<Items, kDatabaseCount> databases;
  std::uint64_t bytes = 0;
  std::uint64_t version = 0;  // Of the set of keys: a walk whose version it is may simply step on.
  mutable std::shared_mutex mutex;

  Items& operator[](Database database) { return databases[static_cast<std::size_t>(database)]; }
  const Items& operator[](Database database) const { return databases[static_cast<std::size_t>(database)]; }

  // Returns what was there before.
  std::optional<std::string> replace(Database database, std::string_view key, std::optional<std::string> value) {
    Items& items = (*this)[database];
    auto it = items.find(key);
    std::optional<std::string> before;
    if (it != items.end()) {
      bytes -= key.size() + it->second.size();
      before = std::move(it->second);
      if (!value) items.erase(it), ++version;
    }
    if (value) {
      bytes += key.size() + value->size();
      if (before) {
        it->second = *std::move(value);
      } else {
        items.emplace(key, *std::move(value));
        ++version;
      }
    }
    return before;
  }

  void undo(std::vector<Undo>& log, std::size_t down_to) {
    for (; log.size() > down_to; log.pop_back())
      replace(log.back().database, log.back().key, std::move(log.back().value));
  }
};

// Locks for every step, when it is told to, and keeps a copy of where it is: the item may be gone meanwhile.
class MapWalk final : public Walk {
 public:
  MapWalk(const State& state, Database database, bool locks) : state_(state), database_(database), locks_(locks) {}

  bool seek(std::string_view key) override {
    return move([&](const Items& items) { return items.lower_bound(key); });
  }
  bool seek_before(std::string_view key) override {
    return move([&](const Items& items) { return before(items, key); });
  }
  bool next() override {
    return move([&](const Items& items) { return still_here() ? std::next(at_) : items.upper_bound(key_); });
  }
  bool previous() override {
    return move([&](const Items& items) {
      if (!still_here()) return before(items, key_);
      return at_ == items.begin() ? items.end() : std::prev(at_);
    });
  }

  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }

 private:
  static Items::const_iterator before(const Items& items, std::string_view key) {
    const auto it = items.lower_bound(key);
    return it == items.begin() ? items.end() : std::prev(it);
  }

  template <class Find>
  bool move(Find find) {
    std::shared_lock lock(state_.mutex, std::defer_lock);
    if (locks_) lock.lock();
    const Items& items = state_[database_];
    const auto it = find(items);
    if (it == items.end()) return false;
    at_ = it;
    version_ = state_.version;
    key_.assign(it->first);
    value_.assign(it->second);
    return true;
  }
  // SUBTLE: a map's iterators outlive every change but the removal of their own item.
  bool still_here() const { return version_ == state_.version; }

  const State& state_;
  Database database_;
  bool locks_;
  Items::const_iterator at_;
  std::uint64_t version_ = ~std::uint64_t{0};  // Of the state when `at_` was found.
  std::string key_, value_;
};

class MapReadTransaction final : public ReadTransaction {
 public:
  explicit MapReadTransaction(const State& state) : state_(state) {}

  std::optional<std::string_view> get(Database database, std::string_view key) const override {
    std::shared_lock lock(state_.mutex);
    const auto it = state_[database].find(key);
    if (it == state_[database].end()) return std::nullopt;
    return found_ = it->second;
  }
  std::unique_ptr<Walk> walk(Database database) const override {
    return std::make_unique<MapWalk>(state_, database, true);
  }
  bool empty(Database database) const override {
    std::shared_lock lock(state_.mutex);
    return state_[database].empty();
  }

 private:
  const State& state_;
  mutable std::string found_;
};

// REQUIRES: the state's mutex is held for as long as this lives.
class MapWriteTransaction final : public WriteTransaction {
 public:
  MapWriteTransaction(State& state, std::vector<Undo>& log, std::uint64_t bytes_max)
      : state_(state), log_(log), bytes_max_(bytes_max) {}

  std::optional<std::string_view> get(Database database, std::string_view key) const override {
    const auto it = state_[database].find(key);
    if (it == state_[database].end()) return std::nullopt;
    return it->second;
  }
  std::unique_ptr<Walk> walk(Database database) const override {
    return std::make_unique<MapWalk>(state_, database, false);
  }
  bool empty(Database database) const override { return state_[database].empty(); }

  void put(Database database, std::string_view key, std::string_view value) override {
    KITH_CHECK(!key.empty() && key.size() <= kStoreKeyBytesMax, "a key that LMDB would refuse", key.size());
    log_.push_back({database, std::string(key), state_.replace(database, key, std::string(value))});
    if (state_.bytes <= bytes_max_) return;
    throw StoreError(StoreError::Kind::kFull, "the store in memory is full: nothing was written");
  }
  void del(Database database, std::string_view key) override {
    auto before = state_.replace(database, key, std::nullopt);
    if (before) log_.push_back({database, std::string(key), std::move(before)});
  }

 private:
  State& state_;
  std::vector<Undo>& log_;
  std::uint64_t bytes_max_;
};

}  // namespace

class MemoryStore::Impl {
 public:
  explicit Impl(std::uint64_t limit) : bytes_max(limit) {}

  std::uint64_t bytes_max;
  State state;
  std::vector<Undo> log;  // Since the last sync.
  bool syncs_held = false;
  std::optional<StoreError::Kind> fault;
  Applier applier;
};

MemoryStore::MemoryStore(std::uint64_t bytes_max) : impl_(std::make_unique<Impl>(bytes_max)) {}
MemoryStore::~MemoryStore() = default;

CommitReport MemoryStore::commit(const StoreBatch& batch) {
  Impl& my = *impl_;
  std::unique_lock lock(my.state.mutex);
  if (const auto fault = std::exchange(my.fault, std::nullopt))
    throw StoreError(*fault, "a fault that a test asked for");
  const std::size_t begin = my.log.size();
  try {
    MapWriteTransaction transaction(my.state, my.log, my.bytes_max);
    CommitReport report = my.applier.apply(transaction, batch);
    if (!my.syncs_held) my.log.clear();
    return report;
  } catch (const StoreError&) {
    my.state.undo(my.log, begin);
    my.applier.forget();
    throw;
  }
}

std::unique_ptr<Snapshot> MemoryStore::snapshot() const {
  return std::make_unique<Reader>(std::make_unique<MapReadTransaction>(impl_->state));
}

Store::Usage MemoryStore::usage() const {
  std::shared_lock lock(impl_->state.mutex);
  return {impl_->state.bytes, impl_->bytes_max, impl_->state[Database::kCells].size()};
}

std::vector<std::string> MemoryStore::verify() const { return kith::verify(MapReadTransaction(impl_->state)); }

std::unique_ptr<MemoryStore> MemoryStore::clone() const {
  std::shared_lock lock(impl_->state.mutex);
  auto copy = std::make_unique<MemoryStore>(impl_->bytes_max);
  copy->impl_->state.databases = impl_->state.databases;
  copy->impl_->state.bytes = impl_->state.bytes;
  std::vector<Undo> not_durable = impl_->log;
  copy->impl_->state.undo(not_durable, 0);
  return copy;
}

void MemoryStore::limit_bytes(std::uint64_t bytes_max) {
  std::unique_lock lock(impl_->state.mutex);
  impl_->bytes_max = bytes_max;
}

void MemoryStore::hold_syncs(bool held) {
  std::unique_lock lock(impl_->state.mutex);
  impl_->syncs_held = held;
}

void MemoryStore::sync() {
  std::unique_lock lock(impl_->state.mutex);
  impl_->log.clear();
}

void MemoryStore::crash() {
  std::unique_lock lock(impl_->state.mutex);
  impl_->state.undo(impl_->log, 0);
  impl_->applier = Applier{};  // Who opens it next has another life.
}

void MemoryStore::fail_next_commit(StoreError::Kind kind) {
  std::unique_lock lock(impl_->state.mutex);
  impl_->fault = kind;
}

std::optional<std::string> MemoryStore::stored(Database database, std::string_view key) const {
  std::shared_lock lock(impl_->state.mutex);
  const auto it = impl_->state[database].find(key);
  if (it == impl_->state[database].end()) return std::nullopt;
  return it->second;
}

bool MemoryStore::flip_bit(Database database, std::string_view key, std::size_t bit) {
  auto value = stored(database, key);
  if (!value || bit / 8 >= value->size()) return false;
  (*value)[bit / 8] = static_cast<char>((*value)[bit / 8] ^ (0x80 >> (bit % 8)));
  return overwrite(database, key, *value);
}

std::optional<std::string> MemoryStore::flip_key_bit(Database database, std::string_view key, std::size_t bit) {
  std::string flipped(key);
  if (bit / 8 >= flipped.size()) return std::nullopt;
  flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (0x80 >> (bit % 8)));
  std::unique_lock lock(impl_->state.mutex);
  if (!impl_->state[database].contains(key) || impl_->state[database].contains(flipped)) return std::nullopt;
  impl_->state.replace(database, flipped, impl_->state.replace(database, key, std::nullopt));
  return flipped;
}

bool MemoryStore::overwrite(Database database, std::string_view key, std::string_view value) {
  std::unique_lock lock(impl_->state.mutex);
  if (!impl_->state[database].contains(key)) return false;
  impl_->state.replace(database, key, std::string(value));
  return true;
}

}  // namespace kith
