// node/data_directory.h -- the directory that belongs to one node: made, locked, and known to be this node's.
//
//     DIR/kithd.lock  held with flock() for as long as the process lives; names its pid (the store locks for itself)
//     DIR/kith.id     who lives here, as text: format, node, name, cluster (once known)
//     DIR/data.mdb    the store, and journal-0.kith, journal-1.kith (store/lmdb_store.h)
//     DIR/restoring   while a backup is copied into it (node/restore.h)
//     DIR/redone.jsonl what was done again since nobody had seen it, for people (node/redone_file.h)
//     DIR/addresses   where it is reached now, once it listens: client=HOST:PORT, peer=HOST:PORT, http=HOST:PORT; and where it
//                     listens, if others are told something else: bound_client=, bound_peer=
//
// Invariants:
//   I1. At most one process has a DataDirectory of a directory.
//   I2. A directory whose kith.id remains but whose store is gone is refused, as is a store of another node: to start
//       with less than one had would be to forget what one has promised to peers.
// Tests: tests/node/data_directory_test.cc
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "crdt/ids.h"

namespace kith {

// For people: what is wrong with which directory, and what to do now.
class DataDirectoryError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct NodeIdentity {
  NodeId node;
  std::string name;
  ClusterId cluster;  // None until the node has joined.

  friend bool operator==(const NodeIdentity&, const NodeIdentity&) = default;
};

class DataDirectory {
 public:
  // Makes it when missing (0700), takes the lock, reads kith.id.  Throws DataDirectoryError.
  explicit DataDirectory(std::string path);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  const std::string& path() const { return path_; }
  const std::optional<NodeIdentity>& identity() const { return identity_; }

  // Throws when kith.id names another node than the store.
  void check_same_node(NodeId store_node) const;

  // Writes kith.id, durably, when it says anything else.  REQUIRES: the store already says the same, durably.
  void remember(const NodeIdentity& identity);

  // `more`: of other ports, as name and address.
  void write_addresses(const std::string& client, const std::string& peer,
                       const std::vector<std::pair<std::string, std::string>>& more = {}) const;
  void remove_addresses() const;

 private:
  void take_lock();
  void read_identity();

  std::string path_;
  int lock_ = -1;
  std::optional<NodeIdentity> identity_;
};

}  // namespace kith
