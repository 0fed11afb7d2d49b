#include "crdt/counter.h"

#include "crdt/check.h"

namespace kith {

void CounterSum::write(ByteWriter& out) const {
  out.u64(high_);
  out.u64(low_);
}

CounterSum CounterSum::read(ByteReader& in) {
  CounterSum out;
  out.high_ = in.u64();
  out.low_ = in.u64();
  return out;
}

CellKey increment_cell(std::string_view table, std::string_view key, const Tag& tag) {
  return {std::string(table), std::string(key), Kind::kCounter, increment_member(tag)};
}

CellKey base_cell(std::string_view table, std::string_view key) {
  return {std::string(table), std::string(key), Kind::kCounter, {}};
}

std::string increment_member(const Tag& tag) {
  ByteWriter out;
  out.u64(tag.at.value);
  out.u64(tag.actor.value);
  return out.take();
}

std::optional<Tag> increment_tag(std::string_view member) {
  ByteReader in(member);
  Tag tag;
  tag.at = Timestamp{in.u64()};
  tag.actor = ActorId{in.u64()};
  if (!in.done() || !tag.at || !tag.actor) return std::nullopt;
  return tag;
}

std::string encode_amount(std::int64_t amount) {
  ByteWriter out;
  out.u64(static_cast<std::uint64_t>(amount));
  return out.take();
}

std::optional<std::int64_t> decode_amount(std::string_view bytes) {
  ByteReader in(bytes);
  const auto amount = static_cast<std::int64_t>(in.u64());
  if (!in.done() || amount == 0) return std::nullopt;
  return amount;
}

Register base_register(Timestamp folded_to, const CounterBase& base, Commit commit) {
  ByteWriter out;
  base.sum.write(out);
  out.u64(base.digest);
  return Register{}.set(out.take(), Tag{folded_to, kBaseActor}, commit);
}

std::optional<CounterBase> decode_base(std::string_view bytes) {
  ByteReader in(bytes);
  CounterBase base;
  base.sum = CounterSum::read(in);
  base.digest = in.u64();
  if (!in.done()) return std::nullopt;
  return base;
}

CounterSum counter_share(const CellKey& cell, const Content& content) {
  if (content.empty()) return {};
  KITH_CHECK(fits_its_cell(cell, content), "what a counter's cell holds is neither an increment nor a base", cell.table,
             cell.key);
  const std::string& value = *content.as_register().value();
  return is_base(cell) ? decode_base(value)->sum : CounterSum(*decode_amount(value));
}

bool fits_its_cell(const CellKey& cell, const Content& content) {
  // The books of the cluster stand until they are changed.
  if (cell.table == kSystemTable) return content.over_at_ms() == 0;
  if (cell.kind != Kind::kCounter) return true;
  const Register& state = content.as_register();
  if (!state.present() || state.expires_at_ms() != 0) return false;  // A counter's cell is never deleted.
  if (is_base(cell)) return state.tag().actor == kBaseActor && decode_base(*state.value()).has_value();
  return increment_tag(cell.member) == state.tag() && decode_amount(*state.value()).has_value();
}

}  // namespace kith
