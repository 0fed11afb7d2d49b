#include "crdt/register.h"

#include <xxhash.h>

namespace kith {
namespace {

std::uint64_t value_hash(const std::optional<std::string>& value) {
  return value ? XXH3_64bits(value->data(), value->size()) : 0;
}

}  // namespace

std::uint64_t Register::tie_breaker() const { return value_hash(value_); }

std::uint64_t Register::observable_hash() const {
  if (!present()) return 0;
  const std::uint64_t words[] = {tag_.at.value, tag_.actor.value, value_hash(value_), static_cast<std::uint64_t>(expires_at_ms_)};
  const std::uint64_t hash = XXH3_64bits(words, expires_at_ms_ == 0 ? 3 * sizeof words[0] : sizeof words);
  return hash != 0 ? hash : 1;
}

Register Register::set(std::string value, Tag tag, Commit commit, std::int64_t expires_at_ms) {
  return write(std::move(value), tag, commit, expires_at_ms);
}

Register Register::erase(Tag tag, Commit commit) { return write(std::nullopt, tag, commit, 0); }

Register Register::write(std::optional<std::string> value, Tag tag, Commit commit, std::int64_t expires_at_ms) {
  // SUBTLE: a tag names one operation, so a second value under an equal tag is a misbehaving client.  It is not
  // refused here: whichever value wins by hash, wins on every replica.
  if (!empty() && (tag < tag_ || (tag == tag_ && value == value_ && expires_at_ms == expires_at_ms_))) return {};
  Register delta;
  delta.tag_ = tag;
  delta.commit_ = commit;
  delta.value_ = std::move(value);
  delta.expires_at_ms_ = expires_at_ms;
  return join(delta) ? delta : Register{};
}

bool Register::collect(Timestamp horizon) {
  if (empty() || commit_.at > horizon) return false;
  if (present() && (expires_at_ms_ == 0 || Timestamp::at_ms(expires_at_ms_) > horizon)) return false;
  *this = Register{};
  return true;
}

bool Register::join(const Register& other) {
  if (other.empty()) return false;
  if (other.tag_ < tag_) return false;
  if (other.tag_ == tag_) {
    if (other.value_ != value_) {
      const std::uint64_t mine = value_hash(value_), theirs = value_hash(other.value_);
      if (theirs < mine || (theirs == mine && other.value_ < value_)) return false;
    } else if (other.expires_at_ms_ != expires_at_ms_) {
      const bool later = other.expires_at_ms_ == 0 || (expires_at_ms_ != 0 && other.expires_at_ms_ > expires_at_ms_);
      if (!later) return false;
    } else if (!(other.commit_ < commit_)) {
      return false;
    }
  }
  *this = other;
  return true;
}

}  // namespace kith
