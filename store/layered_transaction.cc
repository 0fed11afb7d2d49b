#include "store/layered_transaction.h"

#include <utility>

#include "crdt/check.h"
#include "store/row.h"

namespace kith {
namespace {

// A place in one table, with the keys that were there by then; those that are deleted among them.
class TableWalk {
 public:
  // `sees_puts`: also of what is put while it stands somewhere.
  TableWalk(const RecentTable& table, Database database, RecentTable::Commit commit, bool sees_puts)
      : table_(table), database_(database), commit_(commit), sees_puts_(sees_puts) {}

  bool seek(std::string_view key) { return forward(key.empty() ? table_.first(database_) : table_.from(database_, key)); }
  bool seek_before(std::string_view key) { return backward(table_.before(database_, key)); }
  bool next() {
    if (sees_puts_) table_.sort_in(database_);
    return forward(RecentTable::behind(*node_));
  }
  bool previous() {
    if (sees_puts_) table_.sort_in(database_);
    return backward(RecentTable::before(*node_));
  }

  std::string_view key() const { return node_->key(); }
  const RecentTable::Version& version() const { return *version_; }

 private:
  bool forward(const RecentTable::Node* node) {
    for (; node != nullptr; node = RecentTable::behind(*node)) {
      if (stand(node)) return true;
    }
    return false;
  }
  bool backward(const RecentTable::Node* node) {
    for (; node != nullptr; node = RecentTable::before(*node)) {
      if (stand(node)) return true;
    }
    return false;
  }
  bool stand(const RecentTable::Node* node) {
    node_ = node;
    version_ = node->at(commit_);
    return version_ != nullptr;
  }

  const RecentTable& table_;
  const Database database_;
  const RecentTable::Commit commit_;
  const bool sees_puts_;
  const RecentTable::Node* node_ = nullptr;
  const RecentTable::Version* version_ = nullptr;
};

// All layers at once.  Those that stand somewhere stand at the key shown or, in the direction of the walk, behind it.
class LayeredWalk final : public Walk {
 public:
  LayeredWalk(const ReadTransaction& below, const RecentLayers& layers, Database database, bool sees_puts) : below_(below.walk(database)) {
    for (std::size_t i = 0; i < tables_.size(); ++i) {
      if (layers.tables[i] != nullptr) tables_[i].emplace(*layers.tables[i], database, layers.commit, sees_puts && i == 0);
    }
  }

  bool seek(std::string_view key) override {
    forward_ = true;
    each([&](auto& walk) { return walk.seek(key); });
    return settle();
  }
  bool seek_before(std::string_view key) override {
    forward_ = false;
    each([&](auto& walk) { return walk.seek_before(key); });
    return settle();
  }
  bool next() override {
    key_.assign(key());
    if (!forward_) {
      forward_ = true;
      each([&](auto& walk) { return walk.seek(key_); });
    }
    step_from(key_);
    return settle();
  }
  bool previous() override {
    key_.assign(key());
    if (forward_) {
      forward_ = false;
      each([&](auto& walk) { return walk.seek_before(key_); });
    } else {
      step_from(key_);
    }
    return settle();
  }

  std::string_view key() const override { return key_at(shown_); }
  std::string_view value() const override { return shown_ == kBelow ? below_->value() : tables_[shown_]->version().value; }

 private:
  static constexpr std::size_t kBelow = 2, kLayers = 3;

  std::string_view key_at(std::size_t layer) const { return layer == kBelow ? below_->key() : tables_[layer]->key(); }

  template <class Move>
  void each(Move move) {
    for (std::size_t i = 0; i < kBelow; ++i) stands_[i] = tables_[i] && move(*tables_[i]);
    stands_[kBelow] = move(*below_);
  }

  // Who stands at `key` goes on.
  void step_from(std::string_view key) {
    for (std::size_t i = 0; i < kBelow; ++i) {
      if (stands_[i] && tables_[i]->key() == key) stands_[i] = forward_ ? tables_[i]->next() : tables_[i]->previous();
    }
    if (stands_[kBelow] && below_->key() == key) stands_[kBelow] = forward_ ? below_->next() : below_->previous();
  }

  // Shows what comes first, of equal keys the newest, unless that was deleted.
  bool settle() {
    for (;;) {
      shown_ = kLayers;
      for (std::size_t i = 0; i < kLayers; ++i) {
        if (!stands_[i]) continue;
        if (shown_ == kLayers || (forward_ ? key_at(i) < key_at(shown_) : key_at(i) > key_at(shown_))) shown_ = i;
      }
      if (shown_ == kLayers) return false;
      if (shown_ == kBelow || tables_[shown_]->version().present) return true;
      key_.assign(key());
      step_from(key_);
    }
  }

  std::unique_ptr<Walk> below_;
  std::array<std::optional<TableWalk>, kBelow> tables_;
  std::array<bool, kLayers> stands_{};
  std::size_t shown_ = kLayers;
  bool forward_ = true;
  std::string key_;
};

std::optional<std::string_view> get_from(const ReadTransaction& below, const RecentLayers& layers, Database database, std::string_view key) {
  const auto* version = layers.find(database, key);
  if (version == nullptr) return below.get(database, key);
  if (!version->present) return std::nullopt;
  return version->value;
}

bool is_empty(const ReadTransaction& transaction, const ReadTransaction& below, const RecentLayers& layers, Database database) {
  return layers.hold_any(database) ? !transaction.walk(database)->seek({}) : below.empty(database);
}

}  // namespace

const RecentTable::Version* RecentLayers::find(Database database, std::string_view key) const {
  const std::uint64_t hash = RecentTable::hash_of(database, key);
  for (const RecentTable* table : tables) {
    if (table == nullptr) continue;
    const auto* node = table->find(database, key, hash);
    const auto* version = node == nullptr ? nullptr : node->at(commit);
    if (version != nullptr) return version;
  }
  return nullptr;
}

bool RecentLayers::hold_any(Database database) const {
  return (tables[0] != nullptr && tables[0]->holds_any(database)) || (tables[1] != nullptr && tables[1]->holds_any(database));
}

std::optional<std::string_view> LayeredReadTransaction::get(Database database, std::string_view key) const {
  return get_from(below_, layers_, database, key);
}

std::unique_ptr<Walk> LayeredReadTransaction::walk(Database database) const {
  if (!layers_.hold_any(database)) return below_.walk(database);
  return std::make_unique<LayeredWalk>(below_, layers_, database, false);
}

bool LayeredReadTransaction::empty(Database database) const { return is_empty(*this, below_, layers_, database); }

std::optional<std::string_view> LayeredWriteTransaction::get(Database database, std::string_view key) const {
  const auto found = get_from(below_, layers_, database, key);
  if (database == Database::kCells) {
    asked_.assign(key);
    asked_there_ = found.has_value();
  }
  return found;
}

std::unique_ptr<Walk> LayeredWriteTransaction::walk(Database database) const {
  return std::make_unique<LayeredWalk>(below_, layers_, database, true);  // What is put later must be seen.
}

bool LayeredWriteTransaction::empty(Database database) const { return is_empty(*this, below_, layers_, database); }

bool LayeredWriteTransaction::there(Database database, std::string_view key) const {
  return asked_ == key ? asked_there_ : get_from(below_, layers_, database, key).has_value();
}

void LayeredWriteTransaction::put(Database database, std::string_view key, std::string_view value) {
  KITH_CHECK(!key.empty() && key.size() <= kStoreKeyBytesMax, "a key that LMDB would refuse", key.size());
  if (database == Database::kCells) {
    if (!there(database, key)) ++rows_more_;
    asked_.assign(key);
    asked_there_ = true;
  }
  into_.put(database, key, value, layers_.commit);
}

void LayeredWriteTransaction::del(Database database, std::string_view key) {
  if (key.empty() || key.size() > kStoreKeyBytesMax) return;  // No such key can have been put.
  if (database == Database::kCells) {
    if (there(database, key)) --rows_more_;
    asked_.assign(key);
    asked_there_ = false;
  }
  into_.put(database, key, std::nullopt, layers_.commit);
}

}  // namespace kith
