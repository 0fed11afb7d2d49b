#include "crdt/register.h"

#include <xxhash.h>

namespace kith {
namespace {

std::uint64_t value_hash(const std::optional<std::string>& value) {
  return value ? XXH3_64bits(value->data(), value->size()) : 0;
}

}  // namespace

std::uint64_t Register::observable_hash() const {
  if (!present()) return 0;
  const std::uint64_t words[] = {tag_.at.value, tag_.actor.value, value_hash(value_)};
  const std::uint64_t hash = XXH3_64bits(words, sizeof words);
  return hash != 0 ? hash : 1;
}

Register Register::set(std::string value, Tag tag, Commit commit) { return write(std::move(value), tag, commit); }

Register Register::erase(Tag tag, Commit commit) { return write(std::nullopt, tag, commit); }

Register Register::write(std::optional<std::string> value, Tag tag, Commit commit) {
  // SUBTLE: a tag names one operation, so a second value under an equal tag is a misbehaving client.  It is not
  // refused here: whichever value wins by hash, wins on every replica.
  if (!empty() && (tag < tag_ || (tag == tag_ && value == value_))) return {};
  Register delta;
  delta.tag_ = tag;
  delta.commit_ = commit;
  delta.value_ = std::move(value);
  return join(delta) ? delta : Register{};
}

bool Register::collect(Timestamp horizon) {
  if (empty() || present() || commit_.at > horizon) return false;
  *this = Register{};
  return true;
}

bool Register::join(const Register& other) {
  if (other.empty()) return false;
  if (other.tag_ < tag_) return false;
  if (other.tag_ == tag_) {
    if (other.value_ == value_) {
      if (!(other.commit_ < commit_)) return false;
    } else {
      const std::uint64_t mine = value_hash(value_), theirs = value_hash(other.value_);
      if (theirs < mine || (theirs == mine && other.value_ < value_)) return false;
    }
  }
  *this = other;
  return true;
}

}  // namespace kith
