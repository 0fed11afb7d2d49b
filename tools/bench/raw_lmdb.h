// tools/bench/raw_lmdb.h -- what somebody who knows LMDB would write by hand for rows and a feed, and no more.
//
// Two databases, one transaction a commit, one cursor a database, sorted puts, the same flags and the same syncs.
// No counts, no fingerprints, no clocks, no checksums, no joins: it is told the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct MDB_env;

namespace kith::bench {

struct RawBatch {
  struct Item {
    std::string key, value;
  };
  std::vector<Item> rows;              // Sorted by key.
  std::vector<Item> feed;              // Sorted by key.
  std::vector<std::string> feed_ends;  // Sorted; of rows that were there before.
};

class RawLmdb {
 public:
  RawLmdb(const std::string& directory, std::uint64_t map_bytes);
  ~RawLmdb();
  RawLmdb(const RawLmdb&) = delete;
  RawLmdb& operator=(const RawLmdb&) = delete;

  void commit(const RawBatch& batch);

 private:
  MDB_env* env_ = nullptr;
  unsigned int rows_ = 0, feed_ = 0;
};

}  // namespace kith::bench
