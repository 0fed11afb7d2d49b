#include "gossip/shown.h"

#include <xxhash.h>

#include "crdt/bytes.h"
#include "crdt/counter.h"
#include "store/store.h"

namespace kith {

std::uint64_t Shown::hash(const CellKey& cell, std::uint64_t first, std::uint64_t second) const {
  ByteWriter out;
  encode(cell, out);
  out.u64(first);
  out.u64(second);
  return XXH3_64bits_withSeed(out.view().data(), out.size(), salt_);
}

std::uint64_t salted_name(std::uint64_t salt, const CellKey& cell) {
  ByteWriter out;
  encode(cell, out);
  return XXH3_64bits_withSeed(out.view().data(), out.size(), salt);
}

void Shown::row(const Row& row) {
  const CellKey& cell = row.cell;
  if (counter_ && (cell.kind != Kind::kCounter || cell.key != counter_->key || cell.table != counter_->table)) end();
  if (cell.kind == Kind::kCounter) {
    if (!counter_) counter_ = base_cell(cell.table, cell.key);
    counter_sum_ += fingerprint_of(cell, row.content);
  } else if (row.content.holds(Kind::kSet)) {
    const SetElement& element = row.content.as_set_element();
    for (const auto& [actor, add] : element.adds()) {
      if (!element.dead(actor, add)) visit_(cell, {hash(cell, actor.value, add.at.value), actor});
    }
  } else if (row.content.present()) {
    const Tag& tag = row.content.as_register().tag();
    visit_(cell, {hash(cell, tag.actor.value, tag.at.value)});
  }
}

void Shown::end() {
  if (counter_) visit_(*counter_, {hash(*counter_, counter_sum_, 0)});
  counter_.reset();
  counter_sum_ = 0;
}

}  // namespace kith
