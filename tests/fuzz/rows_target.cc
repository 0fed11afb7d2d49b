#include <xxhash.h>

#include <algorithm>
#include <set>

#include "crdt/bytes.h"
#include "crdt/check.h"
#include "crdt/content.h"
#include "crdt/counter.h"
#include "gossip/message.h"
#include "node/reads.h"
#include "node/view/explain_document.h"
#include "node/view/explain_words.h"
#include "store/memory_store.h"
#include "store/row.h"
#include "tests/fuzz/targets.h"

namespace kith::fuzz {

namespace {

constexpr std::uint32_t kShards = 4;
constexpr std::size_t kInputMax = 16 * 1024;
constexpr std::int64_t kNowMs = 1'700'000'000'000;

std::string encoded(const Content& content) {
  ByteWriter out;
  encode(content, out);
  return out.take();
}

Content joined(Content a, const Content& b) {
  (void)a.join(b);
  return a;
}

// Whoever reads a document of a node reads this.
void explain(const Snapshot& snapshot, const CellKey& cell) {
  if (!valid_table_name(cell.table) && cell.table != kSystemTable) return;
  Request request;
  request.id = 1;
  request.op = ClientOp::kExplain;
  request.table = cell.table;
  request.key = cell.key;
  const ClientReply reply = answer_read(request, {snapshot, kShards, [](const StoreKey&) {}, kNowMs});
  if (reply.status == Status::kError) return;
  KITH_CHECK(reply.status == Status::kOk, "what was stored is not found", reply.message);
  const Explained explained = parse_explained(reply.document);
  KITH_CHECK(!explained.values.empty(), "nothing is explained of what was stored");
  for (const ExplainedValue& value : explained.values) {
    (void)value_in_words(value, explained.lives, "it");
    (void)history_in_words(value, explained.lives, NodeStatus{});
  }
}

// input := key_size:u16 store key, then the row behind its checksum (store/row.h)
void run_row(ByteReader in) {
  const std::string key(in.bytes(std::min<std::size_t>(in.u16(), in.left())));
  if (!in.ok() || key.size() < 2) return;
  const std::string_view rest = in.rest();
  ByteWriter row;
  row.u8(kRowVersion);
  row.u64(XXH3_64bits_withSeed(rest.data(), rest.size(), XXH3_64bits(key.data(), key.size())));
  row.bytes(rest);
  const auto parsed = parse_value_key(value_of_store_key(key));
  (void)increment_tag_of_store_key(key);
  const auto found = decode_row(key, row.view());
  if (!found) return;
  KITH_CHECK(parsed.has_value(), "a row is read whose key is none");
  KITH_CHECK(encode_row(key, found->cell, found->content, found->lsn) == row.view(), "a row is written in another way than it is read");
  KITH_CHECK(store_key(shard_of_store_key(key), found->cell) == key, "a row is read under a key that is not its own");
}

// input := kind:u8 (size:u16 content){2} content
void run_contents(ByteReader in) {
  const Kind kind = *kind_from(static_cast<std::uint8_t>(1 + in.u8() % 4));
  const auto part = [&] { return in.bytes(std::min<std::size_t>(in.u16(), in.left())); };
  const auto a = decode_content(kind, part()), b = decode_content(kind, part()), c = decode_content(kind, in.rest());
  for (const auto& it : {a, b, c}) {
    if (!it) continue;
    KITH_CHECK(decode_content(kind, encoded(*it)) == it, "a content does not come back as it went");
    KITH_CHECK(joined(*it, *it) == *it, "joining a content with itself changes it");
    (void)it->observable_hash();
    (void)it->shows_at(kNowMs);
    Content collected = *it;
    (void)collected.collect(Timestamp::at_ms(kNowMs));
    KITH_CHECK(collected.shows_at(kNowMs) == it->shows_at(kNowMs), "collecting changes what shows");
  }
  if (!a || !b) return;
  const Content ab = joined(*a, *b);
  KITH_CHECK(ab == joined(*b, *a), "a joined with b is not b joined with a");
  KITH_CHECK(joined(ab, *a) == ab && joined(ab, *b) == ab, "a join does not hold what was joined");
  if (c) KITH_CHECK(joined(ab, *c) == joined(*a, joined(*b, *c)), "joining depends on the order");
}

// input := cells (gossip/message.h)
void run_cells(ByteReader in) {
  const CellBlock block{std::string(in.rest())};
  const auto cells = block.read();
  if (!cells) return;
  CellBlock again;
  MemoryStore store;
  StoreBatch batch;
  for (const Cell& cell : *cells) {
    again.append(cell.key, cell.content);
    if (!cell.content.empty()) batch.merge(shard_of(cell.key, kShards), cell.key, cell.content);
  }
  KITH_CHECK(again.bytes() == block.bytes(), "cells are written in another way than they are read");
  const CommitReport report = store.commit(batch);
  const auto findings = store.verify();
  KITH_CHECK(findings.empty(), "the store is not sound", findings.front());
  if (!report.refused.empty()) return;
  std::set<std::pair<std::string, std::string>> explained;
  const auto snapshot = store.snapshot();
  for (const Cell& cell : *cells) {
    if (!cell.content.empty() && explained.insert({cell.key.table, cell.key.key}).second) explain(*snapshot, cell.key);
  }
}

}  // namespace

void run_rows(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > kInputMax) return;
  ByteReader in(bytes);
  switch (in.u8() % 3) {
    case 0: return run_row(in);
    case 1: return run_contents(in);
    default: return run_cells(in);
  }
}

}  // namespace kith::fuzz
