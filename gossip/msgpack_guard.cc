#include "gossip/msgpack_guard.h"

#include <algorithm>
#include <cstdint>
#include <msgpack.hpp>
#include <string>
#include <vector>

#include "crdt/limits.h"

namespace kith {
namespace {

class Guard : public msgpack::null_visitor {
 public:
  explicit Guard(std::size_t bytes) : bytes_(bytes) {}

  bool visit_nil() { return value(); }
  bool visit_boolean(bool) { return value(); }
  bool visit_positive_integer(std::uint64_t v) { return value() && (!in_key_ || key("u" + std::to_string(v))); }
  // SUBTLE: also called for what is not negative but spelled as a signed number.
  bool visit_negative_integer(std::int64_t v) {
    return value() && (!in_key_ || key((v < 0 ? "i" : "u") + std::to_string(v)));
  }
  bool visit_float32(float) { return value(); }
  bool visit_float64(double) { return value(); }
  bool visit_str(const char* v, std::uint32_t size) {
    return value() && (!in_key_ || key(std::string("s").append(v, size)));
  }
  bool visit_bin(const char*, std::uint32_t) { return value(); }
  bool visit_ext(const char*, std::uint32_t) { return false; }

  bool start_array(std::uint32_t count) { return value() && promise(count) && enter(); }
  bool end_array() { return leave(); }
  bool start_map(std::uint32_t count) {
    if (!value() || !promise(std::uint64_t{count} * 2) || !enter()) return false;
    keys_.emplace_back();
    return true;
  }
  bool start_map_key() {
    in_key_ = true;
    key_seen_ = false;
    return true;
  }
  bool end_map_key() {
    in_key_ = false;
    return key_seen_;
  }
  bool end_map() {
    auto& keys = keys_.back();
    std::sort(keys.begin(), keys.end());
    if (std::adjacent_find(keys.begin(), keys.end()) != keys.end()) return false;
    keys_.pop_back();
    return leave();
  }
  void parse_error(std::size_t, std::size_t) { failed_ = true; }
  void insufficient_bytes(std::size_t, std::size_t) { failed_ = true; }
  bool failed() const { return failed_; }

 private:
  bool value() { return ++objects_ <= kMsgpackObjectsMax; }
  // Every promised element takes at least a byte, so all promises together cannot exceed the bytes there are.
  bool promise(std::uint64_t count) { return (promised_ += count) <= bytes_; }
  bool enter() { return !in_key_ && ++depth_ <= kMsgpackDepthMax; }
  bool leave() {
    --depth_;
    return true;
  }
  bool key(std::string text) {
    key_seen_ = true;
    keys_.back().push_back(std::move(text));
    return true;
  }

  std::size_t bytes_;
  std::size_t objects_ = 0, depth_ = 0;
  std::uint64_t promised_ = 0;
  bool in_key_ = false, key_seen_ = false, failed_ = false;
  std::vector<std::vector<std::string>> keys_;
};

}  // namespace

bool msgpack_is_sound(std::string_view bytes) {
  if (bytes.empty()) return false;
  Guard guard(bytes.size());
  std::size_t offset = 0;
  return msgpack::parse(bytes.data(), bytes.size(), offset, guard) && !guard.failed() && offset == bytes.size();
}

}  // namespace kith
