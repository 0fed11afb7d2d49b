// store/recent_table.h -- what commits changed lately, in memory: the newest values over those in the file.
//
//     database, key -> versions, newest first: (commit 9, value) (commit 7, deleted) (commit 4, value)
//
// A reader is given the number of a commit and sees what that one left, whatever is put meanwhile.  Says nothing of a key that
// was not put here: then what lies beneath counts (store/layered_transaction.h).
//
// Invariants:
//   I1. One thread puts; any number of threads read at the same time, since nothing is ever moved or freed before the table itself.
//       Gets take no lock; walks take one when there is something to be put in order.
//   I2. What was put for the commit at hand is gone after take_back(), and stays after keep().
// Keys are found by hash in O(1), and walked in order, as a skip list.  They are put into that by who walks first: most tables are
// walked only once they are frozen, by another thread (store/settler.h), and sorting them then costs a tenth.  Tests: tests/store/recent_table_test.cc
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "store/transaction.h"

namespace kith {

class RecentTable {
 public:
  using Commit = std::uint64_t;  // Counted from 1.

  struct Version {
    const Version* older;
    Commit commit;
    std::string_view value;
    bool present;  // Else the key was deleted.
  };

  class Node {
   public:
    std::string_view key() const { return key_; }
    Database database() const { return database_; }
    const Version* at(Commit commit) const {  // Null: it was not put by then.
      const Version* version = newest_.load(std::memory_order_acquire);
      while (version != nullptr && version->commit > commit) version = version->older;
      return version;
    }
    const Version* newest() const { return newest_.load(std::memory_order_acquire); }

   private:
    friend class RecentTable;
    std::string_view key_;
    std::atomic<const Version*> newest_{nullptr};
    std::atomic<Node*> previous_{nullptr};  // Until it is in order: the one that waits behind it.
    Database database_{};
    std::uint8_t height_ = 0;
    // `height` of them lie behind it, and then the key: who comes by looks at both.
    std::atomic<Node*>& next(int level) { return reinterpret_cast<std::atomic<Node*>*>(this + 1)[level]; }
    const std::atomic<Node*>& next(int level) const { return reinterpret_cast<const std::atomic<Node*>*>(this + 1)[level]; }
  };

  explicit RecentTable(std::size_t bytes_expected);  // More may be put; then keys are found more slowly.
  RecentTable(const RecentTable&) = delete;
  RecentTable& operator=(const RecentTable&) = delete;

  // ---- Any thread
  static std::uint64_t hash_of(Database database, std::string_view key);
  const Node* find(Database database, std::string_view key) const { return find(database, key, hash_of(database, key)); }
  Node* find(Database database, std::string_view key, std::uint64_t hash) const;
  bool holds_any(Database database) const {  // Whatever became of it.
    return any_[static_cast<std::size_t>(database)].load(std::memory_order_acquire);
  }
  const Node* first(Database database) const;
  const Node* from(Database database, std::string_view key) const;    // The first at or after it.
  const Node* before(Database database, std::string_view key) const;  // The last before it.
  // SUBTLE: these two perhaps without one that is put meanwhile, and so is of a commit that nobody has been told of; sort_in() has them
  // see it.
  static const Node* before(const Node& node) { return node.previous_.load(std::memory_order_acquire); }
  static const Node* behind(const Node& node) { return node.next(0).load(std::memory_order_acquire); }

  void sort_in(Database database) const {
    if (unsorted_[static_cast<std::size_t>(database)].load(std::memory_order_acquire) != 0) sort_in_waiting(database);
  }

  // ---- The one that writes
  // REQUIRES: `commit` is that of all puts since keep() or take_back(), and above all before.
  void put(Database database, std::string_view key, std::optional<std::string_view> value, Commit commit);
  const std::vector<Node*>& at_hand() const { return at_hand_; }  // Put since then; each once.
  std::size_t bytes_at_hand() const { return bytes_at_hand_; }    // Of their keys and values.
  void keep();
  void take_back();
  std::size_t bytes() const { return bytes_; }  // Of all keys and values that were put and kept.
  std::size_t nodes() const { return nodes_; }

 private:
  static constexpr int kHeightMax = 12;  // A quarter of each level is on the next: 4^12 = 16 million keys.
  using Tower = std::array<std::atomic<Node*>, kHeightMax>;
  using Path = std::array<Node*, kHeightMax>;  // The last before some key on each level; null: the head.

  char* room(std::size_t bytes);
  std::string_view keep_bytes(std::string_view bytes);
  std::atomic<Node*>& link(Database database, Node* node, int level) const;
  Node* insert(Database database, std::string_view key, std::uint64_t hash);
  void sort_in_waiting(Database database) const;
  void sort_in(Node* node) const;
  Node* descend(Database database, std::string_view key, Node* at, int level, Path* path) const;
  void path_to(Database database, std::string_view key) const;

  std::vector<std::unique_ptr<char[]>> chunks_;
  std::size_t chunk_left_ = 0;
  char* chunk_at_ = nullptr;
  mutable std::array<Tower, kDatabaseCount> heads_{};
  std::vector<std::atomic<std::uint64_t>> slots_;  // By hash: 16 bits of it, and 48 of the node's address.  A power of two.
  std::atomic<bool> all_in_slots_{true};
  std::uint64_t heights_ = 0x9e3779b97f4a7c15;
  std::array<std::atomic<bool>, kDatabaseCount> any_{};
  mutable std::array<std::atomic<Node*>, kDatabaseCount> waiting_{};
  // Raised before one waits, lowered after it is in order: who finds zero finds all in order.
  mutable std::array<std::atomic<std::size_t>, kDatabaseCount> unsorted_{};
  mutable std::array<std::mutex, kDatabaseCount> sorting_;
  // Where the last was put in, since the next is near.  Guarded by sorting_.
  mutable std::array<Path, kDatabaseCount> paths_{};
  std::vector<Node*> at_hand_;
  std::size_t bytes_at_hand_ = 0, bytes_ = 0, nodes_ = 0;
};

}  // namespace kith
