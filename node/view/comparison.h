// node/view/comparison.h -- two nodes compared: shard by shard, of those that differ bucket by bucket, of those cell by cell.
//
//     roots (one question each)  ->  buckets of the shards that differ  ->  cells of the buckets that differ
//
// What is asked for grows with what differs, not with what there is.  Both go on living: what was mended between two
// questions is not found any more, and what is on its way may be.
// Throws what `ask` throws, and ClientError(kProtocol).  Belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "node/client.h"
#include "node/view/inspect_documents.h"

namespace kith {

struct Side {
  std::string name;
  std::string address;
};

struct Difference {
  CellName cell;
  const CellValue* a = nullptr;  // Null: absent there.
  const CellValue* b = nullptr;
};

class Comparison {
 public:
  using Ask = std::function<ClientReply(const Side& side, const Request& request)>;

  // Asks for the roots.
  Comparison(Side a, Side b, Ask ask);

  // Why the two cannot be compared, for people; empty: they can.
  std::string two_clusters() const;

  std::size_t shards() const { return shards_; }
  const std::vector<std::uint32_t>& shards_differing() const { return differing_; }

  // Those of the shard's 256 buckets that differ, in order.  REQUIRES: !two_clusters() to say, as of all below.
  std::vector<std::uint32_t> buckets_differing(std::uint32_t shard);

  // In order of shard and cell, until `visit` returns false; values are there while it runs.  Asks for values that a
  // document does not show.
  void each_difference(const std::function<bool(const Difference&)>& visit);

 private:
  using Cells = std::map<CellName, CellValue>;

  ClientReply ask(const Side& side, ClientOp op, Request request);
  Cells cells_of(const Side& side, Request request);
  void fetch_value(const Side& side, CellValue& cell);
  bool compare_shard(std::uint32_t shard, const std::function<bool(const Difference&)>& visit);

  Side a_;
  Side b_;
  Ask ask_;
  std::size_t shards_ = 0, shards_of_b_ = 0;
  std::vector<std::uint32_t> differing_;
};

}  // namespace kith
