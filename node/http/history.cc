#include "node/http/history.h"

#include <algorithm>

namespace kith {

std::int64_t most_lacked(const Picture& picture, const SeenNode& node) {
  if (!node.answers()) return Sample::kUnknown;
  std::int64_t most = 0;
  bool unknown = false;
  for (const SeenNode& other : picture.nodes) {
    if (other.name == node.name) continue;
    if (!other.answers()) {
      unknown = true;
      continue;
    }
    if (other.status->root == node.status->root) continue;
    const auto lacked = other.lacked.find(node.name);
    if (lacked == other.lacked.end()) {
      unknown = true;
    } else {
      most = std::max(most, static_cast<std::int64_t>(lacked->second.cells));
    }
  }
  return most == 0 && unknown ? Sample::kUnknown : most;
}

void History::add(const Picture& picture) {
  const std::scoped_lock lock(mutex_);
  for (const SeenNode& node : picture.nodes) {
    if (names_.size() < kSampledNodesMax && std::find(names_.begin(), names_.end(), node.name) == names_.end()) names_.push_back(node.name);
  }
  Sample sample;
  sample.wall_ms = picture.taken_wall_ms;
  sample.agreement = picture.verdict.agreement;
  for (const std::string& name : names_) {
    const SeenNode* node = picture.find(name);
    sample.lag_ms.push_back(node == nullptr ? Sample::kUnknown : node->lag_ms);
    sample.missing.push_back(node == nullptr ? Sample::kUnknown : most_lacked(picture, *node));
  }
  samples_.push_back(std::move(sample));
  if (samples_.size() > kSamplesMax) samples_.pop_front();
}

History::Reading History::since(std::int64_t wall_ms) const {
  const std::scoped_lock lock(mutex_);
  Reading out{names_, {}};
  for (const Sample& sample : samples_) {
    if (sample.wall_ms > wall_ms) out.samples.push_back(sample);
  }
  return out;
}

}  // namespace kith
