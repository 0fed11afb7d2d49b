#include "store/recent_table.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "crdt/check.h"

namespace kith {
namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;
constexpr std::size_t kAlign = alignof(std::uint64_t);
// A key with its node, version and value takes more than this.
constexpr std::size_t kSlotForBytes = 64;
constexpr std::size_t kSlotsLeast = 1024;
constexpr std::uint64_t kAddress = (std::uint64_t{1} << 48) - 1;
constexpr std::uint64_t kHeightsSeed = 0x9e3779b97f4a7c15;

}  // namespace

std::uint64_t RecentTable::hash_of(Database database, std::string_view key) {
  return XXH3_64bits_withSeed(key.data(), key.size(), static_cast<XXH64_hash_t>(database));
}

RecentTable::RecentTable(std::size_t bytes_expected) : slots_(std::bit_ceil(std::max(kSlotsLeast, bytes_expected / kSlotForBytes))) {}

char* RecentTable::room(std::size_t bytes) {
  bytes = (bytes + kAlign - 1) / kAlign * kAlign;
  if (bytes > chunk_left_) {
    const std::size_t size = std::max(bytes, kChunkBytes);
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(size));
    chunk_at_ = chunks_.back().get();
    chunk_left_ = size;
  }
  char* out = chunk_at_;
  chunk_at_ += bytes;
  chunk_left_ -= bytes;
  return out;
}

std::string_view RecentTable::keep_bytes(std::string_view bytes) {
  if (bytes.empty()) return {};
  char* out = room(bytes.size());
  std::memcpy(out, bytes.data(), bytes.size());
  return {out, bytes.size()};
}

RecentTable::Node* RecentTable::find(Database database, std::string_view key, std::uint64_t hash) const {
  const std::uint64_t mark = hash & ~kAddress;
  for (std::size_t slot = hash & (slots_.size() - 1);; slot = (slot + 1) & (slots_.size() - 1)) {
    const std::uint64_t entry = slots_[slot].load(std::memory_order_acquire);
    if (entry == 0) break;
    if ((entry & ~kAddress) != mark) continue;
    Node* node = reinterpret_cast<Node*>(entry & kAddress);
    if (node->database_ == database && node->key_ == key) return node;
  }
  if (all_in_slots_.load(std::memory_order_acquire)) return nullptr;
  Node* node = const_cast<Node*>(from(database, key));
  return node != nullptr && node->key_ == key ? node : nullptr;
}

const RecentTable::Node* RecentTable::first(Database database) const {
  sort_in(database);
  return heads_[static_cast<std::size_t>(database)][0].load(std::memory_order_acquire);
}

std::atomic<RecentTable::Node*>& RecentTable::link(Database database, Node* node, int level) const {
  return node == nullptr ? heads_[static_cast<std::size_t>(database)][static_cast<std::size_t>(level)] : node->next(level);
}

// The last node before `key`, or null.  REQUIRES: `at` is before it, and as high as `level`.
RecentTable::Node* RecentTable::descend(Database database, std::string_view key, Node* at, int level, Path* path) const {
  for (; level >= 0; --level) {
    for (Node* next; (next = link(database, at, level).load(std::memory_order_acquire)) != nullptr && next->key_ < key;) at = next;
    if (path != nullptr) (*path)[static_cast<std::size_t>(level)] = at;
  }
  return at;
}

const RecentTable::Node* RecentTable::from(Database database, std::string_view key) const {
  const Node* before_it = before(database, key);
  return before_it == nullptr ? first(database) : behind(*before_it);
}

const RecentTable::Node* RecentTable::before(Database database, std::string_view key) const {
  sort_in(database);
  return descend(database, key, nullptr, kHeightMax - 1, nullptr);
}

// Makes the database's path that to `key`.  Cost: by how far it is behind the last.
void RecentTable::path_to(Database database, std::string_view key) const {
  Path& path = paths_[static_cast<std::size_t>(database)];
  if (path[0] == nullptr || !(path[0]->key_ < key)) {
    (void)descend(database, key, nullptr, kHeightMax - 1, &path);
    return;
  }
  int level = 0;
  const auto goes_on = [&](int of) {
    const Node* next = link(database, path[static_cast<std::size_t>(of)], of).load(std::memory_order_relaxed);
    return next != nullptr && next->key_ < key;
  };
  while (level + 1 < kHeightMax && goes_on(level)) ++level;
  (void)descend(database, key, path[static_cast<std::size_t>(level)], level, &path);
}

RecentTable::Node* RecentTable::insert(Database database, std::string_view key, std::uint64_t hash) {
  int height = 1;
  for (; height < kHeightMax && (heights_ & 3) == 0; ++height) heights_ >>= 2;
  heights_ ^= heights_ << 13, heights_ ^= heights_ >> 7, heights_ ^= heights_ << 17;
  if (heights_ == 0) heights_ = kHeightsSeed;

  const std::size_t before_key = sizeof(Node) + sizeof(std::atomic<Node*>) * static_cast<std::size_t>(height);
  char* place = room(before_key + key.size());
  Node* node = new (place) Node;
  std::memcpy(place + before_key, key.data(), key.size());
  node->key_ = {place + before_key, key.size()};
  node->database_ = database;
  node->height_ = static_cast<std::uint8_t>(height);
  for (int level = 0; level < height; ++level) new (&node->next(level)) std::atomic<Node*>(nullptr);
  const auto which = static_cast<std::size_t>(database);
  any_[which].store(true, std::memory_order_release);
  unsorted_[which].fetch_add(1, std::memory_order_release);
  Node* waits = waiting_[which].load(std::memory_order_relaxed);
  do {
    node->previous_.store(waits, std::memory_order_relaxed);
  } while (!waiting_[which].compare_exchange_weak(waits, node, std::memory_order_release, std::memory_order_relaxed));
  ++nodes_;
  const auto address = reinterpret_cast<std::uint64_t>(node);
  if (nodes_ > slots_.size() / 8 * 7 || (address & ~kAddress) != 0) {
    all_in_slots_.store(false, std::memory_order_release);
    return node;
  }
  std::size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot].load(std::memory_order_relaxed) != 0) slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot].store(address | (hash & ~kAddress), std::memory_order_release);
  return node;
}

void RecentTable::sort_in_waiting(Database database) const {
  const auto which = static_cast<std::size_t>(database);
  const std::scoped_lock lock(sorting_[which]);
  std::vector<Node*> nodes;
  for (Node* node = waiting_[which].exchange(nullptr, std::memory_order_acquire); node != nullptr; node = node->previous_.load(std::memory_order_relaxed)) {
    nodes.push_back(node);
  }
  std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->key_ < b->key_; });
  for (Node* node : nodes) sort_in(node);
  unsorted_[which].fetch_sub(nodes.size(), std::memory_order_release);
}

void RecentTable::sort_in(Node* node) const {
  const Database database = node->database_;
  path_to(database, node->key_);
  Path& path = paths_[static_cast<std::size_t>(database)];
  for (int level = 0; level < node->height_; ++level) {
    node->next(level).store(link(database, path[static_cast<std::size_t>(level)], level).load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  node->previous_.store(path[0], std::memory_order_relaxed);
  // From the lowest level up: whoever comes by meanwhile finds it, or what was there before it.
  for (int level = 0; level < node->height_; ++level) {
    link(database, path[static_cast<std::size_t>(level)], level).store(node, std::memory_order_release);
    path[static_cast<std::size_t>(level)] = node;
  }
  if (Node* next = node->next(0).load(std::memory_order_relaxed)) next->previous_.store(node, std::memory_order_release);
}

void RecentTable::put(Database database, std::string_view key, std::optional<std::string_view> value, Commit commit) {
  const std::uint64_t hash = hash_of(database, key);
  Node* node = find(database, key, hash);
  if (node == nullptr) node = insert(database, key, hash);
  const Version* before = node->newest();
  if (before != nullptr && before->commit == commit) {  // Nobody reads what is at hand but who puts it.
    bytes_at_hand_ -= key.size() + before->value.size();
    before = before->older;
  } else {
    at_hand_.push_back(node);
  }
  KITH_CHECK(before == nullptr || before->commit < commit, "commits go on", commit);
  const std::string_view kept = value ? keep_bytes(*value) : std::string_view{};
  const Version* version = new (room(sizeof(Version))) Version{before, commit, kept, value.has_value()};
  node->newest_.store(version, std::memory_order_release);
  bytes_at_hand_ += key.size() + kept.size();
}

void RecentTable::keep() {
  bytes_ += bytes_at_hand_ + at_hand_.size() * (sizeof(Node) + sizeof(Version));
  bytes_at_hand_ = 0;
  at_hand_.clear();
}

void RecentTable::take_back() {
  for (Node* node : at_hand_) node->newest_.store(node->newest()->older, std::memory_order_release);
  bytes_at_hand_ = 0;
  at_hand_.clear();
}

}  // namespace kith
