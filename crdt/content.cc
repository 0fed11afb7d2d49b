#include "crdt/content.h"

#include "crdt/check.h"
#include "crdt/limits.h"

namespace kith {

// The one place that may build a Register or a SetElement from parts.
class ContentCodec {
 public:
  static void encode(const SetElement& element, ByteWriter& out);
  static void encode(const Register& state, ByteWriter& out);
  static std::optional<SetElement> decode_set_element(ByteReader in);
  static std::optional<Register> decode_register(ByteReader in);

 private:
  static bool plain(ActorId actor, const Entry& add) {
    return add.at == add.commit.at && actor == actor_of(add.commit.origin);
  }
  static void put(ActorId actor, const Entry& entry, ByteWriter& out);
  static bool get_sorted(ByteReader& in, std::uint64_t count, bool is_plain, ActorMap& into);
};

namespace {

constexpr std::uint8_t kHasValue = 1;
constexpr std::uint8_t kTagged = 2;
constexpr std::uint8_t kExpires = 4;

}  // namespace

void ContentCodec::put(ActorId actor, const Entry& entry, ByteWriter& out) {
  out.u64(actor.value);
  out.u64(entry.at.value);
  out.u64(entry.commit.origin.value);
  out.u64(entry.commit.at.value);
}

void ContentCodec::encode(const SetElement& element, ByteWriter& out) {
  std::size_t plain_adds = 0;
  for (const auto& [actor, entry] : element.adds_) plain_adds += plain(actor, entry) ? 1 : 0;
  out.varint(plain_adds);
  out.varint(element.adds_.size() - plain_adds);
  out.varint(element.removed_.size());
  for (const auto& [actor, entry] : element.adds_) {
    if (!plain(actor, entry)) continue;
    out.u64(actor.value);
    out.u64(entry.at.value);
  }
  for (const auto& [actor, entry] : element.adds_) {
    if (!plain(actor, entry)) put(actor, entry, out);
  }
  for (const auto& [actor, entry] : element.removed_) put(actor, entry, out);
}

bool ContentCodec::get_sorted(ByteReader& in, std::uint64_t count, bool is_plain, ActorMap& into) {
  ActorId previous;
  for (std::uint64_t i = 0; i < count; ++i) {
    const ActorId actor{in.u64()};
    Entry entry;
    entry.at = Timestamp{in.u64()};
    entry.commit = is_plain ? Commit{entry.at, OriginId{actor.value}} : Commit{};
    if (!is_plain) {
      entry.commit.origin = OriginId{in.u64()};
      entry.commit.at = Timestamp{in.u64()};
    }
    if (!in.ok() || actor <= previous || !entry.at || !entry.commit.origin || !entry.commit.at) return false;
    into.raise(actor, entry);
    previous = actor;
  }
  return true;
}

std::optional<SetElement> ContentCodec::decode_set_element(ByteReader in) {
  const std::uint64_t plain_adds = in.varint(), tagged_adds = in.varint(), removals = in.varint();
  if (!in.ok() || plain_adds > kEntriesPerCellMergedMax || tagged_adds > kEntriesPerCellMergedMax ||
      removals > kEntriesPerCellMergedMax ||
      plain_adds * 16 + (tagged_adds + removals) * 32 != in.left()) {
    return std::nullopt;
  }
  SetElement element;
  ActorMap tagged;
  if (!get_sorted(in, plain_adds, true, element.adds_)) return std::nullopt;
  if (!get_sorted(in, tagged_adds, false, tagged)) return std::nullopt;
  element.adds_.join(tagged);
  if (element.adds_.size() != plain_adds + tagged_adds) return std::nullopt;  // An actor among both.
  if (!get_sorted(in, removals, false, element.removed_)) return std::nullopt;
  std::uint64_t found_plain = 0;
  for (const auto& [actor, entry] : element.adds_) found_plain += plain(actor, entry) ? 1 : 0;
  if (found_plain != plain_adds || element.empty() || !in.done()) return std::nullopt;
  return element;
}

void ContentCodec::encode(const Register& state, ByteWriter& out) {
  const bool tagged = state.tag_ != Tag{state.commit_.at, actor_of(state.commit_.origin)};
  const bool expires = state.expires_at_ms_ != 0;
  out.u8(static_cast<std::uint8_t>((state.value_ ? kHasValue : 0) | (tagged ? kTagged : 0) | (expires ? kExpires : 0)));
  if (tagged) {
    out.u64(state.tag_.actor.value);
    out.u64(state.tag_.at.value);
  }
  out.u64(state.commit_.origin.value);
  out.u64(state.commit_.at.value);
  if (expires) out.u64(static_cast<std::uint64_t>(state.expires_at_ms_));
  if (state.value_) out.bytes(*state.value_);
}

std::optional<Register> ContentCodec::decode_register(ByteReader in) {
  const std::uint8_t flags = in.u8();
  Register state;
  if ((flags & ~(kHasValue | kTagged | kExpires)) != 0) return std::nullopt;
  if ((flags & kTagged) != 0) {
    state.tag_.actor = ActorId{in.u64()};
    state.tag_.at = Timestamp{in.u64()};
  }
  state.commit_.origin = OriginId{in.u64()};
  state.commit_.at = Timestamp{in.u64()};
  const Tag implied{state.commit_.at, actor_of(state.commit_.origin)};
  if ((flags & kTagged) == 0) {
    state.tag_ = implied;
  } else if (state.tag_ == implied) {
    return std::nullopt;
  }
  if ((flags & kExpires) != 0) {
    const std::uint64_t expires_at_ms = in.u64();
    const bool fits = expires_at_ms != 0 && expires_at_ms <= static_cast<std::uint64_t>(Timestamp::kMillisecondsMax);
    if ((flags & kHasValue) == 0 || !fits) return std::nullopt;
    state.expires_at_ms_ = static_cast<std::int64_t>(expires_at_ms);
  }
  if ((flags & kHasValue) != 0) {
    if (in.left() > kValueBytesMax) return std::nullopt;
    state.value_ = std::string(in.rest());
  }
  if (!in.done() || !state.tag_.at || !state.tag_.actor || !state.commit_.at || !state.commit_.origin) return std::nullopt;
  return state;
}

Content::Content(Kind kind) {
  if (kind == Kind::kSet) state_ = SetElement{};
}

bool Content::holds(Kind kind) const { return std::holds_alternative<SetElement>(state_) == (kind == Kind::kSet); }

bool Content::present() const {
  return std::visit([](const auto& state) { return state.present(); }, state_);
}

bool Content::shows_at(std::int64_t now_ms) const {
  if (const auto* state = std::get_if<Register>(&state_)) return state->shows_at(now_ms);
  return present();
}

std::int64_t Content::over_at_ms() const {
  const auto* state = std::get_if<Register>(&state_);
  return state == nullptr ? 0 : state->over_at_ms();
}

bool Content::empty() const {
  return std::visit([](const auto& state) { return state.empty(); }, state_);
}

std::size_t Content::entry_count() const {
  if (const auto* element = std::get_if<SetElement>(&state_)) return element->adds().size() + element->removed().size();
  return empty() ? 0 : 1;
}

std::uint64_t Content::observable_hash() const {
  return std::visit([](const auto& state) { return state.observable_hash(); }, state_);
}

bool Content::join(const Content& other) {
  KITH_CHECK(state_.index() == other.state_.index(), "two kinds of content cannot be joined", state_.index(),
             other.state_.index());
  if (auto* element = std::get_if<SetElement>(&state_)) return element->join(other.as_set_element());
  return as_register().join(other.as_register());
}

bool Content::collectable() const {
  if (const auto* element = std::get_if<SetElement>(&state_)) return !element->removed().empty();
  return !as_register().empty() && !as_register().present();
}

bool Content::collect(Timestamp horizon) {
  if (auto* element = std::get_if<SetElement>(&state_)) return element->collect(horizon);
  return as_register().collect(horizon);
}

bool Content::drop(const Content& these) {
  if (state_.index() != these.state_.index()) return false;
  if (auto* element = std::get_if<SetElement>(&state_)) return element->drop(these.as_set_element());
  if (as_register().empty() || as_register() != these.as_register()) return false;
  *this = Content(Register{});
  return true;
}

void Content::recommit(Commit commit) {
  if (auto* element = std::get_if<SetElement>(&state_)) element->recommit(commit);
  else as_register().recommit(commit);
}

void encode(const Content& content, ByteWriter& out) {
  KITH_CHECK(!content.empty(), "a cell with nothing in it is not written");
  if (content.holds(Kind::kSet)) {
    ContentCodec::encode(content.as_set_element(), out);
  } else {
    ContentCodec::encode(content.as_register(), out);
  }
}

std::optional<Content> decode_content(Kind kind, std::string_view in) {
  if (kind == Kind::kSet) {
    auto element = ContentCodec::decode_set_element(ByteReader(in));
    if (!element) return std::nullopt;
    return Content(*std::move(element));
  }
  auto state = ContentCodec::decode_register(ByteReader(in));
  if (!state) return std::nullopt;
  return Content(*std::move(state));
}

}  // namespace kith
