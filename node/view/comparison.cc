#include "node/view/comparison.h"

#include <algorithm>
#include <utility>

namespace kith {

Comparison::Comparison(Side a, Side b, Ask ask) : a_(std::move(a)), b_(std::move(b)), ask_(std::move(ask)) {
  const auto roots_a = parse_shard_roots(this->ask(a_, ClientOp::kShards, {}).document);
  const auto roots_b = parse_shard_roots(this->ask(b_, ClientOp::kShards, {}).document);
  shards_ = roots_a.size();
  shards_of_b_ = roots_b.size();
  for (std::size_t shard = 0; shard < std::min(shards_, shards_of_b_); ++shard) {
    if (roots_a[shard] != roots_b[shard]) differing_.push_back(static_cast<std::uint32_t>(shard));
  }
}

std::string Comparison::two_clusters() const {
  if (shards_ == shards_of_b_) return {};
  return a_.name + " has " + std::to_string(shards_) + " shards and " + b_.name + " has " + std::to_string(shards_of_b_) +
         ": they are of two clusters";
}

ClientReply Comparison::ask(const Side& side, ClientOp op, Request request) {
  request.op = op;
  return ask_(side, request);
}

Comparison::Cells Comparison::cells_of(const Side& side, Request request) {
  Cells out;
  do {
    const ClientReply page = ask(side, ClientOp::kCells, request);
    for (CellValue& cell : parse_cells(page.document)) {
      const CellName name = cell.name;
      out.emplace(name, std::move(cell));
    }
    request.after = page.next;
  } while (!request.after.empty());
  return out;
}

// A document shows short values only.
void Comparison::fetch_value(const Side& side, CellValue& cell) {
  if (cell.value || cell.name.kind == "set" || cell.name.kind == "damaged") return;
  Request request;
  request.table = cell.name.table;
  request.key = cell.name.key;
  if (cell.name.kind == "hash") request.members = {cell.name.member};
  cell.value = ask(side, cell.name.kind == "hash" ? ClientOp::kHget : ClientOp::kGet, std::move(request)).value;
}

std::vector<std::uint32_t> Comparison::buckets_differing(std::uint32_t shard) {
  Request request;
  request.shard = shard;
  const auto sums_a = parse_buckets(ask(a_, ClientOp::kBuckets, request).document);
  const auto sums_b = parse_buckets(ask(b_, ClientOp::kBuckets, request).document);
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < std::max(sums_a.size(), sums_b.size()); ++i) {
    if (i >= sums_a.size() || i >= sums_b.size() || sums_a[i] != sums_b[i]) out.push_back(i);
  }
  return out;
}

bool Comparison::compare_shard(std::uint32_t shard, const std::function<bool(const Difference&)>& visit) {
  Request request;
  request.shard = shard;
  request.buckets = buckets_differing(shard);
  if (request.buckets.empty()) return true;  // It was mended between the two questions.
  Cells cells_a = cells_of(a_, request);
  Cells cells_b = cells_of(b_, request);
  auto a = cells_a.begin();
  auto b = cells_b.begin();
  while (a != cells_a.end() || b != cells_b.end()) {
    Difference difference;
    const bool at_a = a != cells_a.end() && (b == cells_b.end() || a->first <= b->first);
    const bool at_b = b != cells_b.end() && (a == cells_a.end() || b->first <= a->first);
    difference.cell = at_a ? a->first : b->first;
    difference.a = at_a ? &a->second : nullptr;
    difference.b = at_b ? &b->second : nullptr;
    if (!at_a || !at_b || a->second.fingerprint != b->second.fingerprint) {
      if (at_a) fetch_value(a_, a->second);
      if (at_b) fetch_value(b_, b->second);
      if (!visit(difference)) return false;
    }
    if (at_a) ++a;
    if (at_b) ++b;
  }
  return true;
}

void Comparison::each_difference(const std::function<bool(const Difference&)>& visit) {
  for (const std::uint32_t shard : differing_) {
    if (!compare_shard(shard, visit)) return;
  }
}

}  // namespace kith
