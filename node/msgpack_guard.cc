#include "node/msgpack_guard.h"

#include <msgpack.hpp>

#include <unordered_set>
#include <vector>

#include "crdt/limits.h"

namespace kith {

namespace {

class GuardVisitor : public msgpack::null_visitor {
 public:
  explicit GuardVisitor(std::size_t frame_bytes) : frame_bytes_(frame_bytes) {}

  bool visit_nil() { return not_a_key(); }
  bool visit_boolean(bool) { return not_a_key(); }
  bool visit_positive_integer(std::uint64_t) { return not_a_key(); }
  bool visit_negative_integer(std::int64_t) { return not_a_key(); }
  bool visit_float32(float) { return not_a_key(); }
  bool visit_float64(double) { return not_a_key(); }
  bool visit_bin(const char*, std::uint32_t) { return not_a_key(); }
  bool visit_ext(const char*, std::uint32_t) { return not_a_key(); }

  bool visit_str(const char* bytes, std::uint32_t size) {
    if (!in_key_) return true;
    in_key_ = false;
    const std::string_view key{bytes, size};
    if (keys_[maps_.back()].insert(key).second) return true;
    return fail("the key \"" + std::string(key.substr(0, 64)) + "\" comes twice in one map");
  }

  bool start_array(std::uint32_t count) { return not_a_key() && declare(count) && enter(); }
  bool end_array() { return leave(); }

  bool start_map(std::uint32_t pairs) {
    if (!not_a_key() || !declare(2 * std::uint64_t{pairs}) || !enter()) return false;
    if (keys_.size() <= depth_) keys_.resize(depth_ + 1);
    keys_[depth_].clear();
    maps_.push_back(depth_);
    return true;
  }
  bool start_map_key() {
    in_key_ = true;
    return true;
  }
  bool end_map() {
    maps_.pop_back();
    return leave();
  }

  const std::string& fault() const { return fault_; }

 private:
  bool fail(std::string why) {
    fault_ = std::move(why);
    return false;
  }
  bool not_a_key() { return !in_key_ || fail("a map key is not a string"); }
  bool declare(std::uint64_t objects) {
    declared_ += objects;
    if (declared_ > frame_bytes_) return fail("it declares more objects than it has bytes");
    if (declared_ > kMsgpackObjectsMax) {
      return fail("it has more than " + std::to_string(kMsgpackObjectsMax) + " objects");
    }
    return true;
  }
  bool enter() {
    if (++depth_ > kMsgpackDepthMax) return fail("it is nested deeper than " + std::to_string(kMsgpackDepthMax));
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }

  std::size_t frame_bytes_;
  std::uint64_t declared_ = 0;
  std::size_t depth_ = 0;
  bool in_key_ = false;
  std::vector<std::size_t> maps_;                              // Depths of the maps that are open.
  std::vector<std::unordered_set<std::string_view>> keys_;    // By depth.
  std::string fault_;
};

}  // namespace

std::optional<std::string> msgpack_fault(std::string_view frame) {
  GuardVisitor visitor(frame.size());
  std::size_t offset = 0;
  bool whole = false;
  try {
    whole = msgpack::parse(frame.data(), frame.size(), offset, visitor);
  } catch (const msgpack::unpack_error&) {
    // Some versions of msgpack-c throw where others return false: both mean that the bytes are not msgpack.
  }
  if (!visitor.fault().empty()) return visitor.fault();
  if (!whole) return "it is cut short or not msgpack";
  if (offset != frame.size()) return std::to_string(frame.size() - offset) + " bytes are left over at its end";
  return std::nullopt;
}

}  // namespace kith
