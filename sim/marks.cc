#include "sim/marks.h"

namespace kith::sim {

const std::vector<Mark>& required_marks() {
  static const std::vector<Mark> marks = {
      {"refused: retry_window_passed", "a stale retry was refused"},
  };
  return marks;
}

std::vector<Mark> missing_marks(const std::map<std::string, std::uint64_t>& reached) {
  std::vector<Mark> missing;
  for (const Mark& mark : required_marks()) {
    const auto at = reached.find(std::string(mark.name));
    if (at == reached.end() || at->second == 0) missing.push_back(mark);
  }
  return missing;
}

}  // namespace kith::sim
